"""The window before the array: which passes may read three columns of a channel at a time, and their tiles."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW
from rtl_gen.compiler.loops import Loop
from rtl_gen.compiler.passes import Axis, Pass

STRIDES = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Slide:
    """A window slides along the `columns` of a source, or along its rows: along one row, or column, after the other.

    What a job calls a column is then a position of `along`.
    """

    columns: bool
    along: Axis

    @property
    def order(self) -> tuple[str, ...]:
        """What the loops x, y and group walk over."""
        return ("columns", "rows", "words") if self.columns else ("rows", "columns", "words")

    @property
    def reads(self) -> int:
        """Columns that are read for a row of sums."""
        window = self.along.window
        return window.stride * (window.outputs - 1) + WINDOW

    @property
    def fields(self) -> dict[str, int]:
        """Of the job."""
        return {"window": 1, "pairs": self.along.window.stride - 1}

    def idle(self, beats: int, steps: int) -> int:
        """Idle cycles of each column: sums need `steps` cycles."""
        return max(-(-steps // self.along.window.stride) - beats, 0)

    def tiles(self, words: NDArray[np.int8], channels: NDArray[Any], config: EngineConfig) -> NDArray[np.int8]:
        """The words of each kernel row: (rows, pe, lanes); `words`: (n, rows, columns); `channels`: the PE of each."""
        made = np.zeros((WINDOW, *config.array.tile), np.int8)
        words = words if self.columns else words.swapaxes(1, 2)
        for pe, kernel in zip(channels.tolist(), words, strict=True):
            for age in range(WINDOW):
                made[:, pe, config.array.own_lane(pe, age)] = kernel[:, WINDOW - 1 - age]
        return made

    def loops(self, loops: dict[str, Loop]) -> dict[str, Loop]:
        """Those over the kernel: without the one along which the window slides."""
        return {name: loop for name, loop in loops.items() if name != ("kernel_x" if self.columns else "kernel_y")}


def slides_of(whole: Pass, config: EngineConfig) -> list[Slide]:
    """How a window could slide over the source of a pass; none where a PE would need another channel than its own."""
    axes = {True: whole.columns, False: whole.rows}
    source, lanes = whole.source, config.array.lanes
    fits = (
        config.depthwise
        and whole.pool is None
        and len(source.words) == 1
        and whole.inputs.shape[1] == 1
        and all(axis.window.taps == WINDOW for axis in axes.values())
        and not ((source.slots[whole.inputs[:, 0]] - whole.target.slots) % lanes).any()
    )
    return [
        Slide(columns=columns, along=axis)
        for columns, axis in axes.items()
        if fits and axis.window.dilation == 1 and axis.window.stride in STRIDES
    ]
