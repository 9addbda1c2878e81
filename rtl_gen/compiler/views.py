"""Where the codes of tensors are: views of buffers in the activation memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.network.operator import Shape

LONGEST = 1024  # turns of the loop over the words of a position


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The codes of a tensor (C, H, W) in a buffer of words of `lanes` codes.

    Position (y, x) is `offset` + `row` * y + `column` * x words behind the buffer's start.  Its words are those of the
    loops `words`, each (turns, step), innermost first.  `slots`: (C,), where each channel is: number of the word in the
    order of these loops * lanes + lane.

    A folded view has `fold` = (rows, columns) of neighbouring pixels in each word, and `phase` rows and columns before
    the first one.  Of the pixels in a word those of a row lie side by side, channel by channel, row by row.
    """

    buffer: str
    shape: Shape
    lanes: int
    row: int
    column: int
    words: tuple[tuple[int, int], ...]
    slots: NDArray[np.intp]
    offset: int = 0
    fold: tuple[int, int] = (1, 1)
    phase: tuple[int, int] = (0, 0)

    @classmethod
    def plain(cls, buffer: str, shape: Shape, lanes: int) -> "View":
        """A buffer of its own: position by position, the words of a position side by side."""
        words = -(-shape[0] // lanes)
        return cls(
            buffer=buffer,
            shape=shape,
            lanes=lanes,
            row=words * shape[2],
            column=words,
            words=((words, 1),),
            slots=np.arange(shape[0]),
        )

    @property
    def word_count(self) -> int:
        """Words of a position."""
        return int(np.prod([trips for trips, _ in self.words]))

    @property
    def word_step(self) -> int:
        """From one word of a position to the next."""
        return self.words[0][1]

    @property
    def folded(self) -> bool:
        return self.fold != (1, 1)

    @property
    def word_steps(self) -> NDArray[np.intp]:
        """How far behind the position's start each of its words is."""
        steps = np.zeros(1, np.intp)
        for trips, step in self.words:
            steps = np.add.outer(np.arange(trips) * step, steps).reshape(-1)
        return steps

    def locate(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(words behind the buffer's start, lane) of every code: each (C, H, W)."""
        channel, y, x = (np.arange(size) for size in self.shape)
        (y, v), (x, u) = (divmod(at + first, f) for at, first, f in zip((y, x), self.phase, self.fold, strict=True))
        pixel = np.add.outer(v * self.fold[1] * self.shape[0], u)
        slots = self.slots[channel][:, None, None] * self.fold[1] + pixel
        position = self.offset + np.add.outer(y * self.row, x * self.column)
        return position + self.word_steps[slots // self.lanes], slots % self.lanes

    def codes(self, words: int) -> NDArray[np.int64]:
        """(words, lanes): which code of the tensor is where in a buffer of so many words; -1 where none is."""
        at, lane = self.locate()
        codes = np.full((words, self.lanes), -1, np.int64)
        codes[at, lane] = np.arange(at.size).reshape(at.shape)
        return codes

    def part(self, first_word: int, shape: Shape) -> "View":
        """Channels that start at a word of each position."""
        words = -(-shape[0] // self.lanes)
        step = self.word_step
        offset = self.offset + first_word * step
        return replace(self, shape=shape, words=((words, step),), slots=np.arange(shape[0]), offset=offset)

    def channels(self, order: Sequence[int] | NDArray[Any]) -> "View":
        """Some of the channels, in another order."""
        slots = self.slots[np.asarray(order)]
        return replace(self, shape=(len(slots), *self.shape[1:]), slots=slots)

    def crop(self, start: tuple[int, int], size: tuple[int, int]) -> "View":
        """Some of the rows and columns."""
        offset = self.offset + start[0] * self.row + start[1] * self.column
        return replace(self, shape=(self.shape[0], *size), offset=offset)

    def flat(self) -> "View":
        """All codes as the channels of one position, in the order (C, H, W)."""
        channels, rows, columns = self.shape
        words = _merge((*self.words, (columns, self.column), (rows, self.row)))
        position = np.add.outer(np.arange(rows) * columns, np.arange(columns)) * self.word_count * self.lanes
        slots = (self.slots[:, None, None] + position).reshape(-1)
        return replace(self, shape=(channels * rows * columns, 1, 1), words=words, slots=slots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Copies:
    """Codes of a tensor in a buffer, some of them more than once; `codes` as of :meth:`View.codes`."""

    buffer: str
    codes: NDArray[np.int64]


def _merge(loops: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Fewer loops where one goes on where the one inside it ends."""
    merged = [loops[0]]
    for trips, step in loops[1:]:
        inner, inner_step = merged[-1]
        if trips == 1:
            continue
        if inner == 1:
            merged[-1] = (trips, step)
        elif step == inner * inner_step and inner * trips <= LONGEST:
            merged[-1] = (inner * trips, inner_step)
        else:
            merged.append((trips, step))
    return tuple(merged)
