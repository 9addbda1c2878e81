"""One run of a host on a bus top in Verilator that a memory watches: how it begins, ends, and what must hold then."""

import random
from dataclasses import dataclass, field, replace

import numpy as np

from hw.bus.config import Bus
from hw.bus.registers import CONTROL, CYCLES, RANGES, STATUS, Part, Range, RunError, unpack
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import Job, encode, to_bytes
from rtl_gen.engine_simulator import bus_words
from sw_ref.network import execute
from verif.hw.bus.bench import INTERRUPT, START, STOP
from verif.hw.bus.verilated import FAR, Bench, Settings
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network

NETWORKS = ((1, (2, 2)), (2, (3, 3)), (5, (4, 4)))  # groups, size
WORD = CONFIG.bus_bits // 8
PATIENCE = 60_000  # cycles that no good run takes, with any memory here
ENDS = 3_000  # cycles in which a stopped run ends


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A network as bytes in memory: program, inputs and outputs."""

    jobs: list[Job]
    ranges: tuple[bytes, ...]


@dataclass(kw_only=True, eq=False)
class Case:
    """A task in a memory; `spans`: address and length that the host gives for each range."""

    bench: Bench
    bus: Bus
    task: Task
    rng: random.Random
    settings: Settings
    spans: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = self.settings.base + WORD * self.rng.randrange(1, 20)
        for data in self.task.ranges:
            self.spans.append([at, len(data)])
            at += len(data)
        self.bench.reset(self.settings, at - self.settings.base + WORD)
        self.fill()

    def fill(self) -> None:
        """Program and inputs as they should be."""
        for (address, _), data in zip(self.spans, self.task.ranges[:-1], strict=False):
            self.bench.put(address, data)

    def write(self, which: Range, part: Part, value: int) -> None:
        """A register of a range."""
        self.bench.write(RANGES + 16 * which + 4 * part, value)

    def begin(self) -> None:
        """Give the ranges to the top, and to the memory, which watches; start."""
        for which, (address, length) in zip(Range, self.spans, strict=True):
            for part, value in zip(Part, (address & 0xFFFFFFFF, address >> 32, length), strict=True):
                self.write(which, part, value)
        end = FAR if self.bus is Bus.AXI else 0xFFFFFFFF
        allowed = [(first, min(first + length - 1, end)) for first, length in self.spans]
        self.settings = replace(self.settings, allowed=tuple(allowed) if self.valid else ((1, 0),) * 3)
        self.bench.settings(self.settings)
        self.bench.write(CONTROL.address, START | INTERRUPT)

    @property
    def valid(self) -> bool:
        """Whether the top should take the ranges."""
        return all(
            address % WORD == 0 and length % WORD == 0 and length and (self.bus is Bus.AXI or address >> 32 == 0)
            for address, length in self.spans
        )

    def finish(self, errors: frozenset[RunError], *, waits: bool = False) -> RunError:
        """How the run ended: with one of `errors`; or, if it may wait for ever, because the host stopped it."""
        if not self.bench.until_irq(PATIENCE if not waits else PATIENCE // 10):
            assert waits, "the run does not end"
            self.bench.write(CONTROL.address, STOP | INTERRUPT)
            assert self.bench.until_irq(ENDS), "the run cannot be stopped"
            errors |= {RunError.STOPPED}
        status = unpack(STATUS, self.bench.read(STATUS.address))
        assert (status["busy"], status["done"]) == (0, 1)
        assert status["error"] in errors, f"error {status['error']} is none of {sorted(errors)}"
        before = self.bench.accesses
        self.bench.wait(20)
        assert (self.bench.accesses, self.bench.pending, self.bench.problem) == (before, False, ""), self.bench.problem
        return RunError(status["error"])

    def right(self) -> None:
        """All outputs are in their place."""
        address, length = self.spans[Range.OUTPUTS]
        assert self.bench.take(address, length) == self.task.ranges[Range.OUTPUTS], "wrong codes"
        assert 0 < self.bench.read(CYCLES.address) < PATIENCE

    def recover(self) -> None:
        """A good run after whatever there was."""
        self.settings = replace(self.settings, bad=(FAR, 0), pace=1, latency=self.settings.latency % 10, pauses=0)
        at = self.settings.base + WORD
        for span, data in zip(self.spans, self.task.ranges, strict=True):
            span[:] = at, len(data)
            at += len(data)
        self.fill()
        self.begin()
        self.finish(frozenset({RunError.NONE}))
        self.right()


def tasks() -> list[Task]:
    """The networks, each with an input and what comes out."""
    found = []
    for seed, (groups, size) in enumerate(NETWORKS):
        rng = np.random.default_rng(seed)
        network = pointwise_network(CONFIG, rng, groups=groups, size=size)
        image = rng.integers(0, 256, (1, *network.tensors["in"].shape))
        golden = execute(network, {"in": image})[network.outputs[0]][0]
        jobs = lower(network, CONFIG)
        codes = (np.array(bus_words(CONFIG, c), "<u4").tobytes() for c in (image[0], golden))
        found.append(Task(jobs=list(jobs), ranges=(to_bytes(CONFIG, encode(CONFIG, jobs)), *codes)))
    return found
