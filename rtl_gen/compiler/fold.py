"""First layers with few channels: neighbouring pixels share a word, so that their kernel positions fill the lanes.

A word holds rows x columns of pixels that no other word holds.  Where the convolution's stride is not the fold's, each
phase of its outputs is a pass of its own, with the kernel at another place within the words.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rtl_gen.compiler.passes import Axis, Pass
from rtl_gen.compiler.views import View
from sw_ref.network.operator import Shape
from sw_ref.windows import Window

Pair = tuple[int, int]
"""Of rows and of columns."""
Folding = tuple[Pair, Pair]
"""Pixels in a word, and how many come before the first one."""
PLAIN: Folding = ((1, 1), (0, 0))


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One of a folded convolution's passes along an axis; `taps`: for each tap, (word, pixel within it)."""

    axis: Axis
    taps: list[tuple[int, int]]


def phases(window: Window, fold: int, phase: int) -> list[Phase]:
    """The passes along an axis whose words hold `fold` pixels each, after `phase` pixels before the first one."""
    step = fold // math.gcd(fold, window.stride)
    made = []
    for first in range(min(step, window.outputs)):
        word, pixel = divmod(window.stride * first + window.origin + phase, fold)
        taps = [divmod(pixel + window.dilation * tap, fold) for tap in range(window.taps)]
        part = Window(
            origin=word,
            stride=window.stride * step // fold,
            dilation=1,
            taps=taps[-1][0] + 1,
            outputs=-(-(window.outputs - first) // step),
        )
        made.append(Phase(axis=Axis(window=part, first=first, step=step), taps=taps))
    return made


def pass_cost(
    windows: tuple[Window, Window], folding: Folding, second: NDArray[np.int8], lanes: int, steps: int
) -> int:
    """Cycles of all positions of a convolution; `second`: (groups, channels, rows, columns), not 0 in two-word tiles.

    `steps`: cycles that a position takes at least.
    """
    axes = [phases(*parts) for parts in zip(windows, *folding, strict=True)]
    cost = 0
    for rows, columns in product(*axes):
        positions = rows.axis.window.outputs * columns.axis.window.outputs
        cost += positions * position_cost(_fold_weights(second, folding[0], rows, columns), lanes, steps)
    return cost


def position_cost(second: NDArray[np.int8], lanes: int, steps: int) -> int:
    """Cycles of a position of all groups; `second` as of :func:`pass_cost`."""
    groups, channels, *kernel = second.shape
    words = -(-channels // lanes)
    slots = np.zeros((groups, words * lanes, *kernel), bool)
    slots[:, :channels] = second
    twice = slots.reshape(groups, words, lanes, -1).any(axis=2).sum(axis=(1, 2))
    return int(np.maximum(words * math.prod(kernel) + twice, steps).sum())


def folded_view(buffer: str, shape: Shape, lanes: int, folding: Folding) -> View:
    """Where a network's input is."""
    fold, phase = folding
    if folding == PLAIN:
        return View.plain(buffer, shape, lanes)
    view = View.plain(buffer, _sizes(shape, fold, phase), lanes)
    return replace(view, shape=shape, slots=np.arange(shape[0]), fold=fold, phase=phase)


def _sizes(shape: Shape, fold: Pair, phase: Pair) -> Shape:
    """Channels, rows and columns of words."""
    rows, columns = (-(-(size + p) // f) for size, p, f in zip(shape[1:], phase, fold, strict=True))
    return shape[0] * fold[0] * fold[1], rows, columns


def words_of(view: View) -> View:
    """A folded view as the words that it consists of, each a position."""
    shape = _sizes(view.shape, view.fold, view.phase)
    return replace(view, shape=shape, slots=np.arange(shape[0]), fold=(1, 1), phase=(0, 0))


def unfilled(view: View, words: int) -> range:
    """From the first to the last one of a buffer's words which have room for pixels outside of the input."""
    pixels = view.codes(words)[:, : view.shape[0] * math.prod(view.fold)] if view.folded else np.zeros((0, 1), int)
    empty = np.flatnonzero((pixels < 0).any(axis=1)).tolist()
    return range(empty[0], empty[-1] + 1) if empty else range(0)


def fold_pass(whole: Pass) -> Iterator[Pass]:
    """The passes of a convolution whose source may be folded."""
    view = whole.source
    if not view.folded:
        yield whole
        return
    axes = [
        phases(axis.window, fold, phase)
        for axis, fold, phase in zip((whole.rows, whole.columns), view.fold, view.phase, strict=True)
    ]
    for rows, columns in product(*axes):
        words = [_fold_weights(words, view.fold, rows, columns) for words in (whole.word1, whole.word2)]
        yield replace(
            whole,
            source=words_of(view),
            rows=rows.axis,
            columns=columns.axis,
            word1=words[0],
            word2=words[1],
            inputs=np.tile(np.arange(words[0].shape[1]), (len(words[0]), 1)),
        )


def _fold_weights(words: NDArray[np.int8], fold: Pair, rows: Phase, columns: Phase) -> NDArray[np.int8]:
    outputs, channels = words.shape[:2]
    shape = (outputs, fold[0], channels, fold[1], rows.axis.window.taps, columns.axis.window.taps)
    folded = np.zeros(shape, np.int8)
    for (u, (y, v)), (t, (x, w)) in product(enumerate(rows.taps), enumerate(columns.taps)):
        folded[:, v, :, w, y, x] = words[:, :, u, t]
    return folded.reshape(outputs, -1, *shape[-2:])
