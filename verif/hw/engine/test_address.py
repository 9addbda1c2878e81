"""The address generator against the closed form of its loops."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.config import ArrayConfig
from hw.engine.address import AddressGenerator
from hw.engine.config import ADDRESS_CYCLES, EngineConfig
from hw.engine.encoding import JOB, LOOPS, STEP, TILE_LOOPS, pack
from rtl_gen.compiler.loops import Loop, elements_of, steps_of, trips_of
from sw_ref.format import StlqFormat

CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2, memory_words=512
)


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


def addresses(fields: dict[str, int], steps: list[dict[str, int]]) -> list[int]:
    """What leaves the generator, an element a cycle."""
    device: Any = AddressGenerator(CONFIG)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(device.job, device.job.shape().from_bits(pack(JOB, fields)))
        work = levels(fields)
        for cycle, level in enumerate([*work, *[None] * ADDRESS_CYCLES]):
            ctx.set(device.started, not cycle)
            ctx.set(device.issue, level is not None)
            ctx.set(device.finish, level is not None and level >= TILE_LOOPS)
            ctx.set(device.level, level or 0)
            entry = ctx.get(device.step_entry) % len(LOOPS)
            await ctx.tick()
            ctx.set(device.step, device.step.shape().from_bits(pack(STEP, steps[entry])))
            if ctx.get(device.valid):
                found.append(ctx.get(device.address))

    simulator = Simulator(device)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("seed", range(12))
def test_addresses_are_those_of_the_loops(seed: int) -> None:
    fields, steps = random_job(np.random.default_rng(seed))
    walked = elements_of(fields, steps)
    x, y = walked["x"], walked["y"]
    inside = (x >= 0) & (x < fields["width"]) & (y >= 0) & (y < fields["height"])
    expected = np.where(inside, walked["address"] % CONFIG.memory_words, fields["pad_address"])
    assert addresses(fields, steps) == expected.tolist()
