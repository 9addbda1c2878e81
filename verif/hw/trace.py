"""Traces: what goes into the array in every cycle, and what must come out, from the golden and the model of cycles.

A trace is fixed before it runs, so that any simulator can replay it, on any form of the design, in one loop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hw.config import ArrayConfig
from sw_ref.stream import pack_fields
from verif.hw.cycles import CycleModel, Flags
from verif.hw.pace import Pace, always, delayed, stalling
from verif.hw.stimulus import Job, Stimulus, encode, extreme_jobs, random_jobs

TILES_LIMIT = 64  # of the longest dot product in a trace


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One cycle. Inputs; outputs as they must be before its clock edge, `sums` None for not valid.

    `ignored`: the bits of `tiles` that must not count although they are valid, as a mask.
    `known`: false before the first reset, when outputs may be anything.
    """

    rst: bool
    tiles_valid: bool
    tiles: int
    ignored: int
    acts_valid: bool
    acts: int
    sums_ready: bool
    tiles_ready: bool = False
    acts_ready: bool = False
    sums: int | None = None
    known: bool = True


@dataclass
class Trace:
    """Cycles for an array of `config`, and how many sums are taken in them."""

    config: ArrayConfig
    rng: np.random.Generator
    cycles: list[Cycle] = field(default_factory=list)
    sums: int = 0

    def reset(self, cycles: int, model: CycleModel | None = None) -> None:
        """`cycles` of reset, with noise on all inputs; `model`: what was under way."""
        for index in range(cycles):
            before = model if index == 0 else CycleModel(self.config, iter(()))
            self._append(before, rst=True, tiles=None, acts=None, sums_ready=self._flip())

    def run(self, stimulus: Stimulus, paces: Sequence[Pace], *, cut: int | None = None) -> CycleModel:
        """Stream `stimulus` at the `paces` of tiles, acts and sums, to a while after its end, or for `cut` cycles."""
        width = self.config.acc_bits
        golden = iter([pack_fields(sums, width) for sums in stimulus.sums])
        model = CycleModel(self.config, golden)
        left, quiet = len(stimulus.sums), self.config.latency_cycles + 4
        tiles = _Source(list(zip(stimulus.tiles, stimulus.ignored, strict=True)), paces[0])
        acts = _Source([(beat, 0) for beat in stimulus.acts], paces[1])
        for count, ready in enumerate(paces[2]):
            if count == cut or (left == 0 and quiet == 0):
                break
            (tile, ignored), (act, _) = tiles.offer(), acts.offer()
            self._append(model, rst=False, tiles=tile, ignored=ignored, acts=act, sums_ready=ready)
            taken = model.sums is not None and ready
            self.sums += taken
            left -= taken
            quiet -= left == 0
            tiles.took(model.tiles_ready)
            acts.took(model.acts_ready)
            model.step(self._flags(tile), act is not None, ready)
        return model

    def _flags(self, tiles: int | None) -> Flags | None:
        if tiles is None:
            return None
        at = self.config.words_per_beat * self.config.format.bits
        return Flags(bool(tiles >> at & 1), bool(tiles >> at + 1 & 1))

    def _append(
        self,
        model: CycleModel | None,
        *,
        rst: bool,
        tiles: int | None,
        acts: int | None,
        sums_ready: bool,
        ignored: int = 0,
    ) -> None:
        """One cycle; a stream that offers nothing carries noise, and in reset the noise may be valid."""
        widths = [self.config.payload_bits[name] for name in ("tiles", "acts")]
        noise = [int.from_bytes(self.rng.bytes(-(-width // 8)), "little") % (1 << width) for width in widths]
        cycle = Cycle(
            rst=rst,
            tiles_valid=self._flip() if rst else tiles is not None,
            tiles=noise[0] if tiles is None else tiles,
            ignored=ignored,
            acts_valid=self._flip() if rst else acts is not None,
            acts=noise[1] if acts is None else acts,
            sums_ready=sums_ready,
            known=model is not None,
        )
        if model:
            cycle = replace(cycle, tiles_ready=model.tiles_ready, acts_ready=model.acts_ready, sums=model.sums)
        self.cycles.append(cycle)

    def _flip(self) -> bool:
        return bool(self.rng.integers(2))


class _Source:
    """Offers beats and their masks in order at a pace, each until it is taken."""

    def __init__(self, beats: Sequence[tuple[int, int]], pace: Pace) -> None:
        self._beats, self._pace = iter(beats), pace
        self._next = next(self._beats, None)
        self._offered = False

    def offer(self) -> tuple[int | None, int]:
        self._offered = self._next is not None and (self._offered or next(self._pace))
        return self._next if self._next and self._offered else (None, 0)

    def took(self, ready: bool) -> None:
        if self._offered and ready:
            self._next, self._offered = next(self._beats, None), False


def make_trace(config: ArrayConfig, seed: int, *, rounds: int = 3) -> Trace:
    """The fast regression: random data, extremes, both flags, full depth, all kinds of stalls, resets in the middle.

    A depth of more than ``TILES_LIMIT`` tiles is not reached.
    """
    rng = np.random.default_rng(seed)
    trace = Trace(config, rng)
    trace.reset(2)
    trace.reset(1, CycleModel(config, iter(())))
    for jobs, shares in _program(config, rng, rounds):
        stimulus = encode(config, jobs, rng)
        # What is cut off in the middle must leave no trace in what follows.
        for _ in range(2):
            cut = int(rng.integers(1, 12 + 2 * config.latency_cycles))
            trace.reset(int(rng.choice([1, 1, 2, 3])), trace.run(stimulus, paces_of(trace, shares, seed), cut=cut))
        trace.reset(1, trace.run(stimulus, paces_of(trace, shares, seed)))
    return trace


def paces_of(trace: Trace, shares: Sequence[float], seed: int) -> list[Pace]:
    """Paces of tiles, acts and sums that stall in these shares of the cycles; 1: until the array must be full."""
    full = 2 * trace.config.latency_cycles + 12
    return [
        delayed(full) if share == 1 else stalling(f"{seed}:{len(trace.cycles)}:{index}", share) if share else always()
        for index, share in enumerate(shares)
    ]


def _program(
    config: ArrayConfig, rng: np.random.Generator, rounds: int
) -> Iterator[tuple[list[Job], tuple[float, ...]]]:
    """Jobs, and the shares of stalls on each stream."""
    fmt = config.format
    for _ in range(rounds):
        for shares in ((0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0.3, 0.3, 0.3), (0, 0, 1), (0.7, 0.6, 0.7)):
            yield random_jobs(config, rng, 8, tiles=3), shares
        yield random_jobs(config, rng, 12, tiles=2), (0, 0, 0.8)
        # A sum waits behind another one while nothing follows them.
        for shares in ((0.4, 0, 0.7), (0, 0.4, 0.7)):
            yield random_jobs(config, rng, 16, tiles=1), shares
        for two_word in ([False], [True]):
            yield random_jobs(config, rng, 12, tiles=1, two_word=two_word), (0, 0, 0)
            yield random_jobs(config, rng, 12, tiles=1, two_word=two_word), (0, 0, 0.5)
    inputs = min(config.depth, TILES_LIMIT * config.lanes)
    yield list(extreme_jobs(config, fmt.codes, (fmt.act_max, fmt.act_min), min(inputs, 4 * config.lanes))), (0, 0, 0)
    yield list(extreme_jobs(config, (1, -1), (fmt.act_max, fmt.act_min), inputs)), (0, 0, 0)
