"""First layers with large kernels: what a kernel row reads is gathered into words that fill the lanes.

A *strip* is what a row of the kernel reads at one column of outputs, from one row of the input: taps times channels.
Strips lie one below the other, so that those of a position are words side by side.  As they overlap, passes of exact
words copy them from the folded input.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hw.engine.encoding import SIZE_BITS
from rtl_gen.compiler.fold import Folding, fold_pass, pass_cost, position_cost
from rtl_gen.compiler.passes import Axis, Pass
from rtl_gen.compiler.views import Copies, View
from sw_ref.windows import Window

JOB_CYCLES = 64  # about what one more job takes: its program, and the wait for what it reads
LONGEST = (1 << SIZE_BITS) - 1  # words of a column of outputs
TILES = 1 << 7  # words of a position: turns of the loop over them


@dataclass(frozen=True, kw_only=True)
class Bands:
    """The words of `stride` strips, again and again: `whole` of each strip, then one with the rests of `shared` strips.

    `rest`: codes of a strip behind its whole words, which share a word with those of the strips after it.
    `rows`, `columns`: the convolution's windows over the input.
    """

    channels: int
    lanes: int
    rows: Window
    columns: Window
    whole: int
    rest: int = 0
    shared: int = 0

    @property
    def words(self) -> int:
        """From the strips of a position to those of the position below."""
        return self.rows.stride * self.whole + (self.rest > 0)

    @property
    def tiles(self) -> int:
        """Words of a position."""
        steps, left = divmod(self.rows.taps, self.rows.stride)
        if not self.rest or (steps and self.shared >= self.rows.stride + left):
            return steps * self.words + left * self.whole
        return -(-self.rows.taps // self.rows.stride) * self.words

    @property
    def height(self) -> int:
        """Words of a column of outputs."""
        return (self.rows.outputs - 1) * self.words + self.tiles

    @property
    def gathers(self) -> "list[Gather]":
        """What each of the `words` holds."""
        every = range(self.columns.taps * self.channels)
        strips = [
            Gather(bands=self, word=strip * self.whole + word, strips=range(strip, strip + 1), codes=part)
            for strip in range(self.rows.stride)
            for word in range(self.whole)
            if (part := every[word * self.lanes :][: self.lanes])
        ]
        if not self.rest:
            return strips
        rests = Gather(bands=self, word=self.words - 1, strips=range(self.shared), codes=every[-self.rest :])
        return [*strips, rests]

    @property
    def size(self) -> int:
        """Words of all columns of outputs."""
        return self.height * self.columns.outputs

    def cost(self, folding: Folding, second: NDArray[np.int8], steps: int) -> int:
        """Cycles of all positions and of the copies before, where the input is folded so; see :func:`pass_cost`."""
        cost = JOB_CYCLES
        for gather in self.gathers:
            kernel = [window.taps for window in gather.windows]
            single = np.zeros((1, self.channels, *kernel), np.int8)
            cost += JOB_CYCLES + pass_cost(gather.windows, folding, single, self.lanes, steps)
        positions = self.rows.outputs * self.columns.outputs
        return cost + positions * position_cost(self.weights(second), self.lanes, steps)

    def view(self, buffer: str) -> View:
        """The strips, each word a position: one column of outputs after the other."""
        shape = (self.lanes, self.height, self.columns.outputs)
        slots = np.arange(self.lanes)
        return View(
            buffer=buffer, shape=shape, lanes=self.lanes, row=1, column=self.height, words=((1, 1),), slots=slots
        )

    def weights(self, words: NDArray[np.int8]) -> NDArray[np.int8]:
        """The words (O, channels, rows, columns) of a convolution as those of one that reads strips."""
        folded = np.zeros((len(words), self.lanes, self.tiles, 1), np.int8)
        codes = np.moveaxis(words, 1, 3).reshape(len(words), self.rows.taps, -1)
        done = np.zeros(codes.shape[1:], bool)
        for gather in self.gathers:
            for first in range(0, -(-self.tiles // self.words)):
                tile = first * self.words + gather.word
                for lane, (strip, code) in enumerate(gather.places):
                    row = first * self.rows.stride + strip
                    if tile < self.tiles and row < self.rows.taps and not done[row, code]:
                        folded[:, lane, tile, 0] = codes[:, row, code]
                        done[row, code] = True
        assert done.all()
        return folded


@dataclass(frozen=True, kw_only=True)
class Gather:
    """The word number `word` of :class:`Bands`: of some `strips`, below the first one of a position, some `codes`."""

    bands: Bands
    word: int
    strips: range
    codes: range

    @property
    def places(self) -> list[tuple[int, int]]:
        """(strip, code within it) of each lane."""
        return [(strip, code) for strip in self.strips for code in self.codes]

    @property
    def taps(self) -> range:
        """The columns of the kernel that it needs."""
        return range(self.codes[0] // self.bands.channels, self.codes[-1] // self.bands.channels + 1)

    @property
    def outputs(self) -> int:
        """How many such words are in a column of outputs."""
        return -(-(self.bands.height - self.word) // self.bands.words)

    @property
    def windows(self) -> tuple[Window, Window]:
        """What it reads of the input."""
        rows, columns = self.bands.rows, self.bands.columns
        return (
            replace(rows, origin=rows.origin + self.strips[0], taps=len(self.strips), outputs=self.outputs),
            replace(columns, origin=columns.origin + columns.dilation * self.taps[0], taps=len(self.taps)),
        )

    def copy(self, like: Pass, target: View) -> Pass:
        """The pass that makes these words, from a copy of single codes."""
        channels = self.bands.channels
        word1 = np.zeros((len(self.places), channels, len(self.strips), len(self.taps)), np.int8)
        for lane, (strip, code) in enumerate(self.places):
            tap, channel = divmod(code, channels)
            word1[lane, channel, strip - self.strips[0], tap - self.taps[0]] = like.word1.flat[0]
        rows, columns = (Axis(window=window) for window in self.windows)
        own = replace(
            target,
            shape=(len(word1), self.outputs, target.shape[2]),
            row=self.bands.words,
            offset=self.word,
            slots=np.arange(len(word1)),
        )
        return replace(
            like,
            target=own,
            rows=rows,
            columns=columns,
            word1=word1,
            word2=np.zeros_like(word1),
            inputs=np.tile(np.arange(channels), (len(word1), 1)),
            channels=list(like.channels[:1]) * len(word1),
            copies=self._copies(like, own),
        )

    def _copies(self, like: Pass, target: View) -> Copies:
        """Which code of the input is where; -1 outside of it."""
        _, height, width = like.source.shape
        rows, columns = (
            w.origin + w.stride * np.arange(w.outputs)[:, None] + w.dilation * np.arange(w.taps) for w in self.windows
        )
        codes = np.full((self.bands.size, target.lanes), -1, np.int64)
        at = target.offset + np.add.outer(target.row * np.arange(self.outputs), target.column * np.arange(len(columns)))
        for lane, (strip, code) in enumerate(self.places):
            tap, channel = divmod(code, self.bands.channels)
            y, x = rows[:, strip - self.strips[0]][:, None], columns[:, tap - self.taps[0]]
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            codes[at, lane] = np.where(inside, (channel * height + y) * width + x, -1)
        return Copies(buffer=target.buffer, codes=codes)


def candidates(windows: tuple[Window, Window], channels: int, lanes: int) -> Iterator[Bands]:
    """Strips of whole words, and those whose rests share words."""
    rows, columns = windows
    if rows.dilation > 1:
        return
    codes = columns.taps * channels
    like = Bands(channels=channels, lanes=lanes, rows=rows, columns=columns, whole=-(-codes // lanes))
    whole, rest = divmod(codes, lanes)
    wanted = rows.stride + rows.taps % rows.stride
    shared = lanes // rest if rest else 0
    made = [like]
    if shared >= rows.stride:
        shared = wanted if shared >= wanted else rows.stride
        made.append(replace(like, whole=whole, rest=rest, shared=shared))
    yield from (bands for bands in made if bands.tiles <= TILES and bands.height <= LONGEST)


def band_passes(whole: Pass, copy: Pass, bands: Bands, target: View) -> Iterator[Pass]:
    """A convolution's passes: `copy`, of its input's codes, to `target` in parts; then the convolution of strips."""
    for gather in bands.gathers:
        yield from fold_pass(gather.copy(copy, target))
    rows, columns = whole.rows.window, whole.columns.window
    words = [bands.weights(words) for words in (whole.word1, whole.word2)]
    yield replace(
        whole,
        source=target,
        rows=Axis(window=replace(rows, origin=0, stride=bands.words, taps=bands.tiles)),
        columns=Axis(window=replace(columns, origin=0, stride=1, dilation=1, taps=1)),
        word1=words[0],
        word2=words[1],
        inputs=np.tile(np.arange(bands.lanes), (len(words[0]), 1)),
    )
