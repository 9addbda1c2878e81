"""Nested loops against ranges inside each other, over several jobs, one behind the other."""

from itertools import pairwise, product
from typing import Any

import pytest
from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.loops import Loops
from verif.hw.array.bench import dice, simulate
from verif.hw.faults import driven

NAMES = ("inner", "middle", "outer")
BITS = 3
TRIPS = data.StructLayout({f"trips_{name}": BITS for name in NAMES} | {f"single_{name}": 1 for name in NAMES})


class Counting(Component):
    """Loops whose job becomes the next one with `load`. `due`: a bit for each loop, the highest one is the end."""

    def __init__(self) -> None:
        super().__init__({"next_job": In(TRIPS), "load": In(1), "step": In(1), "due": Out(len(NAMES) + 1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        job = Signal(TRIPS)
        with m.If(self.load):
            m.d.sync += job.eq(self.next_job)
        loops = Loops(m, NAMES, self.step, job, load=self.load, next_job=self.next_job)
        m.d.comb += self.due.eq(Cat(*loops.due.values(), loops.over[NAMES[-1]]))
        return m


FAULTS = {
    "ends one iteration early": driven(Counting, "inner_end", lambda was, at: was | (at.inner + 1 == at.job[:BITS])),
    "never ends": driven(Counting, "middle_end", lambda was, at: 0),
    "goes on from where it was": driven(Counting, "middle", lambda was, at: Mux(was == 1, at.middle, was)),
    "one iteration too many": driven(Counting, "middle_single", lambda was, at: 0),
    "counts by two": driven(Counting, "following_inner", lambda was, at: was + 1),
}


def due_of(trips: list[int]) -> list[int]:
    """For each iteration the loop that goes on behind it, innermost is 0."""
    walked = [where[::-1] for where in product(*(range(count) for count in reversed(trips)))]
    moves = [[b - a for a, b in zip(one, other, strict=True)].index(1) for one, other in pairwise(walked)]
    return [*moves, len(trips)]


def turns(trips: list[int]) -> dict[str, int]:
    """The fields of a job."""
    named = list(zip(NAMES, trips, strict=True))
    return {f"trips_{name}": count - 1 for name, count in named} | {f"single_{n}": int(c == 1) for n, c in named}


def check(jobs: list[list[int]], *, hurry: bool) -> None:
    """`hurry`: a step in each cycle, and the next job with the last step of the one before."""
    device: Any = Counting()
    rng = dice((jobs, hurry))

    async def bench(ctx: Any) -> None:
        async def tick(**values: int) -> None:
            for name in ("load", "step"):
                ctx.set(getattr(device, name), values.get(name, 0))
            await ctx.tick()

        loaded = False
        for number, trips in enumerate(jobs):
            if not loaded:
                ctx.set(device.next_job, turns(trips))
                await tick(load=1)
            expected = due_of(trips)
            for at, due in enumerate(expected):
                while not hurry and rng.random() < 0.3:
                    await tick()
                assert ctx.get(device.due) == 1 << due
                loaded = hurry and at == len(expected) - 1 and number < len(jobs) - 1
                if loaded:
                    ctx.set(device.next_job, turns(jobs[number + 1]))
                await tick(step=1, load=int(loaded))

    simulate(device, bench)


def random_jobs() -> list[list[int]]:
    rng = dice("jobs")
    most = 1 << BITS
    return [[most, 1, most], [1, 1, 1], *([rng.choice((1, 1, 2, 3, 5)) for _ in NAMES] for _ in range(12))]


@pytest.mark.parametrize("hurry", [False, True])
def test_loops_go_on_as_ranges_do(hurry: bool) -> None:
    check(random_jobs(), hurry=hurry)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(random_jobs(), hurry=True)
