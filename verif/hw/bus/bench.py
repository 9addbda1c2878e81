"""What the tests of bus tops share: a host, a memory that is only as good as it must be, and one run."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from unittest.mock import patch

from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from hw.bus import core
from hw.bus.config import BusConfig
from hw.bus.registers import CONTROL, REGISTERS, STATUS, Range, Register, unpack
from hw.bus.top import Top
from hw.component import Component
from hw.engine.verilog import engine_verilog
from verif.hw.bus.stub import StubEngine
from verif.hw.engine.bench import CONFIG

BY_NAME = {register.name: register for register in REGISTERS}
START, STOP, INTERRUPT = 1, 2, 4


@cache
def small_engine() -> str:
    """The Verilog of a small engine, without the cost of making it again."""
    return engine_verilog(CONFIG)


class Host(Protocol):
    """Reads and writes registers; None, False: an error response."""

    async def read(self, ctx: Any, address: int) -> int | None: ...
    async def write(self, ctx: Any, address: int, value: int, sel: int = 15) -> bool: ...


@dataclass(kw_only=True)
class Memory:
    """Words of `size` bytes at byte addresses, and how the bus to it behaves.

    `pauses`: share of cycles in which it takes nothing; `latencies`: cycles to an answer; `bad`: addresses that get an
    error response. `reads`, `writes`: the addresses so far; `pending`: how many wait for their answers. `forgets`:
    it is in reset.
    """

    rng: random.Random
    size: int = 4
    words: dict[int, int] = field(default_factory=dict)
    pauses: float = 0.0
    latencies: Sequence[int] = (1,)
    bad: set[int] = field(default_factory=set)
    reads: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    pending: int = 0
    forgets: bool = False

    def fill(self, address: int, words: Sequence[int]) -> None:
        """Words from an address on."""
        self.words |= {address + self.size * at: word for at, word in enumerate(words)}

    def get(self, address: int, count: int) -> list[int | None]:
        """The words from an address on; None: it was never written."""
        return [self.words.get(address + self.size * at) for at in range(count)]

    def read(self, address: int) -> tuple[int, bool]:
        """A word, and whether all is well; what nobody wrote is anything."""
        self.reads.append(address)
        return self.words.get(address, self.rng.getrandbits(8 * self.size)), address not in self.bad

    def write(self, address: int, word: int) -> bool:
        """Whether all is well."""
        self.writes.append(address)
        self.words[address] = word
        return address not in self.bad


async def until_done(ctx: Any, host: Host, limit: int = 400) -> dict[str, int]:
    """The status when the run has ended."""
    for _ in range(limit):
        status = unpack(STATUS, await host.read(ctx, STATUS.address) or 0)
        if status["done"]:
            return status
    raise AssertionError("the run does not end")


async def set_ranges(ctx: Any, host: Host, ranges: dict[Range, tuple[int, int]]) -> None:
    """Address and length in bytes of each range."""
    for which, (address, length) in ranges.items():
        values = {"address_low": address & 0xFFFFFFFF, "address_high": address >> 32, "length": length}
        for part, value in values.items():
            assert await host.write(ctx, register(which, part).address, value)


def register(which: Range, part: str) -> Register:
    """A register of a range."""
    return BY_NAME[f"{which.name.lower()}_{part}"]


async def start(ctx: Any, host: Host, also: int = 0) -> None:
    """Start a run."""
    assert await host.write(ctx, CONTROL.address, START | also)


def simulate(
    config: BusConfig,
    serve: Callable[[Any, Any], Any],
    bench: Callable[[Any, Any, Signal], Any],
    engine: type[Component] = StubEngine,
) -> None:
    """Run `bench(ctx, top, reset)` on a top around `engine`, with the memory's `serve` beside it.

    What they assert is raised here.
    """
    with patch.object(core, "Engine", engine):
        top: Any = Top(config)
        reset = Signal()
        simulator = Simulator(ResetInserter(reset)(top))
        simulator.add_clock(1e-6)
        simulator.add_testbench(_on(serve, top), background=True)
        simulator.add_testbench(_on(bench, top, reset))
        simulator.run()


def _on(bench: Callable[..., Any], *arguments: Any) -> Callable[[Any], Any]:
    async def process(ctx: Any) -> None:
        await bench(ctx, *arguments)

    return process
