"""Inferences of a small network over a bus by the real drivers: the host's side, for every simulator."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.bus.config import BusConfig
from hw.bus.registers import RUN_ERRORS, RunError
from hw.engine.encoding import Error
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.driver import stlq
from rtl_gen.driver.stlq import Interface
from rtl_gen.engine_simulator import bus_words
from sw_ref.network import execute
from verif.hw.array.bench import dice
from verif.hw.bus import software
from verif.hw.bus.bench import Memory
from verif.hw.bus.kits import Kit
from verif.hw.bus.software import CHost, Registers, Words
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network
from verif.rtl_gen.driver import c_driver

SEED = 16


SECONDS = 600  # for a run in a simulator


class Inference:
    """An image by each driver; then another engine's program, which both drivers refuse, and the engine too.

    `config`: of the top; `memory`: beside it; `bench(ctx, top, reset)`: the host's part. `folder` is for the drivers.
    """

    def __init__(self, kit: Kit, bus_bits: int, folder: Path):
        engine, rng = replace(CONFIG, bus_bits=bus_bits), np.random.default_rng(SEED)
        network = pointwise_network(engine, rng, groups=2, size=(3, 3))
        jobs = lower(network, engine)
        self.config, self._kit = BusConfig(engine=engine, bus=kit.config.bus), kit
        self.program, self.wrong = (to_bytes(c, encode(c, jobs)) for c in (engine, replace(engine, memory_words=512)))
        written = c_driver.write_driver(folder, engine, network, len(self.program))
        self._driver, self._interface = c_driver.load_driver(written), Interface.read(written / "stlq_network.json")
        images = rng.integers(0, 256, (2, *network.tensors["in"].shape))
        self._golden = execute(network, {"in": images})[network.outputs[0]]
        self._values = stlq.dequantize(images, self._interface.inputs[0])
        self._expected = stlq.dequantize(self._golden, self._interface.outputs[0])
        self.memory = Memory(size=bus_bits // 8, rng=dice("network"), pauses=0.2, latencies=range(30))

    async def bench(self, ctx: Any, top: Any, reset: Any) -> None:
        """All of it."""
        host, places = self._kit.host(top.registers, 0), (0x7F000, 0x7F100)
        await software.run(ctx, host, lambda registers: self._in_c(registers, places[0]))
        await software.run(ctx, host, lambda registers: self._in_python(registers, places[1]))
        expected = [bus_words(self.config.engine, codes) for codes in self._golden]
        for address, words in zip(places, expected, strict=True):
            assert self.memory.get(address, len(words)) == words
        assert len(self.memory.writes) == sum(map(len, expected))
        await software.run(ctx, host, self._refused)
        assert len(self.memory.writes) == sum(map(len, expected))

    def _places(self, outputs: int) -> list[int]:
        return [0x10F8, 0x20000 + self.memory.size, outputs]

    def _c_host(self, registers: Registers, outputs: int) -> CHost:
        return CHost(
            driver=self._driver,
            bus=software.bus_of(registers),
            interface=self._interface,
            contents=Words(self.memory),
            places=self._places(outputs),
        )

    def _engine(self, registers: Registers, program: bytes, outputs: int) -> stlq.Engine:
        allocate = software.allocator(Words(self.memory), self._places(outputs))
        return stlq.Engine(registers, allocate, program, self._interface)

    def _in_c(self, registers: Registers, outputs: int) -> None:
        host = self._c_host(registers, outputs)
        assert host.check(self.program) == 0
        assert np.array_equal(host.infer(self.program, self._values[0]), self._expected[0])

    def _in_python(self, registers: Registers, outputs: int) -> None:
        (found,) = self._engine(registers, self.program, outputs).infer(self._values[1], timeout=SECONDS)
        assert np.array_equal(found, self._expected[1])

    def _refused(self, registers: Registers) -> None:
        host = self._c_host(registers, 0x7F200)
        assert host.check(self.wrong) == c_driver.WRONG_ENGINE
        with pytest.raises(stlq.EngineError, match="the program is for engine"):
            self._engine(registers, self.wrong, 0x7F200)
        meaning = stlq.MEANINGS["status", "engine_error"][Error.ENGINE]
        found = host.infer(self.wrong, self._values[0])
        assert found == f"{RUN_ERRORS[RunError.ENGINE]}: {meaning}"
