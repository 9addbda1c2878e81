"""Pooling: `max_pool` and `average_pool`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import parameter
from sw_ref.network.convolution import window_pair
from sw_ref.network.operator import Arithmetic, Movement, Operator, Range, Shape, numbers, shape_of
from sw_ref.windows import Window, exact_dtype, surround, taps_of


@dataclass(frozen=True, kw_only=True)
class Pool(Operator):
    """A window that slides over every channel.  `kernel`: rows, columns; `padding`: top, left, bottom, right."""

    kernel: tuple[int, int] = numbers(count=2, low=1)
    stride: tuple[int, int] = numbers((1, 1), count=2, low=1)
    padding: tuple[int, int, int, int] = numbers((0, 0, 0, 0), count=4)
    dilation: tuple[int, int] = numbers((1, 1), count=2, low=1)

    def windows(self, shape: Shape) -> tuple[Window, Window]:
        """How the window's rows and columns slide over an input (C, H, W)."""
        return window_pair(shape, self.kernel, self.stride, self.dilation, self.padding)

    def counts(self, shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many rows, and how many columns, of the input each output's window holds."""
        rows, columns = (w.counts(size) for w, size in zip(self.windows(shape), shape[1:], strict=True))
        return rows, columns

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        rows, columns = self.counts(shapes[0])
        if not (rows.all() and columns.all()):
            raise ValueError(f"padding is {self.padding}: a window lies outside the input; allowed: less")
        return shapes[0][0], len(rows), len(columns)


@dataclass(frozen=True, kw_only=True)
class MaxPool(Pool, Movement):
    """The greatest code of each window; what lies outside the input does not count."""

    op: ClassVar[str] = "max_pool"

    def move(self, acts: Sequence[NDArray[Any]], zero: int) -> NDArray[Any]:
        # Codes are unsigned, so that 0 never wins over what the window holds.
        return _along_axes(np.maximum, acts[0], self.windows(shape_of(acts[0])), fill=0)


@dataclass(frozen=True, kw_only=True)
class AveragePool(Pool, Arithmetic):
    """S = the sum of the codes in the window; outside the input a code is z.

    With `count_padding` false the requantizer has one row of multipliers and shifts for each number of codes that a
    window can hold of the input, the largest number first, so that padding does not count.
    """

    op: ClassVar[str] = "average_pool"

    count_padding: bool = parameter(True, help="what lies outside the input counts, with the real value 0")

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        windows = self.windows(shape_of(acts))
        bound = int(np.iinfo(acts.dtype).max) * math.prod(self.kernel)
        wide = np.uint32 if bound < 1 << 32 else exact_dtype(bound)
        return _along_axes(np.add, acts.astype(wide), windows, fill=zero)

    def sum_range(self, shape: Shape, weights: NDArray[np.int32], act_max: int) -> Range:
        highest = np.full(shape[0], act_max * math.prod(self.kernel), np.int64)
        return np.zeros_like(highest), highest

    def row_count(self, shape: Shape) -> int | None:
        return None if self.count_padding else len(self.row_numbers(shape))

    def rows(self, shape: Shape) -> NDArray[np.intp] | None:
        if self.count_padding:
            return None
        codes = np.multiply.outer(*self.counts(shape))
        return np.searchsorted(-self.row_numbers(shape), -codes)

    def row_numbers(self, shape: Shape) -> NDArray[np.int64]:
        """The numbers of input codes that windows hold, the largest first."""
        rows, columns = (np.unique(counts) for counts in self.counts(shape))
        return np.unique(np.multiply.outer(rows, columns))[::-1]


def _along_axes(combine: np.ufunc, acts: NDArray[Any], windows: tuple[Window, Window], fill: int) -> NDArray[Any]:
    """Each window's codes combined: first along its rows, then along its columns."""
    padded = surround(acts, windows, fill)
    for axis, window in enumerate(windows):
        # The other axis stays as it is: one tap, every position.
        still = Window(origin=0, stride=1, dilation=1, taps=1, outputs=padded.shape[3 - axis])
        pair = (window, still) if axis == 0 else (still, window)
        taps = ((t, 0) if axis == 0 else (0, t) for t in range(window.taps))
        padded = reduce(combine, (taps_of(padded, pair, tap) for tap in taps))
    return padded
