"""Inferences of a small network over a bus: the host's side, for every simulator."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hw.bus.config import BusConfig
from hw.bus.registers import Range, RunError
from hw.engine.encoding import Error
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode
from rtl_gen.engine_simulator import bus_words
from sw_ref.network import execute
from verif.hw.array.bench import dice
from verif.hw.bus.bench import Memory, set_ranges, start, until_done
from verif.hw.bus.kits import Kit
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network

SEED = 16


@dataclass(frozen=True, kw_only=True)
class Inference:
    """A top's parameters, its memory, and `bench(ctx, top, reset)`, the host's part."""

    config: BusConfig
    memory: Memory
    bench: Callable[[Any, Any, Any], Any]


def inference(kit: Kit, bus_bits: int) -> Inference:
    """Two images, each with a place of its own for its outputs; then another engine's program, which is refused."""
    config, size = replace(CONFIG, bus_bits=bus_bits), bus_bits // 8
    rng = np.random.default_rng(SEED)
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

    return Inference(config=BusConfig(engine=config, bus=kit.config.bus), memory=memory, bench=bench)
