"""The requantizer against its formula: chunks in order and on time, over jobs that add a code in some steps or none."""

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pytest

from hw.engine.config import EngineConfig
from hw.engine.encoding import ADD_TERMS, TERM, pack, width
from hw.engine.latency import CODE_CYCLES, MEMORY_CYCLES, OFFSET_CYCLES
from hw.engine.requantizer import Requantizer
from rtl_gen.compiler.channels import added_terms
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES, kept
from verif.hw.engine.test_requantizer_lane import Case, cases, fits, golden, parameters
from verif.hw.faults import driven

JOBS = (2, 0, 1, 0, 1, 2, 2)  # `add_terms` of one job after the other
WAYS = ("x", "y", "group", "ends")
GROUPS = (("x", "y", "group"), ("y", "x", "ends"))  # how the positions of a job's groups end
SETTLED = 3  # cycles from the start of a job to its first sums, at least
REFILLED = 3  # cycles from a half that is free to other parameters in it, at least
FAULTS = {
    "chunks in reverse": driven(Requantizer, "chunk", lambda was, at: ~was),
    "sum added in each step": driven(Requantizer, "not_sum", lambda was, at: 0),
    "limits of the next job": driven(Requantizer, "clip_load", lambda was, at: at.clip_waiting),
    "parameters of the other half": driven(Requantizer, "scale_1", lambda was, at: was ^ CONFIG.requant_steps),
    "word to add asked for in each step": driven(Requantizer, "begins", lambda was, at: 1),
}


class Position(NamedTuple):
    """A position of job `job`, which adds `terms`: how it ends, the half of its parameters, a case for each channel."""

    job: int
    terms: int
    end: str
    half: int
    channels: list[Case]


def positions_of(rng: np.random.Generator, width: int) -> list[Position]:
    """All positions of all jobs, `width` channels each. Halves take turns; channels have parameters of their own."""
    found: list[Position] = []
    chosen = cases(rng)
    for job, terms in enumerate(JOBS):
        low, high = sorted(rng.integers(0, 256, 2).tolist())
        for half, ends in enumerate(GROUPS):
            group = list(islice((case for case in chosen if terms_of(case) <= terms and fits(case)), width))
            for end in ends:
                channels = [{**another(case, rng), "low": low, "high": high} for case in group]
                found.append(Position(job, terms, end, half, channels))
    return found


def terms_of(case: Case) -> int:
    scale, _ = parameters(case)
    return added_terms(scale)


def another(case: Case, rng: np.random.Generator) -> Case:
    """The same channel at another position."""
    while True:
        other = {**case, "x": int(case["x"] * rng.uniform(-1, 1)), "added": int(rng.integers(256))}
        if fits(other):
            return other


class Stages:
    """All around the requantizer: sums that come when they like, stores that are filled when they may, the memory."""

    def __init__(self, device: Any, positions: list[Position], config: EngineConfig):
        self.device, self.positions, self.rng = device, positions, dice(config.requant_lanes)
        self.config = config
        self.lanes, self.chunks = config.requant_lanes, config.requant_steps
        self.jobs = {position.job: position for position in positions}
        self.groups = [position for position in positions if position.end in ("group", "ends")]
        self.starts: list[int] = []  # the cycle of each job's
        self.stored: dict[tuple[str, int], int] = {}
        self.entries = {"scales": 0, "offsets": 0}
        self.offered = False
        self.due: dict[str, dict[int, Any]] = defaultdict(dict)  # what must come, by name and cycle
        self.words: dict[int, int] = {}  # to add, by the cycle in which they come
        self.fills: list[int] = []  # cycles in which the next group comes
        for _ in range(2):
            self._fill()

    def drive(self, ctx: Any, cycle: int) -> None:
        device = self.device
        if self.starts and cycle == self.starts[-1] + 1:
            job = self.jobs[len(self.starts) - 1]
            low, high = job.channels[0]["low"], job.channels[0]["high"]
            ctx.set(device.job, {"add_terms": job.terms, "low": low, "high": high})
        present = self.positions[0].job if self.positions else len(self.jobs)
        # A job may start while the sums of the one before are still to come.
        free = not self.starts or (cycle > self.starts[-1] + 1 and not ctx.get(device.waiting))
        starts = len(self.starts) < len(self.jobs) and len(self.starts) < present + 2 and free
        ctx.set(device.starts, starts)
        if starts:
            self.starts.append(cycle)
        begun = len(self.starts) > present and cycle > self.starts[present] + SETTLED
        if self.positions and begun and not self.offered and self.rng.random() < 0.5:
            self._offer(ctx, cycle)
        ctx.set(device.sums.valid, self.offered)
        if cycle in self.words:
            ctx.set(device.add_word, self.words[cycle])
        if cycle in self.fills and self.groups:
            self._fill()
        for name, entry in self.entries.items():
            # Between positions a step may be asked for that there is not.
            ctx.set(getattr(device, name), self.stored.get((name, entry), 0))

    def observe(self, ctx: Any, cycle: int) -> None:
        device, about = self.device, ctx.get(self.device.about)
        for name in ("take", "leaves", "add_read", "back_frees"):
            assert ctx.get(getattr(device, name)) == self.due[name].pop(cycle, 0), name
        assert ctx.get(device.sums.valid & device.sums.ready) == ctx.get(device.take)
        assert about.valid == (cycle in self.due["codes"])
        if about.valid:
            event = {way: getattr(about.event, way) for way in WAYS}
            assert (ctx.get(device.codes), about.chunk, about.done, event) == self.due["codes"].pop(cycle)
        if ctx.get(device.take):
            self.positions.pop(0)
            self.offered = False
        if ctx.get(device.back_frees):
            self.fills.append(cycle + REFILLED)
        self.entries = {"scales": ctx.get(device.scale_entry), "offsets": ctx.get(device.offset_entry)}

    def _offer(self, ctx: Any, cycle: int) -> None:
        """The sums of a position; what must come of them, and when."""
        _, terms, end, half, channels = self.positions[0]
        self.offered = True
        event = {way: int(way == end) for way in WAYS}
        ctx.set(self.device.event, {"half": half, **event})
        sums = packed([case["x"] for case in channels], self.config.core.acc_bits)
        ctx.set(self.device.sums.payload, self.device.sums.payload.shape().from_bits(sums))
        step = cycle
        for chunk in range(self.chunks):
            own = channels[chunk * self.lanes :][: self.lanes]
            codes = packed(kept(golden(case) for case in own), CONFIG.code_bits)
            step = cycle + chunk * (1 + terms) + terms
            self.due["codes"][step + CODE_CYCLES] = (codes, chunk, int(chunk == self.chunks - 1), event)
        self.due["take"][step] = 1
        self.due["leaves"][step + self.config.drain_cycles - 2] = 1
        if end in ("group", "ends"):
            self.due["back_frees"][step + OFFSET_CYCLES] = 1 << half
        if terms:
            self.due["add_read"][cycle] = 1
            self.words[cycle + MEMORY_CYCLES] = packed(kept(case["added"] for case in channels), CONFIG.code_bits)

    def _fill(self) -> None:
        """The parameters of the next group, in the place of those of the last but one."""
        _, _, _, half, channels = self.groups.pop(0)
        for chunk in range(self.chunks):
            scales, offsets = zip(*map(parameters, channels[chunk * self.lanes :][: self.lanes]), strict=True)
            entry = chunk | half << (self.chunks - 1).bit_length()
            for step, terms in enumerate(zip(*scales, strict=True)):
                at = step | entry << ADD_TERMS.bit_length()
                self.stored["scales", at] = packed([pack(TERM, one) for one in terms], width(TERM))
            offset = self.config.offset
            self.stored["offsets", entry] = packed([pack(offset, one) for one in offsets], width(offset))


def check(lanes: int = CONFIG.requant_lanes, side: int = LANES, choices: int = CONFIG.array.choices) -> None:
    array = replace(CONFIG.array, pe=side, lanes=side, choices=choices)
    config = replace(CONFIG, requant_lanes=lanes, array=array)
    device: Any = Requantizer(config)
    stages = Stages(device, positions_of(np.random.default_rng(lanes), side), config)

    async def bench(ctx: Any) -> None:
        for cycle in range(300 + 300 * config.requant_steps):
            stages.drive(ctx, cycle)
            stages.observe(ctx, cycle)
            await ctx.tick()
        assert not stages.positions
        assert not any(stages.due.values())

    simulate(device, bench)


@pytest.mark.parametrize(("lanes", "side", "choices"), [(1, 4, 4), (1, 4, 1), (2, 4, 4), (4, 4, 4), (2, 6, 4)])
def test_codes_are_those_of_the_formula_in_order_and_on_time(lanes: int, side: int, choices: int) -> None:
    check(lanes, side, choices)


def test_codes_that_are_stored_come_two_cycles_later() -> None:
    device: Any = Requantizer(replace(CONFIG, requant_lanes=4))
    rng = dice("stored")

    async def bench(ctx: Any) -> None:
        ctx.set(device.store, 1)
        await ctx.tick()
        for _ in range(4):
            pair = [rng.randrange(256) for _ in range(2)]
            ctx.set(device.moved, packed(pair, 8))
            await ctx.tick()
            assert ctx.get(device.codes) == packed(kept(pair * 2), 8)

    simulate(device, bench)


def test_a_fill_takes_the_lower_limit_and_a_chunk_of_a_word_is_shown() -> None:
    device: Any = Requantizer(CONFIG)

    async def bench(ctx: Any) -> None:
        ctx.set(device.add_word, sum(lane << 8 * lane for lane in range(LANES)))
        for low in (255, 0, 77):
            ctx.set(device.job, {"low": low, "high": 255})
            ctx.set(device.fill, 1)
            await ctx.tick()
            for chunk in range(CONFIG.requant_steps):
                ctx.set(device.shows, 1)
                ctx.set(device.shown, chunk)
                await ctx.tick()
                assert ctx.get(device.codes) == packed(kept([low] * CONFIG.requant_lanes), 8)
                lanes = range(LANES)[chunk * CONFIG.requant_lanes :][: CONFIG.requant_lanes]
                assert ctx.get(device.added) == packed(list(lanes), 8)
            ctx.set(device.fill, 0)

    simulate(device, bench)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
