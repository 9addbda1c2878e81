"""The sequencer against nested loops: every element, how every position ends, and on time if nothing is late."""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from amaranth import Mux

from hw.engine.encoding import LOOPS, TILE_LOOPS, Kind
from hw.engine.sequencer import Sequencer
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

NAMES = LOOPS[TILE_LOOPS:]
REST = 3
EVENTS = {"pool_x": "pool", "pool_y": "pool", "x": "x", "y": "y", "group": "group"}
FAULTS = {
    "one element too many": driven(Sequencer, "last", lambda was, at: at.index == 15),
    "halves do not take turns": driven(Sequencer, "half", lambda was, at: 0),
    "level of another loop": driven(Sequencer, "level", lambda was, at: was | 1),
    "starts before all is written": driven(Sequencer, "start", lambda was, at: was | (at.job_valid & at.idle)),
    "takes a code that is not there": driven(Sequencer, "late", lambda was, at: 0),
    "counts what the half before has": driven(Sequencer, "next_half", lambda was, at: at.half),
    "a group that is not there yet": driven(Sequencer, "running", lambda was, at: was | at.holding),
    "row ends with the column": driven(Sequencer, "x_end", lambda was, at: at.y_end),
}


@dataclass
class Work:
    """A job and its groups, as (end, idle)."""

    job: dict[str, int]
    groups: list[tuple[int, int]]
    elements: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Range:
    """What jobs are drawn from: last elements of positions, idle cycles, trip counts, whether a job has `wait`."""

    ends: tuple[int, ...] = (0, 1, 2, 3)
    idles: tuple[int, ...] = (0, 0, 3)
    turns: tuple[int, ...] = (1, 1, 2, 3)
    waits: tuple[int, ...] = (0, 1)


DEFAULT = Range()


def works_of(rng: Any, kinds: list[Kind], within: Range) -> list[Work]:
    works = []
    half = 0
    for kind in kinds:
        trips = {name: rng.choice(within.turns) for name in NAMES}
        job = {f"trips_{name}": count - 1 for name, count in trips.items()}
        job |= {f"single_{name}": int(count == 1) for name, count in trips.items()}
        conv = kind == Kind.CONV
        job |= {"kind": kind, "wait": 1 if not conv else rng.choice(within.waits)}
        groups = [(rng.choice(within.ends) if conv else 0, rng.choice(within.idles)) for _ in range(trips["group"])]
        work = Work(job, groups)
        for where in product(*(range(trips[name]) for name in reversed(NAMES))):
            at = dict(zip(reversed(NAMES), where, strict=True))
            end, _ = groups[at["group"]]
            level = next((n for n in NAMES if at[n] < trips[n] - 1), "ends")
            for index in range(end + 1):
                work.elements.append((index, (half + at["group"]) % 2, level if index == end else ""))
        half = (half + trips["group"]) % 2
        works.append(work)
    return works


class Stages:
    """The loader and all behind the sequencer: `hurry`, they are always ready."""

    def __init__(self, device: Any, works: list[Work], rng: Any, *, hurry: bool):
        self.device, self.works, self.rng, self.hurry = device, works, rng, hurry
        self.groups = [group for work in works for group in work.groups]
        self.full = [False, False]
        self.filled = self.offered = 0
        self.unwritten: list[int] = []
        self.half = 0
        self.rest = 0  # cycles in which no job may be offered
        self.valid = self.started = False
        self.share = 1.0  # of the cycles in which a group may come

    def drive(self, ctx: Any, cycle: int) -> None:
        device, rng = self.device, self.rng
        if self.filled < len(self.groups) and not self.full[self.half] and (self.hurry or rng.random() < self.share):
            end, idle = self.groups[self.filled]
            ctx.set(device.ends[self.half], end)
            ctx.set(device.idles[self.half], idle)
            self.full[self.half] = True
            # Some groups come long after the one before them has ended.
            self.share = rng.choice((0.5, 0.03))
            self.filled, self.half = self.filled + 1, self.half ^ 1
        ctx.set(device.full, self.full[0] | self.full[1] << 1)
        ready = self.offered < len(self.works) and not self.rest
        self.valid |= ready and (self.hurry or rng.random() < 0.5)
        self.rest -= self.rest > 0
        ctx.set(device.job_valid, self.valid)
        if self.valid:
            ctx.set(device.next_job, self.works[self.offered].job)
        self.unwritten = [due for due in self.unwritten if due > cycle]
        ctx.set(device.drained, not self.unwritten)
        self.code, self.room = (self.hurry or rng.random() < 0.6 for _ in range(2))
        ctx.set(device.code_valid, self.code)
        ctx.set(device.output_room, self.room)

    def observe(self, ctx: Any, cycle: int) -> tuple[Any, ...] | None:
        """The element that is due, if one is."""
        device = self.device
        assert ctx.get(device.started) == self.started
        self.started = bool(ctx.get(device.start))
        if self.started:
            assert self.valid
            assert not self.works[self.offered].job["wait"] or (ctx.get(device.idle) and not self.unwritten)
            self.offered, self.valid, self.rest = self.offered + 1, False, REST
        frees = ctx.get(device.front_frees)
        self.full = [full and not frees >> half & 1 for half, full in enumerate(self.full)]
        if not ctx.get(device.issue):
            assert not frees
            return None
        assert ctx.get(device.job).kind not in (Kind.INPUT.value,) or self.code
        assert ctx.get(device.job).kind not in (Kind.OUTPUT.value,) or self.room
        index, half, level = ctx.get(device.index), ctx.get(device.half), ""
        assert ctx.get(device.full) >> half & 1
        if ctx.get(device.finish):
            event = ctx.get(device.event)
            level = "ends" if event.ends else LOOPS[ctx.get(device.level)]
            kinds = {name: getattr(event, name) for name in ("pool", "x", "y", "group", "ends")}
            assert kinds == {name: int(name == EVENTS.get(level, "ends")) for name in kinds}
            assert event.half == half
            assert bool(frees) == (level in ("group", "ends"))
            self.unwritten.append(cycle + 6)
        return index, half, level


def check(kinds: list[Kind], *, hurry: bool, within: Range = DEFAULT) -> list[int]:
    """Returns the cycles of the elements."""
    device: Any = Sequencer(CONFIG)
    rng = dice((kinds, hurry))
    works = works_of(rng, kinds, within)
    expected = [element for work in works for element in work.elements]
    stages = Stages(device, works, rng, hurry=hurry)
    found: list[Any] = []
    due: list[int] = []

    async def bench(ctx: Any) -> None:
        for cycle in range((40 + max(within.idles)) * len(expected) + 400):
            stages.drive(ctx, cycle)
            element = stages.observe(ctx, cycle)
            if element is not None:
                found.append(element)
                due.append(cycle)
                assert found == expected[: len(found)]
            elif found == expected:
                break
            await ctx.tick()
        assert found == expected

    simulate(device, bench)
    return due


CONV, FILL, INPUT, OUTPUT = Kind.CONV, Kind.FILL, Kind.INPUT, Kind.OUTPUT


@pytest.mark.parametrize("hurry", [False, True])
@pytest.mark.parametrize("kinds", [[CONV] * 4, [INPUT, CONV, FILL, CONV, OUTPUT]], ids=["conv", "all kinds"])
def test_elements_are_those_of_the_loops(kinds: list[Kind], hurry: bool) -> None:
    check(kinds, hurry=hurry)


def check_time(kinds: list[Kind], within: Range) -> None:
    """Jobs without `wait`, whose idle cycles are all alike: no other cycle is lost, between them neither."""
    works = works_of(dice((kinds, True)), kinds, within)
    positions = sum(bool(level) for work in works for *_, level in work.elements)
    elements = sum(len(work.elements) for work in works)
    due = check(kinds, hurry=True, within=within)
    # The first element comes behind the first idle cycles.
    assert due[-1] - due[0] + 1 == elements + within.idles[0] * (positions - 1)


@pytest.mark.parametrize(
    ("kinds", "within"),
    [
        ([CONV], Range(idles=(2,))),
        ([CONV], Range(idles=(200,), turns=(1, 1, 1, 2))),
        ([CONV], Range(idles=(255,), turns=(1, 1, 1, 2))),
        ([CONV], Range(idles=(0,), turns=(1, 2), ends=(CONFIG.group_beats - 1,))),
        # A job is offered some cycles after the one before it is taken.
        ([CONV] * 4, Range(idles=(1,), turns=(2,), waits=(0,), ends=(2, 3))),
    ],
)
def test_an_element_is_due_in_every_cycle_but_the_idle_ones(kinds: list[Kind], within: Range) -> None:
    check_time(kinds, within)


def test_a_lost_idle_cycle_is_found() -> None:
    lost = driven(Sequencer, "place", lambda was, at: Mux(was[-1], 0, was))
    with lost.planted(), pytest.raises(AssertionError):
        check_time([CONV], Range(idles=(2,)))


def test_a_cycle_that_is_lost_between_jobs_is_found() -> None:
    lost = driven(Sequencer, "follows", lambda was, at: 0)
    with lost.planted(), pytest.raises(AssertionError):
        check_time([CONV] * 2, Range(idles=(1,), turns=(2,), waits=(0,), ends=(2, 3)))


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises((AssertionError, IndexError)):
        check([INPUT, CONV, CONV, CONV], hurry=False)
