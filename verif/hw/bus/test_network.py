"""A whole network on the real engine through each bus, against the golden execution."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hw.bus.config import BusConfig
from hw.bus.registers import Range, RunError
from hw.engine.encoding import Error
from hw.engine.engine import Engine
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode
from rtl_gen.engine_simulator import bus_words
from sw_ref.network import execute
from verif.hw.array.bench import dice
from verif.hw.bus.bench import Memory, set_ranges, simulate, start, until_done
from verif.hw.bus.kits import KITS, Kit
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network


def run(kit: Kit, bus_bits: int) -> None:
    """Two images, each with a place of its own for its outputs; then another engine's program."""
    config, size = replace(CONFIG, bus_bits=bus_bits), bus_bits // 8
    rng = np.random.default_rng(16)
    network = pointwise_network(config, rng, groups=2, size=(3, 3))
    images = rng.integers(0, 256, (2, *network.tensors["in"].shape))
    golden = execute(network, {"in": images})[network.outputs[0]]
    jobs = lower(network, config)
    program = encode(config, jobs)
    memory = Memory(size=size, rng=dice("network"), pauses=0.2, latencies=range(30))
    expected = [bus_words(config, codes) for codes in golden]

    async def bench(ctx: Any, top: Any, reset: Any) -> None:
        host = kit.host(top.registers, 0)
        places = {
            Range.PROGRAM: (0x10F8, size * len(program)),
            Range.INPUTS: (0x20000 + size, size * len(bus_words(config, images[0]))),
        }
        memory.fill(places[Range.PROGRAM][0], program)
        for image, words in zip(images, expected, strict=True):
            memory.fill(places[Range.INPUTS][0], bus_words(config, image))
            outputs = (0x7F000 + size * len(memory.writes), size * len(words))
            await set_ranges(ctx, host, {**places, Range.OUTPUTS: outputs})
            await start(ctx, host)
            status = await until_done(ctx, host)
            assert (status["error"], status["engine_error"]) == (RunError.NONE, Error.NONE)
            assert memory.get(outputs[0], len(words)) == words
        assert len(memory.writes) == sum(map(len, expected))
        memory.fill(places[Range.PROGRAM][0], encode(replace(config, memory_words=512), jobs))
        await start(ctx, host)
        status = await until_done(ctx, host)
        assert (status["error"], status["engine_error"]) == (RunError.ENGINE, Error.ENGINE)

    simulate(kit.top, BusConfig(engine=config, bus=kit.config.bus), kit.serve(memory), bench, engine=Engine)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("bus_bits", [32, 64])
def test_a_network(kit: Kit, bus_bits: int) -> None:
    run(kit, bus_bits)
