"""The bench around one array: clock, reset, drivers, monitors and scoreboard."""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import ClockCycles, RisingEdge

from hw.baseline.config import config_from
from hw.config import BaseArrayConfig
from verif.hw.drivers import Port, reluctant_sink, sink, source
from verif.hw.monitors import Monitor, StreamRuleError
from verif.hw.pace import Pace, always
from verif.hw.scoreboard import MismatchError, Scoreboard
from verif.hw.stimulus import Job, Stimulus, encode

Paces = Mapping[str, Pace]  # by name of the stream

SETUP_FILE = "bench.json"
IDLE_LIMIT = 400  # cycles without a transfer after which sums count as lost; more than any pace stalls


def read_setup() -> tuple[BaseArrayConfig, int]:
    """Configuration and seed that the launcher wrote into the simulator's folder."""
    setup = json.loads(Path(SETUP_FILE).read_text())
    return config_from(setup), setup["seed"]


class Bench:
    """Runs jobs through `dut` and checks all that comes out; make it with :meth:`start`."""

    def __init__(self, dut: Any, test: str) -> None:
        self.dut = dut
        self.config, seed = read_setup()
        self.seed = f"{seed}:{test}"
        self.rng = np.random.default_rng([seed, zlib.crc32(test.encode())])
        self.tiles, self.acts = (Monitor(Port(dut, name), drives=True) for name in ("tiles", "acts"))
        self.sums = Monitor(Port(dut, "sums"))
        self.scoreboard = Scoreboard(self.config.sums_per_beat, self.config.acc_bits)
        self.stimulus = Stimulus([], [], [], [], [])
        self.cycle = self.busy = self.in_reset = 0
        self._drivers: list[Task[None]] = []

    @classmethod
    async def start(cls, dut: Any, test: str) -> "Bench":
        """A bench with a running clock, after reset; `test` is part of the seed."""
        bench = cls(dut, test)
        dut._log.info(f"seed {bench.seed}")
        for port in (bench.tiles.port, bench.acts.port):
            port.valid.value = 0
            port.payload.value = 0
        dut.sums__ready.value = 0
        dut.rst.value = 1
        Clock(dut.clk, 10, "ns", impl="gpi").start(start_high=False)
        cocotb.start_soon(bench._watch())
        await bench.reset()
        return bench

    async def reset(self, cycles: int = 2) -> None:
        """Drop everything under way and hold reset for `cycles` clock edges."""
        self._stop()
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, cycles)
        self.dut.rst.value = 0
        self._forget()

    async def run(self, jobs: Sequence[Job], paces: Paces | None = None, *, reluctant: bool = False) -> None:
        """Send `jobs` as :meth:`launch` does, and check everything, leftovers too."""
        self.launch(jobs, paces, reluctant=reluctant)
        await self.finish()

    def launch(self, jobs: Sequence[Job], paces: Paces | None = None, *, reluctant: bool = False) -> None:
        """Begin to send `jobs`; streams without a pace do not stall. `reluctant`: ready only once valid is seen."""
        self.send(encode(self.config, jobs, self.rng), paces, reluctant=reluctant)

    def send(self, stimulus: Stimulus, paces: Paces | None = None, *, reluctant: bool = False) -> None:
        """Begin to send `stimulus`."""
        self._stop()
        self._forget()
        self.stimulus, self.busy = stimulus, self.cycle
        for golden in stimulus.sums:
            self.scoreboard.expect(golden)
        tiles, acts, sums = ((paces or {}).get(name) or always() for name in ("tiles", "acts", "sums"))
        drain = reluctant_sink if reluctant else sink
        self._drivers = [
            cocotb.start_soon(source(self.tiles.port, stimulus.tiles, stimulus.ignored, tiles, f"{self.seed}:tiles")),
            cocotb.start_soon(
                source(self.acts.port, stimulus.acts, [0] * len(stimulus.acts), acts, f"{self.seed}:acts")
            ),
            cocotb.start_soon(drain(self.sums.port, sums)),
        ]

    def _stop(self) -> None:
        for driver in self._drivers:
            driver.cancel()
        self._drivers = []

    def _forget(self) -> None:
        for part in (self.tiles, self.acts, self.sums, self.scoreboard):
            part.restart()

    async def finish(self) -> None:
        """Wait for all sums, then see that nothing is left over and nothing more comes."""
        edge = RisingEdge(self.dut.clk)
        while self.scoreboard.expected or self.open_beats:
            if self.cycle - self.busy > IDLE_LIMIT:
                raise MismatchError(
                    f"mismatch: nothing moves: {self.scoreboard.compared} of {len(self.stimulus.sums)} sums arrived, "
                    f"{self.open_beats} input beats not taken"
                )
            await edge
        await ClockCycles(self.dut.clk, 2 * self.config.latency_cycles + 4)
        self.scoreboard.finish(len(self.stimulus.sums))
        for monitor, sent, ignored in (
            (self.tiles, self.stimulus.tiles, self.stimulus.ignored),
            (self.acts, self.stimulus.acts, [0] * len(self.stimulus.acts)),
        ):
            taken = [transfer.payload for transfer in monitor.transfers]
            if _known(taken, ignored) != _known(sent, ignored):
                raise MismatchError(f"mismatch: {monitor.port.name}: beats taken are not the beats sent")

    @property
    def open_beats(self) -> int:
        """Input beats that were not taken yet."""
        sent = len(self.stimulus.tiles) + len(self.stimulus.acts)
        return sent - len(self.tiles.transfers) - len(self.acts.transfers)

    async def _watch(self) -> None:
        edge = RisingEdge(self.dut.clk)
        while True:
            await edge
            self.cycle += 1
            if self.dut.rst.value:
                self._sample_reset()
                continue
            self.in_reset = 0
            moved = [monitor.sample(self.cycle) for monitor in (self.tiles, self.acts, self.sums)]
            if any(moved):
                self.busy = self.cycle
            if moved[-1]:
                self.scoreboard.compare(moved[-1].payload)

    def _sample_reset(self) -> None:
        """From the second edge of a reset on, all valid and ready outputs are 0."""
        self.in_reset += 1
        outputs = (self.dut.tiles__ready, self.dut.acts__ready, self.dut.sums__valid)
        if self.in_reset > 1 and any(output.value != 0 for output in outputs):
            raise StreamRuleError("stream rule: an output is not 0 in reset")


def _known(payloads: Sequence[int], ignored: Sequence[int]) -> list[int]:
    """`payloads` without the bits that do not count; there may be fewer than were to come."""
    return [payload & ~mask for payload, mask in zip(payloads, ignored, strict=False)]
