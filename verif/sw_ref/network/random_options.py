"""Random options of operators, for tensors of given shapes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sw_ref.network import (
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Linear,
    MaxPool,
    Pad,
    Permute,
    PixelShuffle,
    Resize,
    Slice,
)
from sw_ref.network.operator import Operator, Shape

Drawn = tuple[Operator, tuple[int, ...]]


@dataclass(frozen=True)
class Draw:
    """Draws from `rng`."""

    rng: np.random.Generator

    def options(self, op: str, shape: Shape) -> Drawn:
        """Options of an operator that reads a tensor of that shape, and the shape of its weights.

        They may not fit: a kernel larger than the tensor, for example.
        """
        return getattr(self, f"_{op}")(shape)

    def pick(self, choices: Sequence[Any]) -> Any:
        """One of them."""
        return choices[int(self.rng.integers(len(choices)))]

    def pair(self, low: int, high: int) -> tuple[int, int]:
        """Two numbers from `low` to `high`."""
        first, second = (int(n) for n in self.rng.integers(low, high + 1, 2))
        return first, second

    def padding(self, high: int) -> tuple[int, int, int, int]:
        """Four numbers up to `high`, often 0."""
        high *= int(self.rng.random() < 0.7)
        return (*self.pair(0, high), *self.pair(0, high))

    def _grouped(self, channels: int, kernel: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Groups, and the shape of weights: dense, some groups, or depthwise with one or two outputs each."""
        groups = int(self.pick([1, 1, channels, self.pick([g for g in range(1, channels + 1) if channels % g == 0])]))
        outputs = groups * int(self.rng.integers(1, 3 if groups > 1 else 12))
        return groups, (outputs, channels // groups, *kernel)

    def _conv(self, shape: Shape) -> Drawn:
        kernel = self.pair(1, 4) if shape[1] > 1 or self.rng.random() < 0.3 else (int(self.rng.integers(1, 5)),)
        groups, weights = self._grouped(shape[0], kernel)
        dilation = self.pair(1, 2) if self.rng.random() < 0.4 else (1, 1)
        options = Conv(stride=self.pair(1, 3), padding=self.padding(3), dilation=dilation, groups=groups)
        return options, weights

    def _depthwise(self, shape: Shape) -> Drawn:
        """A kernel of 3 x 3 for each channel, as most networks have them."""
        dilation = self.pair(1, 2) if self.rng.random() < 0.2 else (1, 1)
        both = int(self.rng.integers(1, 3))
        stride = self.pair(1, 3) if self.rng.random() < 0.5 else (both, both)
        options = Conv(stride=stride, padding=self.padding(2), dilation=dilation, groups=shape[0])
        return options, (shape[0], 1, 3, 3)

    def _linear(self, shape: Shape) -> Drawn:
        return Linear(), (int(self.rng.integers(1, 15)), shape[0])

    def _conv_transpose(self, shape: Shape) -> Drawn:
        kernel = self.pair(1, 4) if shape[1] > 1 or self.rng.random() < 0.3 else (int(self.rng.integers(1, 5)),)
        groups, weights = self._grouped(shape[0], kernel)
        dilation = self.pair(1, 3) if self.rng.random() < 0.4 else (1, 1)
        options = ConvTranspose(
            stride=self.pair(1, 3),
            padding=self.padding(3),
            output_padding=self.pair(0, 1),
            dilation=dilation,
            groups=groups,
        )
        return options, weights

    def _pool(self) -> dict[str, Any]:
        dilation = self.pair(1, 2) if self.rng.random() < 0.3 else (1, 1)
        return {
            "kernel": self.pair(1, 4),
            "stride": self.pair(1, 3),
            "padding": self.padding(2),
            "dilation": dilation,
        }

    def _max_pool(self, shape: Shape) -> Drawn:
        return MaxPool(**self._pool()), ()

    def _average_pool(self, shape: Shape) -> Drawn:
        if self.rng.random() < 0.3:
            return AveragePool(kernel=(shape[1], shape[2])), ()
        return AveragePool(**self._pool(), count_padding=bool(self.rng.random() < 0.5)), ()

    def _add(self, shape: Shape) -> Drawn:
        return Add(), ()

    def _concat(self, shape: Shape) -> Drawn:
        return Concat(), ()

    def _resize(self, shape: Shape) -> Drawn:
        return Resize(factor=self.pair(1, 3)), ()

    def _pixel_shuffle(self, shape: Shape) -> Drawn:
        blocks = [b for b in (3, 2, 1) if shape[0] % b**2 == 0]
        return PixelShuffle(block=blocks[0], order=self.pick(["DCR", "CRD"])), ()

    def _pad(self, shape: Shape) -> Drawn:
        return Pad(padding=self.padding(3), mode=self.pick(["zero", "edge", "reflect"])), ()

    def _slice(self, shape: Shape) -> Drawn:
        bounds = [sorted(self.rng.choice(size + 1, 2, replace=False).tolist()) for size in shape]
        if self.rng.random() < 0.5:  # of channels alone
            bounds[1:] = [[0, size] for size in shape[1:]]
        return Slice(start=tuple(a for a, _ in bounds), stop=tuple(b for _, b in bounds)), ()  # type: ignore[arg-type]

    def _permute(self, shape: Shape) -> Drawn:
        return Permute(order=tuple(self.rng.permutation(shape[0]).tolist())), ()

    def _flatten(self, shape: Shape) -> Drawn:
        return Flatten(), ()
