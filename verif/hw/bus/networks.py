"""Whole networks through both tops in Verilator, by both drivers; and their cycles beside those of the stream engine.

    python -m verif.hw.bus.networks NETWORK.safetensors ...

Takes networks in integers of one tile, of one input and one output each. ``python -m verif.campaign tiny_bus`` does so
with MLPerf Tiny's, and records what it found.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.bus.config import Bus, BusConfig
from hw.bus.registers import Range
from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.verilog import engine_verilog
from rtl_gen.bus_cycles import MemoryTiming, predict_run
from rtl_gen.compiler.cycles import predict_end
from rtl_gen.compiler.lower import compile_network, sizes_for
from rtl_gen.compiler.program import Job, encode, to_bytes
from rtl_gen.driver import stlq
from sw_ref.files import digest_of
from sw_ref.network import Network, execute, load_network
from verif.hw.bus import software
from verif.hw.bus.software import CHost
from verif.hw.bus.verilated import Bench, Settings, compile_top
from verif.rtl_gen.driver import c_driver

SEED = 16
NEAR = 0.02  # of the cycles: how far a prediction may be off
SLOW = MemoryTiming(latency=30, pace=1, outstanding=4)
"""Of the aim: 32 bits a cycle, 30 cycles of latency, 4 outstanding reads."""
MEMORIES = (MemoryTiming(latency=1), SLOW, replace(SLOW, pace=2), replace(SLOW, pace=4))
STALLS = Settings(latency=5, jitter=40, pauses=20, outstanding=8, seed=SEED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A network on an engine, with its drivers, an input, and what should come out."""

    name: str
    config: EngineConfig
    jobs: Sequence[Job]
    program: bytes
    interface: stlq.Interface
    driver: Any
    values: NDArray[np.float32]
    golden: NDArray[Any]

    @classmethod
    def of(cls, name: str, network: Network, config: EngineConfig, folder: Path) -> "Task":
        """`folder`: for the drivers."""
        jobs = compile_network(network, config).jobs
        program = to_bytes(config, encode(config, jobs))
        folder.mkdir()
        written = c_driver.write_driver(folder, config, network, len(program))
        interface = stlq.Interface.read(written / "stlq_network.json")
        (given,), (made,) = network.inputs, network.outputs
        high = config.array.format.act_max + 1
        codes = np.random.default_rng(SEED).integers(0, high, network.tensors[given].shape)
        return cls(
            name=name,
            config=config,
            jobs=jobs,
            program=program,
            interface=interface,
            driver=c_driver.load_driver(written),
            values=stlq.dequantize(codes, interface.inputs[0]),
            golden=execute(network, {given: codes[None]})[made][0],
        )

    @property
    def places(self) -> list[int]:
        """Of program, inputs and outputs in memory."""
        sizes = (len(self.program), self.interface.inputs_bytes)
        ends = np.cumsum([-(-size // 4096) * 4096 for size in sizes]) + 4096
        return [4096, *ends.tolist()]

    @property
    def size(self) -> int:
        """Bytes of a memory for it."""
        return self.places[Range.OUTPUTS] + self.interface.outputs_bytes

    @property
    def allowed(self) -> tuple[tuple[int, int], ...]:
        """First and last byte of each range."""
        sizes = (len(self.program), self.interface.inputs_bytes, self.interface.outputs_bytes)
        return tuple((place, place + size - 1) for place, size in zip(self.places, sizes, strict=True))

    def run_in_c(self, bench: Bench) -> tuple[int, int]:
        """Mismatches of an inference, and its cycles."""
        host = CHost(
            driver=self.driver,
            bus=bench.bus(),
            interface=self.interface,
            contents=bench,
            places=self.places,
        )
        assert host.check(self.program) == 0
        found = host.infer(self.program, self.values, 1 << 30)
        return self._mismatches(bench, found), bench.read(stlq.ADDRESSES["cycles"])

    def run_in_python(self, bench: Bench) -> tuple[int, int]:
        """Mismatches of an inference, and its cycles."""
        allocate = software.allocator(bench, self.places)
        engine = stlq.Engine(bench, allocate, self.program, self.interface)
        (found,) = engine.infer(self.values, timeout=3600)
        return self._mismatches(bench, found), engine.cycles

    def _mismatches(self, bench: Bench, found: NDArray[np.float32] | str) -> int:
        assert not isinstance(found, str), found
        assert (bench.problem, bench.pending, bench.refused) == ("", False, 0)
        return int((found != stlq.dequantize(self.golden, self.interface.outputs[0])).sum())


def check(task: Task, bench: Bench, bus: BusConfig) -> dict[str, Any]:
    """With random stalls by both drivers, then the cycles with each memory."""
    codes = mismatches = 0
    for run in (task.run_in_c, task.run_in_python):
        bench.reset(replace(STALLS, allowed=task.allowed), task.size)
        codes, mismatches = codes + task.golden.size, mismatches + run(bench)[0]
    rows = list[dict[str, Any]]()
    for memory in MEMORIES:
        settings = Settings(latency=memory.latency, pace=memory.pace, outstanding=memory.outstanding)
        bench.reset(replace(settings, allowed=task.allowed), task.size)
        wrong, cycles = task.run_in_c(bench)
        codes, mismatches = codes + task.golden.size, mismatches + wrong
        predicted = predict_run(bus, task.jobs, memory)
        rows.append({"latency": memory.latency, "pace": memory.pace, "cycles": cycles, "predicted": predicted})
    stream = predict_end(task.config, task.jobs)
    found = {"network": task.name, "bus": bus.bus.value, "codes": codes, "mismatches": mismatches}
    return {**found, "program_words": len(task.program) // bus.word_bytes, "stream_cycles": stream, "runs": rows}


@contextmanager
def tasks_of(networks: Mapping[str, Network]) -> Iterator[list[Task]]:
    """Networks by name on one engine whose memories are large enough for all."""
    first, *_ = networks.values()
    array = ArrayConfig(format=first.format, pe=first.tile[0], lanes=first.tile[1])
    tables = any(node.requantizer and node.requantizer.table is not None for n in networks.values() for node in n.nodes)
    config = EngineConfig(array=array, tables=tables, memory_words=1 << 20, group_beats=1 << 14)
    config = replace(config, **sizes_for(*(compile_network(network, config) for network in networks.values())))
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        yield [
            Task.of(name, network, config, Path(folder) / str(at))
            for at, (name, network) in enumerate(networks.items())
        ]


def check_all(networks: Mapping[str, Network]) -> dict[str, Any]:
    """Networks by name through both tops."""
    found = list[dict[str, Any]]()
    with tasks_of(networks) as tasks, tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        text = engine_verilog(tasks[0].config)
        for bus in Bus:
            config, place = BusConfig(engine=tasks[0].config, bus=bus), Path(folder) / bus.value
            place.mkdir()
            bench = Bench(compile_top(config, place, text))
            for task in tasks:
                found.append(check(task, bench, config))
                print(found[-1], flush=True)
    sums = {what: sum(entry[what] for entry in found) for what in ("codes", "mismatches")}
    about = {"engine": tasks[0].config.to_dict(), "verilog": digest_of(text.encode())}
    near = all(
        abs(run["predicted"] - run["cycles"]) <= NEAR * run["cycles"] for entry in found for run in entry["runs"]
    )
    return {"ok": not sums["mismatches"] and near, **sums, **about, "found": found}


def main(files: Sequence[str]) -> int:
    return int(not check_all({Path(file).stem: load_network(file) for file in files})["ok"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
