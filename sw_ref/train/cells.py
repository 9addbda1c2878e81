"""The stages of a network in integers as PyTorch modules: what each computes in training is what its node computes.

Between cells go code - zero point, as whole numbers in float tensors.  Multipliers, shifts and limits are fixed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.activations import quantize_activations
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.network import AveragePool, Node, Requantizer
from sw_ref.network.multiplier import nearest, with_added
from sw_ref.network.requantizer import code_dtype
from sw_ref.train.codes import Replaced, Rounded, move, window_sums
from sw_ref.train.scales import Scale, has_table
from sw_ref.train.stages import Stage

EXACT = 1 << 51
"""Whole numbers up to here are exact in float64, with room for what is added to them."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Numbers that a cell is fixed to: `before` and `after` its function, and of its inputs, (step, zero) each."""

    fmt: StlqFormat
    inputs: tuple[Scale, ...]
    before: Scale
    after: Scale

    @classmethod
    def of(cls, stage: Stage, scales: Mapping[str, Scale], fmt: StlqFormat) -> "Grid":
        """That of a stage."""
        before = scales[stage.before if has_table(stage) else stage.output]
        return cls(
            fmt=fmt, inputs=tuple(map(scales.__getitem__, stage.inputs)), before=before, after=scales[stage.output]
        )


class Move(nn.Module):
    """A stage that moves codes."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, *inputs: Tensor) -> Tensor:
        return move(self.stage.options, inputs)  # type: ignore[arg-type]

    def node(self) -> Node:
        """The stage as a node of the network."""
        stage = self.stage
        return Node(name=stage.name, inputs=stage.inputs, output=stage.output, options=stage.options)  # type: ignore[arg-type]


class Arithmetic(nn.Module):
    """A stage with sums; `factors` (C,): the real value of 1 in a sum over the step before the function."""

    multiplier: Tensor
    divisor: Tensor
    add_multiplier: Tensor | None
    table: Tensor | None

    def __init__(self, stage: Stage, grid: Grid, factors: NDArray[np.float64]) -> None:
        super().__init__()
        self.stage, self.grid = stage, grid
        pairs = np.array([nearest(factor) for factor in factors])
        multiplier, shift, add = pairs[:, 0], pairs[:, 1], None
        self.factors = multiplier / 2.0**shift
        if stage.added is not None:
            multiplier, shift, add = with_added(multiplier, shift, grid.inputs[-1][0] / grid.before[0])
        if not multiplier.all():
            raise ValueError(f"{stage.name}: a factor is {np.abs(factors).min():.3g}; allowed: 2^-47 to 129")
        self.low, self.high = self._limits()
        self.register_buffer("multiplier", torch.from_numpy(multiplier.astype(np.float64)))
        self.register_buffer("divisor", torch.from_numpy(2.0**shift))
        self.register_buffer("add_multiplier", None if add is None else torch.from_numpy(add.astype(np.float64)))
        self.register_buffer("table", self._table())

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        values = (self.sums(x).double() + along(self.bias())) * along(self.multiplier)
        if added is not None and self.add_multiplier is not None:
            values = values + added.double() * along(self.add_multiplier)
        codes = Rounded.apply(values / along(self.divisor)) + self.grid.after[1]
        return (self._function(codes.clamp(self.low, self.high)) - self.grid.after[1]).to(x.dtype)

    def sums(self, x: Tensor) -> Tensor:
        """The exact sums, less what the zero point gives."""
        raise NotImplementedError

    def real_bias(self) -> Tensor | float:
        """The real bias of the sums, before the function."""
        return 0.0

    def bias(self) -> Tensor:
        """The bias of the sums in whole numbers: (C,)."""
        step, zero = self.grid.before
        # y + z_out is the code before the function: a table undoes the difference of zero points.
        offset = self.real_bias() / step + (zero - self.grid.after[1] if self.table is not None else 0)
        factors = self.multiplier / self.divisor
        return Rounded.apply(offset / factors)

    def _function(self, codes: Tensor) -> Tensor:
        if self.table is None:
            return codes
        (step, zero), (step_out, zero_out) = self.grid.before, self.grid.after
        smooth = self.stage.function((codes - zero) * step) / step_out + zero_out
        return Replaced.apply(smooth, self.table[codes.long()])

    def _limits(self) -> tuple[int, int]:
        """The lowest and the highest code; with a table all go through it."""
        (step, zero), most, function = self.grid.after, self.grid.fmt.act_max, self.stage.function
        if has_table(self.stage):
            return 0, most
        low, high = (
            min(max(math.floor(bound / step + 0.5) + zero, 0), most) if math.isfinite(bound) else end
            for bound, end in ((function.low, 0), (function.high, most))
        )
        return low, high

    def _table(self) -> Tensor | None:
        if not has_table(self.stage):
            return None
        (step, zero), (step_out, zero_out) = self.grid.before, self.grid.after
        codes = torch.arange(self.grid.fmt.act_max + 1, dtype=torch.float64)
        values = self.stage.function((codes - zero) * step).detach().numpy()
        return torch.from_numpy(quantize_activations(values, step_out, self.grid.fmt, zero_out)).double()

    def node(self) -> Node:
        """The stage as a node of the network.  ``ValueError`` for a bias out of reach."""
        stage, table = self.stage, self.table
        bias = self.bias().detach().cpu().numpy() - self.grid.inputs[0][1] * self.weight_sums()
        multiplier, add = (None if v is None else v.cpu().numpy() for v in (self.multiplier, self.add_multiplier))
        assert multiplier is not None
        reach = (np.abs(bias) + self.sum_bound()) * np.abs(multiplier)
        if not reach.max() < EXACT:
            raise ValueError(f"{stage.name}: values reach {reach.max():.3g}; allowed: below 2^51, which floats hold")
        requantizer = Requantizer(
            bias=bias.astype(np.int64),
            multiplier=multiplier.astype(np.int32),
            add_multiplier=None if add is None else add.astype(np.int32),
            shift=np.log2(self.divisor.cpu().numpy()).astype(np.uint8),
            low=self.low,
            high=self.high,
            table=None if table is None else table.cpu().numpy().astype(code_dtype(self.grid.fmt.act_bits)),
        )
        return Node(
            name=stage.name,
            inputs=stage.inputs,
            output=stage.output,
            options=stage.options,  # type: ignore[arg-type]
            weights=self.words(),
            requantizer=requantizer,
        )

    def weight_sums(self) -> NDArray[np.float64]:
        """How often the zero point of the input is in a sum: (C,)."""
        raise NotImplementedError

    def sum_bound(self) -> int:
        """The largest magnitude of a sum of codes."""
        raise NotImplementedError

    def words(self) -> StlqTensor | None:
        """The weights of the node, if it has any."""
        return None


class Simple(Arithmetic):
    """A sum of two tensors, an average, or a function alone (an average over one position)."""

    def __init__(self, stage: Stage, grid: Grid, channels: int) -> None:
        size = math.prod(stage.options.kernel) if isinstance(stage.options, AveragePool) else 1
        super().__init__(stage, grid, np.full(channels, grid.inputs[0][0] / size / grid.before[0]))
        self.size = size

    def sums(self, x: Tensor) -> Tensor:
        return window_sums(self.stage.options, x) if isinstance(self.stage.options, AveragePool) else x

    def weight_sums(self) -> NDArray[np.float64]:
        return np.full(len(self.multiplier), float(self.size))

    def sum_bound(self) -> int:
        return self.grid.fmt.act_max * self.size


def along(values: Tensor) -> Tensor:
    """One value per channel, (C,), so that it broadcasts against (n, C, H, W)."""
    return values.reshape(1, -1, 1, 1)
