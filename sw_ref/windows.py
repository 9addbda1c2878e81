"""Exact sums over sliding windows: the one convolution of the golden.

Sums are taken in float32 or float64 (whose matrix product is fast) only where no sum, in any order, can leave the
range in which that type holds every integer; in int64 otherwise.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 20  # elements gathered at a time: what stays in the cache


@dataclass(frozen=True, kw_only=True)
class Window:
    """Along one axis, tap t of output p reads input position origin + stride * p + dilation * t.

    Positions outside the input read a fill value.
    """

    origin: int
    stride: int
    dilation: int
    taps: int
    outputs: int

    @property
    def end(self) -> int:
        """One more than the last position that is read."""
        return self.origin + self.stride * (self.outputs - 1) + self.dilation * (self.taps - 1) + 1

    def margins(self, size: int) -> tuple[int, int]:
        """How many positions before and after an input of `size` positions are read."""
        return max(-self.origin, 0), max(self.end - size, 0)

    def counts(self, size: int) -> NDArray[np.int64]:
        """How many taps of each output lie inside an input of `size` positions: int64 (outputs,)."""
        first = self.origin + self.stride * np.arange(self.outputs)
        before, upto = (-((first - limit) // self.dilation) for limit in (0, size))
        return np.clip(upto, 0, self.taps) - np.clip(before, 0, self.taps)


def sliding(size: int, *, taps: int, stride: int, dilation: int, padding: tuple[int, int]) -> Window:
    """The window that starts `padding[0]` positions before the input and fits into it with its padding.

    Raises ``ValueError`` if it does not fit once.
    """
    room = size + sum(padding) - dilation * (taps - 1) - 1
    if room < 0:
        span = dilation * (taps - 1) + 1
        raise ValueError(f"the input has {size} positions and padding {padding}; allowed: at least {span} together")
    return Window(origin=-padding[0], stride=stride, dilation=dilation, taps=taps, outputs=room // stride + 1)


def surround(acts: NDArray[Any], windows: Sequence[Window], fill: int) -> NDArray[Any]:
    """`acts` (n, C, *size) cut or filled up to what the windows read: output 0, tap 0 is at position 0."""
    sizes = acts.shape[2:]
    inside = tuple(slice(max(w.origin, 0), max(w.end, 0)) for w in windows)
    margins = [w.margins(size) for w, size in zip(windows, sizes, strict=True)]
    cut = acts[(slice(None), slice(None), *inside)]
    return np.pad(cut, [(0, 0), (0, 0), *margins], constant_values=fill) if any(map(any, margins)) else cut


def taps_of(padded: NDArray[Any], windows: Sequence[Window], tap: Sequence[int]) -> NDArray[Any]:
    """The inputs that one tap reads for all outputs: a view (..., *outputs) of :func:`surround`'s result."""
    cuts = (
        slice(w.dilation * t, w.dilation * t + w.stride * (w.outputs - 1) + 1, w.stride)
        for w, t in zip(windows, tap, strict=True)
    )
    return padded[(..., *cuts)]


def exact_dtype(bound: int) -> type[Any]:
    """The fastest type that holds every integer up to `bound`; ``ValueError`` where not even int64 does."""
    if bound >= 1 << 63:
        raise ValueError(f"sums reach {bound}; allowed: below 2^63")
    return np.float32 if bound < 1 << 24 else np.float64 if bound < 1 << 53 else np.int64


def peak(values: NDArray[Any]) -> int:
    """Largest magnitude of some integers, as a Python integer; 0 if there are none."""
    return max(-int(values.min()), int(values.max())) if values.size else 0


def row_peak(weights: NDArray[Any]) -> int:
    """Largest sum of magnitudes of one output's weights."""
    return max(np.abs(weights.reshape(len(weights), -1)).sum(1, np.int64).tolist(), default=0)


def correlate(
    acts: NDArray[Any], weights: NDArray[Any], windows: Sequence[Window], *, groups: int = 1, fill: int = 0
) -> NDArray[Any]:
    """Sums of weights times activations: exact integers (n, O, *outputs), as float32, float64 or int64.

    `acts`: integers (n, groups * I, *size); `weights`: integers (O, I, *taps); one window per axis.  Positions
    outside the input read `fill`.  Raises ``ValueError`` if a sum could leave 64 bits.
    """
    dtype = exact_dtype(max(peak(acts), abs(fill)) * row_peak(weights))
    outputs, inputs, *kernel = weights.shape
    sizes = tuple(w.outputs for w in windows)
    padded = surround(acts, windows, fill).astype(dtype)
    padded = padded.reshape(len(acts) * groups, inputs, *padded.shape[2:])
    matrices = weights.astype(dtype).reshape(groups, outputs // groups, inputs, *kernel)
    sums = np.empty((len(acts), groups, outputs // groups, *sizes), dtype)
    if inputs == 1:
        _by_tap(padded.reshape(len(acts), groups, *padded.shape[2:]), matrices[:, :, 0], windows, sums)
    else:
        _by_matrix(padded.reshape(len(acts), groups, *padded.shape[1:]), matrices, windows, sums)
    return sums.reshape(len(acts), outputs, *sizes)


def _by_tap(padded: NDArray[Any], weights: NDArray[Any], windows: Sequence[Window], sums: NDArray[Any]) -> None:
    """One input channel per group (depthwise): a multiplication per tap.  `padded`: (n, groups, *size)."""
    groups, outputs, *kernel = weights.shape
    flat = sums.reshape(-1, outputs, *sums.shape[3:])
    rows = padded.reshape(-1, 1, *padded.shape[2:])
    step = max(CHUNK // max(math.prod(flat.shape[1:]), 1) // 8, 1)
    for start in range(0, len(rows), step):
        channel = np.arange(start, min(start + step, len(rows))) % groups
        part = flat[start : start + step]
        part[...] = 0
        for tap in product(*map(range, kernel)):
            factor = weights[(channel, slice(None), *tap)].reshape(len(channel), outputs, *(1 for _ in kernel))
            part += taps_of(rows[start : start + step], windows, tap) * factor


def _by_matrix(padded: NDArray[Any], weights: NDArray[Any], windows: Sequence[Window], sums: NDArray[Any]) -> None:
    """Windows gathered into columns, then one matrix product per image and group.  `padded`: (n, groups, I, *size)."""
    groups, outputs, inputs, *kernel = weights.shape
    matrix = weights.reshape(groups, outputs, -1)
    for image, *places in _parts((len(padded), *sums.shape[3:]), CHUNK // (groups * matrix.shape[2])):
        starts = (slice(w.stride * at.start, None) for w, at in zip(windows, places, strict=True))
        cut = padded[(image, slice(None), slice(None), *starts)]
        part = [replace(w, outputs=at.stop - at.start) for w, at in zip(windows, places, strict=True)]
        sizes = [w.outputs for w in part]
        columns = np.empty((len(cut), groups, inputs, *kernel, *sizes), padded.dtype)
        for tap in product(*map(range, kernel)):
            columns[(slice(None), slice(None), slice(None), *tap)] = taps_of(cut, part, tap)
        found = matrix @ columns.reshape(len(cut), groups, matrix.shape[2], -1)
        sums[(image, slice(None), slice(None), *places)] = found.reshape(len(cut), groups, outputs, *sizes)


def _parts(sizes: Sequence[int], count: int) -> Iterator[tuple[slice, ...]]:
    """Blocks of an array of shape `sizes`, each of about `count` elements, and contiguous."""
    steps = []
    for size in reversed(sizes):
        steps.append(min(max(count, 1), size))
        count //= size
    ranges = (range(0, size, step) for size, step in zip(sizes, reversed(steps), strict=True))
    for corner in product(*ranges):
        block = zip(corner, reversed(steps), sizes, strict=True)
        yield tuple(slice(start, min(start + step, size)) for start, step, size in block)
