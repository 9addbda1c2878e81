"""What the array's streams do in every cycle: a model of its timing, without arithmetic.

The contract says what comes out, and when it comes without stalls. This model says more: at every clock edge, under
any stalls, which of the three outputs are 1. It is as fast as one register per input stream, registers on the way
and the places for complete sums that wait can be; but a buffered array stops, and starts again, a cycle late.
"""

from collections.abc import Iterator
from typing import NamedTuple

from hw.config import BaseArrayConfig


class Flags(NamedTuple):
    """The flags of a `tiles` beat."""

    two_word: bool
    last: bool


class CycleModel:
    """One array's timing; `sums` come from `golden`, in order, one for each dot product that is completed.

    After :meth:`step`, `tiles_ready`, `acts_ready` and `sums` (None: not valid) are the outputs of the next cycle.
    """

    def __init__(self, config: BaseArrayConfig, golden: Iterator[int]) -> None:
        self._golden = golden
        self._buffered = config.buffered
        self.tiles_ready = self.acts_ready = False
        self.sums: int | None = None
        # What the input registers hold; a tile stays until its residual beat is used, the activations too.
        self._flags = Flags(False, False)
        self._tile_full = self._acts_full = self._residual = self._issue = False
        # The sums that the beats on their way complete (None: none), the newest first. They move in a cycle, or all
        # stand still.
        self._way: list[int | None] = [None] * config.schedule.stages
        self._advance = True
        # Complete sums that wait in the accumulators, the oldest first. If buffered there are two accumulators, used in
        # turn, each with a register behind it.
        self._waiting: list[int] = []
        self._accumulators: list[int | None] = [None, None]
        self._registers: list[int | None] = [None, None]
        self._turn = self._read = 0

    def step(self, tile: Flags | None, acts: bool, taken: bool) -> None:
        """One clock edge outside reset: a tiles beat is on offer (or None), an acts beat is, sums are taken."""
        tile_in, acts_in = tile is not None and self.tiles_ready, acts and self.acts_ready
        beat = self._use() if self._issue else None
        completed = None
        if self._advance:
            self._way.insert(0, beat)
            completed = self._way.pop()
        (self._take_turns if self._buffered else self._wait)(completed, stuck=self.sums is not None and not taken)
        if tile is not None and tile_in:
            self._flags = self._flags if self._residual else tile
        self._tile_full |= tile_in
        self._acts_full |= acts_in
        self._issue = self._tile_full and self._acts_full and self._advance
        last_word = self._residual or not self._flags.two_word
        self.tiles_ready = not self._tile_full or self._issue
        self.acts_ready = not self._acts_full or (self._issue and last_word)

    def _use(self) -> int | None:
        """Hand the beat in the input registers on; returns the sums that it completes."""
        done = self._residual or not self._flags.two_word
        self._tile_full = False
        self._acts_full = not done
        self._residual = not done
        return next(self._golden) if done and self._flags.last else None

    def _wait(self, completed: int | None, *, stuck: bool) -> None:
        """While a sum waits nothing moves."""
        if completed is not None:
            self._waiting.append(completed)
        if not stuck:
            self.sums = self._waiting.pop() if self._waiting else None
        self._advance = not self._waiting

    def _take_turns(self, completed: int | None, *, stuck: bool) -> None:
        """After a cycle in which a sum cannot leave its accumulator nothing moves."""
        free = [register is None for register in self._registers]
        self._advance = all(room or total is None for room, total in zip(free, self._accumulators, strict=True))
        if self.sums is not None and not stuck:
            self._registers[self._read] = None
            self._read ^= 1
        for index in range(2):
            if free[index]:
                self._registers[index], self._accumulators[index] = self._accumulators[index], None
        if completed is not None:
            assert self._accumulators[self._turn] is None, "a sum that waits must not be overwritten"
            self._accumulators[self._turn] = completed
            self._turn ^= 1
        self.sums = self._registers[self._read]
