"""Operators that move codes, unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import parameter
from sw_ref.network.operator import OPTION_MAX, SIZE_MAX, Movement, Shape, choice, numbers


@dataclass(frozen=True, kw_only=True)
class Concat(Movement):
    """The channels of all inputs, one input after the other."""

    op: ClassVar[str] = "concat"
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        if len({shape[1:] for shape in shapes}) > 1:
            raise ValueError(f"inputs have shapes {list(shapes)}; allowed: the same rows and columns")
        return sum(shape[0] for shape in shapes), *shapes[0][1:]

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        return np.concatenate(acts, axis=1)


@dataclass(frozen=True, kw_only=True)
class Resize(Movement):
    """Every code `factor` times along rows and columns (nearest neighbour)."""

    op: ClassVar[str] = "resize"

    factor: tuple[int, int] = numbers(count=2, low=1)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        channels, rows, columns = shapes[0]
        return channels, rows * self.factor[0], columns * self.factor[1]

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        return acts[0].repeat(self.factor[0], axis=2).repeat(self.factor[1], axis=3)


@dataclass(frozen=True, kw_only=True)
class PixelShuffle(Movement):
    """Channels become rows and columns: blocks of `block` x `block` positions (ONNX DepthToSpace).

    `order` "DCR": input channel (v * block + u) * C + c holds row v, column u of output channel c's blocks;
    "CRD": input channel (c * block + v) * block + u.
    """

    op: ClassVar[str] = "pixel_shuffle"

    block: int = parameter(2, low=1, high=OPTION_MAX, help="rows and columns that one position becomes")
    order: str = choice("DCR", "CRD")

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        channels, rows, columns = shapes[0]
        if channels % self.block**2:
            raise ValueError(f"block is {self.block} for {channels} channels; allowed: its square divides them")
        return channels // self.block**2, rows * self.block, columns * self.block

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        n, channels, rows, columns = acts[0].shape
        b = self.block
        if self.order == "DCR":
            cut = acts[0].reshape(n, b, b, channels // b**2, rows, columns).transpose(0, 3, 4, 1, 5, 2)
        else:
            cut = acts[0].reshape(n, channels // b**2, b, b, rows, columns).transpose(0, 1, 4, 2, 5, 3)
        return cut.reshape(n, channels // b**2, rows * b, columns * b)


@dataclass(frozen=True, kw_only=True)
class Pad(Movement):
    """More positions around the input; `padding`: top, left, bottom, right.

    `mode` "zero": their codes are z; "edge": the nearest code of the input; "reflect": mirrored at the outermost
    position, which is not repeated.
    """

    op: ClassVar[str] = "pad"

    padding: tuple[int, int, int, int] = numbers(count=4)
    mode: str = choice("zero", "edge", "reflect")

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        channels, rows, columns = shapes[0]
        top, left, bottom, right = self.padding
        if self.mode == "reflect" and (max(top, bottom) >= rows or max(left, right) >= columns):
            raise ValueError(f"padding is {self.padding} by reflection; allowed: less than the input's rows, columns")
        return channels, rows + top + bottom, columns + left + right

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        top, left, bottom, right = self.padding
        widths = [(0, 0), (0, 0), (top, bottom), (left, right)]
        if self.mode == "zero":
            return np.pad(acts[0], widths, constant_values=zero)
        return np.pad(acts[0], widths, mode="edge" if self.mode == "edge" else "reflect")


@dataclass(frozen=True, kw_only=True)
class Slice(Movement):
    """The channels, rows and columns from `start` up to, not including, `stop`."""

    op: ClassVar[str] = "slice"

    start: tuple[int, int, int] = numbers((0, 0, 0), count=3, high=SIZE_MAX)
    stop: tuple[int, int, int] = numbers(count=3, high=SIZE_MAX)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        if not all(a < b <= size for a, b, size in zip(self.start, self.stop, shapes[0], strict=True)):
            raise ValueError(f"slice is {self.start} to {self.stop} of {shapes[0]}; allowed: within it, not empty")
        channels, rows, columns = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return channels, rows, columns

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        return acts[0][(slice(None), *map(slice, self.start, self.stop))]


@dataclass(frozen=True, kw_only=True)
class Permute(Movement):
    """Channels in another order: output channel c is input channel `order[c]`."""

    op: ClassVar[str] = "permute"

    order: tuple[int, ...] = numbers(count=None, high=SIZE_MAX)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        if sorted(self.order) != list(range(shapes[0][0])):
            raise ValueError(f"order is {list(self.order)}; allowed: each channel from 0 to {shapes[0][0] - 1} once")
        return shapes[0]

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        return acts[0][:, list(self.order)]


@dataclass(frozen=True, kw_only=True)
class Flatten(Movement):
    """(C, H, W) to (C * H * W, 1, 1): the code of channel c, row y, column x becomes channel (c * H + y) * W + x."""

    op: ClassVar[str] = "flatten"

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        channels, rows, columns = shapes[0]
        return channels * rows * columns, 1, 1

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        return acts[0].reshape(len(acts[0]), -1, 1, 1)
