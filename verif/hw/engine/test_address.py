"""The address generator against the closed form of its loops."""

from typing import Any

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.address import AddressGenerator
from hw.engine.config import EngineConfig
from hw.engine.encoding import JOB, LOOPS, STEP, TILE_LOOPS, pack
from hw.engine.latency import ADDRESS_CYCLES, FLAG_CYCLES
from rtl_gen.compiler.loops import Loop, elements_of, steps_of, trips_of
from sw_ref.format import StlqFormat
from verif.hw.array.bench import simulate
from verif.hw.faults import driven

CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2, memory_words=512
)


FAULTS = {
    "steps of the job before": driven(AddressGenerator, "bank", lambda was, at: 0),
    "a second word counts as an element": driven(AddressGenerator, "residual", lambda was, at: 0),
    "moves while nothing is due": driven(AddressGenerator, "move", lambda was, at: 1),
    "negative coordinates are inside": driven(AddressGenerator, "inside", lambda was, at: was | at.own_x[-1]),
}


def random_job(rng: np.random.Generator) -> tuple[dict[str, int], list[dict[str, int]]]:
    """Fields and steps of a job of up to a few hundred elements, some of them out of bounds."""
    loops = {}
    for name in LOOPS:
        address, x, y = (int(v) for v in rng.integers(-9, 10, 3))
        loops[name] = Loop(trips=int(rng.integers(1, 4)) if rng.random() < 0.6 else 1, address=address, x=x, y=y)
    values = {"address": 200, "x": int(rng.integers(-5, 6)), "y": int(rng.integers(-5, 6)), "pad_address": 511}
    sizes = {"width": int(rng.integers(1, 40)), "height": int(rng.integers(1, 40))}
    return {**dict.fromkeys(JOB, 0), **trips_of(loops), **values, **sizes}, steps_of(loops)


def levels(fields: dict[str, int]) -> list[int]:
    """For each element the innermost loop that goes on behind it."""
    trips = [fields[f"trips_{name}"] + 1 for name in LOOPS]
    found = []
    for element in range(1, int(np.prod(trips)) + 1):
        level = 0
        while level < len(LOOPS) - 1 and element % trips[level] == 0:
            element //= trips[level]
            level += 1
        found.append(level)
    return found


class Run:
    """What goes into the generator in each cycle, and what must leave it: jobs behind each other, of one-word and
    two-word tiles, with pauses."""

    def __init__(self, rng: np.random.Generator, jobs: int):
        self.jobs = [random_job(rng) for _ in range(jobs)]
        self.started: dict[int, int] = {}  # jobs by the cycle
        self.issued: dict[int, int] = {}  # by the cycle, the loop that goes on behind the element
        self.two_word: dict[int, bool] = {}
        self.expected: dict[int, tuple[int, int]] = {}  # address and lane
        cycle = 0
        for number, (fields, steps) in enumerate(self.jobs):
            self.started[cycle], start = number, cycle
            for level, place in zip(levels(fields), places(fields, steps), strict=True):
                cycle += int(rng.random() < 0.2)
                self.expected[cycle + ADDRESS_CYCLES] = place
                if rng.random() < 0.3:
                    self.issued[cycle], self.two_word[cycle + FLAG_CYCLES] = 0, True
                    cycle += int(rng.integers(1, 3))
                self.issued[cycle] = level
                cycle += 1
            cycle = max(cycle, start + 4) + int(rng.integers(3))
        self.cycles = cycle + ADDRESS_CYCLES

    async def play(self, ctx: Any, device: Any, rng: np.random.Generator) -> None:
        store: list[list[dict[str, int]]] = [[], []]
        number = entry = 0
        for cycle in range(self.cycles):
            ctx.set(device.started, cycle in self.started)
            # The job is late by a cycle; the next one's steps are there by then.
            if cycle - 1 in self.started:
                number = self.started[cycle - 1]
                ctx.set(device.job, device.job.shape().from_bits(pack(JOB, self.jobs[number][0])))
                for late in self.jobs[number : number + 2]:
                    store[self.jobs.index(late) % 2] = late[1]
            level = self.issued.get(cycle)
            ctx.set(device.issue, level is not None)
            ctx.set(device.finish, level is not None and level >= TILE_LOOPS)
            ctx.set(device.level, int(rng.integers(len(LOOPS))) if level is None else level)
            # Of a second beat the flag is anything.
            first = (
                self.issued.get(cycle - FLAG_CYCLES) is not None
                and cycle - FLAG_CYCLES + ADDRESS_CYCLES in self.expected
            )
            ctx.set(device.two_word, self.two_word.get(cycle, False) if first else bool(rng.integers(2)))
            half = store[entry // len(LOOPS)]
            step = half[entry % len(LOOPS)] if half else dict.fromkeys(STEP, 0)
            ctx.set(device.step, device.step.shape().from_bits(pack(STEP, step)))
            assert ctx.get(device.valid) == (cycle in self.expected)
            assert ctx.get(device.beat) == (cycle - ADDRESS_CYCLES in self.issued)
            if cycle in self.expected:
                assert (ctx.get(device.address), ctx.get(device.lane)) == self.expected[cycle]
            entry = ctx.get(device.step_entry)
            await ctx.tick()


def places(fields: dict[str, int], steps: list[dict[str, int]]) -> list[tuple[int, int]]:
    """The address and the lane of each element, by the closed form."""
    walked = elements_of(fields, steps)
    x, y = walked["x"], walked["y"]
    inside = (x >= 0) & (x < fields["width"]) & (y >= 0) & (y < fields["height"])
    address = np.where(inside, walked["address"] % CONFIG.memory_words, fields["pad_address"])
    return list(zip(address.tolist(), (x % CONFIG.array.lanes).tolist(), strict=True))


def check(seed: int) -> None:
    rng = np.random.default_rng(seed)
    device: Any = AddressGenerator(CONFIG)
    run = Run(rng, jobs=4)

    async def bench(ctx: Any) -> None:
        await run.play(ctx, device, rng)

    simulate(device, bench)


@pytest.mark.parametrize("seed", range(6))
def test_addresses_are_those_of_the_loops(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(0)
