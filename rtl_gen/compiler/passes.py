"""Passes: what every operator becomes, a convolution from one view to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rtl_gen.compiler.channels import Scale
from rtl_gen.compiler.views import Copies, View
from sw_ref.windows import Window

Channel = tuple[Scale, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Along one axis: `window` slides over the source; output p goes to position first + step * p of the target."""

    window: Window
    first: int = 0
    step: int = 1

    def leaves(self, size: int) -> bool:
        """Whether positions outside a source of `size` positions are read."""
        w = self.window
        ends = [w.origin + w.stride * p + w.dilation * t for p in (0, w.outputs - 1) for t in (0, w.taps - 1)]
        return min(ends) < 0 or max(ends) >= size


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """Sums of words times codes of `source`, requantized, written to `target`.

    `rows`, `columns`: how windows slide, and where outputs go.  `word1`, `word2`: int8 (O, I, taps of rows, taps of
    columns).  `inputs`: (O, I), the channel of `source` that each weight reads.  `channels`: the requantizer's (scale,
    offset) of each of the O channels of `target`.  `added`: of the target's shape and slots.  `zero`: what is read
    outside of the source.  `tensor`: whose codes the target holds in the end.  `pool`: the greatest code of each
    window (rows, columns) is written, after the `table`; `rows` and `columns` then slide over windows.  `copies`: where
    codes are, if the target does not say it.
    """

    layer: str
    tensor: str
    source: View
    target: View
    rows: Axis
    columns: Axis
    word1: NDArray[np.int8]
    word2: NDArray[np.int8]
    inputs: NDArray[np.intp]
    channels: Sequence[Channel]
    low: int
    high: int
    zero: int
    added: View | None = None
    pool: tuple[Window, Window] | None = None
    table: Sequence[int] = ()
    copies: Copies | None = None

    @property
    def pads(self) -> bool:
        """Whether it reads outside of its source."""
        axes = (self.rows, self.columns)
        if self.pool is not None:
            axes = tuple(replace(axis, window=window) for axis, window in zip(axes, self.pool, strict=True))
        return any(axis.leaves(size) for axis, size in zip(axes, self.source.shape[1:], strict=True))

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return self.rows.window.taps * self.columns.window.taps

    @property
    def buffers_read(self) -> set[str]:
        return {self.source.buffer} | ({self.added.buffer} if self.added else set())


def point(outputs: int, *, origin: int = 0, stride: int = 1, first: int = 0, step: int = 1) -> Axis:
    """An axis that reads one position for each output."""
    window = Window(origin=origin, stride=stride, dilation=1, taps=1, outputs=outputs)
    return Axis(window=window, first=first, step=step)
