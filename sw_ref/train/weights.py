"""The weight quantizer of the method: a parametrization of a layer's `weight`.

It turns the float weight into words in the forward pass.  All state is in parameters and
buffers, in the layout that the layer's weight has; only C and v are laid out by blocks of (O, I, *kernel).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.format import StlqFormat
from sw_ref.tiling import Tiling
from sw_ref.train.layers import per_output, to_layout
from sw_ref.train.logq import marks
from sw_ref.train.methods import Method
from sw_ref.train.straight import OneWord, TwoWords

EPSILON = 0.001
"""Up to this, an element of v is 0."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The state from which the quantizer of a layer starts.

    `scale`: U, float32, () or (O,). Per block of `tiling`: `selection` (C, bool), and `norms` (l2 norm of r1, which v
    starts from).
    """

    tiling: Tiling
    scale: NDArray[np.float32]
    selection: NDArray[np.bool_]
    norms: NDArray[np.float64]


class Words(nn.Module):
    """LogQ(w) + LogQ(r1 * (C + v)): one word or two per weight.

    Buffers: `scale` (U, float32, () or (O,)), `marks` (what both words are found by), and per block `selection` (C,
    bool); with v also `limit` (what |v| may not exceed: its value after the last step) and `deadline` (the progress
    at which v is 0 at the latest).  Parameter: `v`, one per block; None where it is left out or C is 1 all over.
    """

    scale: Tensor
    marks: Tensor
    selection: Tensor
    limit: Tensor | None
    deadline: Tensor | None
    v: nn.Parameter | None

    def __init__(
        self, start: Start, *, fmt: StlqFormat, method: Method, granularity: str = "tile", transposed_groups: int = 0
    ) -> None:
        super().__init__()
        selection = start.selection
        self.fmt, self.method, self.tiling = fmt, method, start.tiling
        self.granularity, self.transposed_groups = granularity, transposed_groups
        self.register_buffer("scale", torch.from_numpy(np.array(start.scale)))
        self.register_buffer("marks", self._marks())
        self.register_buffer("selection", torch.from_numpy(selection.copy()))
        annealed, free = method.anneal != "none" and not selection.all(), ~selection
        v = torch.from_numpy(initial_v(start.norms, free)) if annealed else None
        self.v = nn.Parameter(v.clone()) if v is not None else None
        self.register_buffer("limit", v)
        self.register_buffer("deadline", torch.from_numpy(deadlines(start.norms, free, method)) if annealed else None)
        self.one_word = not annealed and not selection.any()

    def forward(self, weight: Tensor) -> Tensor:
        literal, mode = self.method.literal, (self.method.anneal, self.method.residual_gradient)
        if self.one_word:
            return OneWord.apply(weight, self.marks[0], self.fmt, literal)
        return TwoWords.apply(weight, self.factor(), self.marks, self.fmt, literal, mode)

    @torch.no_grad()
    def rescale(self, scale: Tensor) -> None:
        """Take another U per output channel, float32 (O,)."""
        self.scale = scale
        self.marks = self._marks()

    def _marks(self) -> Tensor:
        """Thresholds by which the words are found: those of U and of U * 2^-k, stacked."""
        unit = self._unit()
        units = (unit, unit * 2.0**-self.fmt.residual_shift)
        return torch.stack([marks(u, self.fmt, self.method.literal) for u in units])

    def _unit(self) -> Tensor:
        """U, so that it broadcasts against the layer's weight."""
        shape = self.tiling.shape
        return per_output(self.scale, shape[:2], len(shape), self.transposed_groups)

    def factor(self) -> Tensor:
        """C + v for each weight, in the layer's layout."""
        blocks = self.selection.to(self.scale.dtype) if self.v is None else self.v + self.selection
        return to_layout(expand(blocks, self.tiling), self.transposed_groups)


RANKED_WIDTH = 0.25
"""With order "ranked", each element of v falls during this share of the annealing."""


@torch.no_grad()
def anneal(quantizers: Sequence[Words], progress: float) -> None:
    """Hold |v| below its limit at `progress` and below what it was; 0 where C is 1, and 0 up to epsilon.

    All quantizers are of one method; those without v stay as they are.
    """
    found = [
        (q.v, q.limit, q.deadline)
        for q in quantizers
        if q.v is not None and q.limit is not None and q.deadline is not None
    ]
    if not found:
        return
    method = quantizers[0].method
    fall = method.anneal_end * (1.0 if method.order == "together" else RANKED_WIDTH)
    # All at once: on layers of common size the calls take longer than the work.
    v, limit, deadline = (torch.cat([part.flatten() for part in parts]) for parts in zip(*found, strict=True))
    limit = torch.minimum(torch.minimum(limit, (deadline - progress).div_(fall)), v.abs())
    limit = torch.threshold_(limit, EPSILON, 0.0)
    v = torch.copysign(limit, v)
    sizes = [part.numel() for part, _, _ in found]
    for (own_v, own_limit, _), new_v, new_limit in zip(found, v.split(sizes), limit.split(sizes), strict=True):
        own_v.copy_(new_v.view_as(own_v))
        own_limit.copy_(new_limit.view_as(own_limit))


def initial_v(norms: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Softmax of the residuals where C = 0, divided by its maximum: exp(|r1| - max|r1|), and 0 where C = 1."""
    peak = norms[free].max()
    return (np.exp(norms - peak) * free).astype(np.float32)


def deadlines(norms: NDArray[np.float64], free: NDArray[np.bool_], method: Method) -> NDArray[np.float32]:
    """The progress at which each element of v is 0: for all the same, or small residuals first."""
    found = np.full(norms.shape, method.anneal_end, np.float32)
    if method.order == "ranked":
        order = np.argsort(norms[free], kind="stable")
        rank = np.empty(order.size)
        rank[order] = np.arange(1, order.size + 1) / order.size
        found[free] = method.anneal_end * (RANKED_WIDTH + (1 - RANKED_WIDTH) * rank)
    return found


def expand(blocks: Tensor, tiling: Tiling) -> Tensor:
    """One value per block -> one per weight, (O, I, *kernel); the gradient is summed over the block."""
    # All axes at once: one copy, and one sum on the way back.
    axes = list(zip(blocks.shape, tiling.block, strict=True))
    single = [size for count, step in axes for size in ((count, 1) if step > 1 else (count,))]
    spread = [size for count, step in axes for size in ((count, step) if step > 1 else (count,))]
    weights = blocks.reshape(single).expand(spread).reshape([count * step for count, step in axes])
    for axis, size in enumerate(tiling.shape):
        if size < weights.shape[axis]:
            weights = weights.narrow(axis, 0, size)
    return weights
