"""The array as a tree of plain submodules in Amaranth's own simulator: its sums are the golden ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.array.array import Array
from hw.array.decoder import Decoder
from hw.component import Modules
from hw.config import ArrayConfig
from hw.verilog import verilog
from sw_ref.format import StlqFormat
from verif.hw.scoreboard import unpack_signed
from verif.hw.stimulus import encode, random_jobs

SMALL = ArrayConfig(pe=4, lanes=4, depth=64)
CONFIGS = {"single": SMALL, "ping-pong": replace(SMALL, pipeline=4, choices=1)}
SEED = 20


def source(stream: Any, beats: Sequence[int]) -> Callable[[Any], Any]:
    """A testbench that offers `beats`, one after the other."""

    async def process(ctx: Any) -> None:
        ctx.set(stream.valid, 1)
        for beat in beats:
            ctx.set(stream.payload.as_value(), beat)
            await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)

    return process


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_sums_are_the_golden_ones(config: ArrayConfig) -> None:
    rng = np.random.default_rng(SEED)
    stimulus = encode(config, random_jobs(config, rng, 2), rng)
    array = Array(config)
    found: list[list[int]] = []

    async def sink(ctx: Any) -> None:
        ctx.set(array.sums.ready, 1)
        while len(found) < len(stimulus.sums):
            (sums,) = await ctx.tick().sample(array.sums.payload.as_value()).until(array.sums.valid)
            found.append(unpack_signed(sums, config.sums_per_beat, config.acc_bits))

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    for process in (source(array.tiles, stimulus.tiles), source(array.acts, stimulus.acts), sink):
        simulator.add_testbench(process)
    simulator.run()
    assert found == stimulus.sums


def test_every_kind_is_one_module() -> None:
    modules = Modules()
    modules.add(Array, SMALL)
    text = verilog(modules)
    names = [component.module.removeprefix("stlq_array") for component in modules]
    assert sorted(names) == ["", "_accumulator", "_alignment", "_control", "_decoder", "_operand", "_pe"]
    assert [text.count(f"\nmodule stlq_array{name}(") for name in names] == [1] * len(names)


def test_two_kinds_of_one_name_are_refused() -> None:
    modules = Modules()
    modules.add(Decoder, StlqFormat(bits=3), 1, "same")
    modules.add(Decoder, StlqFormat(bits=4), 1, "same")
    with pytest.raises(ValueError, match=r"^2 different components are named same_decoder; allowed: one$"):
        verilog(modules)
