"""The whole array as plain submodules: a short trace, in which every output of every cycle is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth import ClockDomain, Module

from hw.array.array import Array
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import SEED, simulate
from verif.hw.cycles import CycleModel
from verif.hw.mutants import MUTANTS
from verif.hw.stimulus import encode, extreme_jobs, random_jobs
from verif.hw.trace import Trace, paces_of

SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=5, residual_shift=1), pe=3, lanes=5, depth=37)
CONFIGS = {
    **{f"pipeline {level}": replace(SMALL, pe=2, lanes=3, pipeline=level) for level in (0, 1, 2)},
    "single": SMALL,
    "ping-pong": replace(SMALL, pipeline=4, choices=1),
    "pixels": replace(SMALL, pe=2, pixels=2),
    "largest words": ArrayConfig(
        format=StlqFormat(bits=5, act_bits=16, act_signed=False, residual_shift=4), pe=1, lanes=2, depth=8
    ),
    "one by one": ArrayConfig(format=StlqFormat(bits=2, act_bits=2, residual_shift=0), pe=1, lanes=1, depth=1),
}
# By configuration: broken designs that the benches of the Verilog reject too.
FAULTS = {
    "second word dropped": "single",
    "wrong sign": "single",
    "sums exchanged": "single",
    "residual state survives reset": "single",
    "ready whether or not there is room": "single",
    "waiting sum overwritten": "single",
    "kept sum forgotten": "ping-pong",
    "sum that is offered overwritten": "ping-pong",
    "turn survives reset": "ping-pong",
    "pixels exchanged": "pixels",
}


def short_trace(config: ArrayConfig) -> Trace:
    """Random words at three paces, and extremes; resets between."""
    rng = np.random.default_rng(SEED)
    trace = Trace(config, rng)
    trace.reset(2)
    jobs = [random_jobs(config, rng, 4, tiles=2), random_jobs(config, rng, 8, tiles=1)]
    extremes = list(extreme_jobs(config, (1, -1), (config.format.act_max, config.format.act_min), config.depth))
    model = CycleModel(config, iter(()))
    for some, shares in zip([*jobs, extremes], ((0, 0, 0), (0.3, 0.3, 0.5), (0, 0, 0)), strict=True):
        stimulus = encode(config, some, rng)
        # What is cut off in the middle must leave no trace in what follows.
        for cut in (7, 10, 12, None):
            trace.reset(1, model)
            model = trace.run(stimulus, paces_of(trace, shares, SEED), cut=cut)
    return trace


def check(config: ArrayConfig) -> None:
    m, trace = Module(), short_trace(config)
    clock: Any = ClockDomain("sync")
    m.domains.sync = clock
    m.submodules.array = array = Array(config)
    tiles, acts, sums = array.tiles, array.acts, array.sums

    async def bench(ctx: Any) -> None:
        for number, cycle in enumerate(trace.cycles):
            for signal, value in (
                (clock.rst, cycle.rst),
                (tiles.valid, cycle.tiles_valid),
                (tiles.payload.as_value(), cycle.tiles),
                (acts.valid, cycle.acts_valid),
                (acts.payload.as_value(), cycle.acts),
                (sums.ready, cycle.sums_ready),
            ):
                ctx.set(signal, value)
            if cycle.known:
                found = ctx.get(tiles.ready), ctx.get(acts.ready), ctx.get(sums.valid)
                assert found == (cycle.tiles_ready, cycle.acts_ready, cycle.sums is not None), number
                assert cycle.sums is None or ctx.get(sums.payload.as_value()) == cycle.sums, number
            await ctx.tick()

    simulate(m, bench)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_cycle_is_as_it_must_be(config: ArrayConfig) -> None:
    check(config)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_array_is_rejected(name: str) -> None:
    with MUTANTS[name].fault.planted(), pytest.raises(AssertionError):
        check(CONFIGS[FAULTS[name]])
