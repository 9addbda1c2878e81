"""The bus tops around a small engine: runs with any memory, and everything that can go wrong."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hw.bus.axi_master import AxiMaster
from hw.bus.ranges import Ranges
from hw.bus.read_buffer import ReadBuffer
from hw.bus.registers import CONTROL, CYCLES, ENGINE, REGISTERS, STATUS, VERSION, Access, Range, RunError
from hw.bus.wishbone_master import WishboneMaster
from hw.engine.encoding import Error
from verif.hw.array.bench import dice
from verif.hw.bus.bench import (
    INTERRUPT,
    START,
    STOP,
    Host,
    Memory,
    register,
    set_ranges,
    simulate,
    start,
    until_done,
)
from verif.hw.bus.kits import KITS, Kit
from verif.hw.bus.stub import stub_outputs, stub_program
from verif.hw.faults import driven

DONE = {"busy": 0, "done": 1, "error": RunError.NONE, "engine_error": Error.NONE}
LATENCIES = ((0,), (1,), (3, 9), range(40))
Bench = Callable[[Any, Any, Host], Awaitable[None]]
every_bus = pytest.mark.parametrize("kit", KITS.values(), ids=KITS)


@dataclass
class Task:
    """A run's words in memory, its ranges side by side: a word too many on either side is seen."""

    memory: Memory
    sizes: tuple[int, int, int]
    base: int
    ranges: dict[Range, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at, rng = self.base, self.memory.rng
        for which, size in zip(Range, self.sizes, strict=True):
            self.ranges[which] = (at, 4 * size)
            at += 4 * size
        self.inputs = [rng.getrandbits(32) for _ in range(self.sizes[Range.INPUTS])]
        for kept in (self.memory.words, self.memory.reads, self.memory.writes):
            kept.clear()
        self.memory.fill(self.ranges[Range.PROGRAM][0], stub_program(rng, *self.sizes))
        self.memory.fill(self.ranges[Range.INPUTS][0], self.inputs)

    def check(self) -> None:
        """All was read once, and all outputs are written once and right."""
        program, inputs, outputs = self.sizes
        address = self.ranges[Range.OUTPUTS][0]
        assert self.memory.pending == 0
        assert self.memory.get(address, outputs) == stub_outputs(self.inputs, outputs)
        assert sorted(self.memory.writes) == [address + 4 * at for at in range(outputs)]
        assert sorted(self.memory.reads) == [self.base + 4 * at for at in range(program + inputs)]


def run(kit: Kit, memory: Memory, bench: Bench, variant: int = 0) -> None:
    async def whole(ctx: Any, top: Any, reset: Any) -> None:
        await bench(ctx, top, kit.host(top.registers, variant))
        # Nothing more happens.
        was = len(memory.reads), len(memory.writes)
        await ctx.tick().repeat(60)
        assert (len(memory.reads), len(memory.writes)) == was

    simulate(kit.config, kit.serve(memory), whole)


def check_runs(kit: Kit, seed: int) -> None:
    rng = dice(("runs", seed))
    memory = Memory(rng=rng, pauses=rng.choice((0, 0.3)), latencies=LATENCIES[seed % len(LATENCIES)])

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        for _ in range(2):
            sizes = (rng.randrange(3, 40), rng.randrange(1, 25), rng.randrange(1, 25))
            # A page of 4 KiB begins within them; on AXI also one of 4 GiB.
            page = rng.randrange(1, 1 << 20) << (kit.config.address_bits - 20)
            task = Task(memory, sizes, page - 4 * rng.randrange(1, sum(sizes)))
            await set_ranges(ctx, host, task.ranges)
            await start(ctx, host)
            assert await until_done(ctx, host) == DONE
            task.check()

    run(kit, memory, bench, seed)


@every_bus
@pytest.mark.parametrize("seed", range(len(LATENCIES)))
def test_words_reach_the_engine_and_come_back(kit: Kit, seed: int) -> None:
    check_runs(kit, seed)


@every_bus
def test_ranges_stay_and_cycles_are_counted(kit: Kit) -> None:
    memory = Memory(rng=dice("again"))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        task = Task(memory, (9, 7, 8), 0x1000)
        await set_ranges(ctx, host, task.ranges)
        assert not ctx.get(top.irq)
        counts = []
        for _ in range(2):
            await start(ctx, host, INTERRUPT)
            cycles = 0
            while not ctx.get(top.irq):
                cycles += 1
                await ctx.tick()
            counts.append(await host.read(ctx, CYCLES.address))
            # The answer to the write, and the cycle of the end.
            assert 0 <= cycles - counts[-1] <= 4
            assert await until_done(ctx, host) == DONE
            assert await host.read(ctx, CONTROL.address) == INTERRUPT
            assert await host.write(ctx, CONTROL.address, 0)
            assert not ctx.get(top.irq)
        assert counts[0] == counts[1]

    run(kit, memory, bench)


async def fails(ctx: Any, host: Host, error: RunError, engine: Error = Error.NONE) -> None:
    """The run ends with an error; the next one, of the same words, is right."""
    assert await until_done(ctx, host) == {**DONE, "error": error, "engine_error": engine}


async def recovers(ctx: Any, host: Host, task: Task) -> None:
    """After anything a good run is good."""
    good = Task(task.memory, (5, 6, 7), 0x400)
    await set_ranges(ctx, host, good.ranges)
    await start(ctx, host)
    assert await until_done(ctx, host) == DONE
    good.check()


@every_bus
@pytest.mark.parametrize("which", Range)
@pytest.mark.parametrize("change", [-2, 3])
def test_wrong_lengths(kit: Kit, which: Range, change: int) -> None:
    """Too little to read: the engine waits, and the host stops it.  Anything else: the run ends by itself."""
    memory = Memory(rng=dice(("length", which, change)), latencies=(2, 7))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        task = Task(memory, (20, 18, 19), 0x2000)
        address, length = task.ranges[which]
        if which == Range.OUTPUTS:
            address += 0x4000
        await set_ranges(ctx, host, {**task.ranges, which: (address, length + 4 * change)})
        await start(ctx, host)
        waits = which != Range.OUTPUTS and change < 0
        if waits:
            await ctx.tick().repeat(400)
            assert await host.read(ctx, STATUS.address) == 1
            assert await host.write(ctx, CONTROL.address, STOP)
        await fails(ctx, host, RunError.STOPPED if waits else RunError.LENGTH)
        start_of_outputs = task.ranges[Range.OUTPUTS][0] if which != Range.OUTPUTS else address
        space = task.ranges[Range.OUTPUTS][1] + (4 * change if which == Range.OUTPUTS else 0)
        assert all(start_of_outputs <= at < start_of_outputs + space for at in memory.writes)
        await recovers(ctx, host, task)

    run(kit, memory, bench)


@every_bus
@pytest.mark.parametrize(("which", "error"), [(Range.PROGRAM, 5), (Range.INPUTS, 5), (Range.OUTPUTS, 6)])
def test_error_responses(kit: Kit, which: Range, error: int) -> None:
    memory = Memory(rng=dice(("bad", which)), latencies=(1, 5), pauses=0.2)

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        task = Task(memory, (12, 13, 14), 0x3000)
        memory.bad = {task.ranges[which][0] + 20}
        await set_ranges(ctx, host, task.ranges)
        await start(ctx, host)
        await fails(ctx, host, RunError(error))
        memory.bad = set()
        await recovers(ctx, host, task)

    run(kit, memory, bench)


@every_bus
def test_a_refused_program(kit: Kit) -> None:
    memory = Memory(rng=dice("refused"))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        task = Task(memory, (12, 3, 4), 0x3000)
        memory.words[0x3008] ^= 1
        await set_ranges(ctx, host, task.ranges)
        await start(ctx, host)
        await fails(ctx, host, RunError.ENGINE, Error.CHECK)
        await recovers(ctx, host, task)

    run(kit, memory, bench)


@every_bus
def test_writes_during_a_run_have_no_effect(kit: Kit) -> None:
    memory = Memory(rng=dice("busy"), latencies=(9,))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        for attempt in (register(Range.OUTPUTS, "address_low"), CONTROL):
            task = Task(memory, (30, 13, 14), 0x3000)
            await set_ranges(ctx, host, task.ranges)
            await start(ctx, host)
            assert await host.write(ctx, attempt.address, START)
            await fails(ctx, host, RunError.BUSY)
            task.check()

    run(kit, memory, bench)


@every_bus
def test_stopping(kit: Kit) -> None:
    """At any time: in the middle of bursts, which end first."""
    memory = Memory(rng=dice("stop"), latencies=(4, 9), pauses=0.2)

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        for wait in (1, 5, 20, 40, 70, 100):
            task = Task(memory, (30, 23, 24), 0x3000)
            await set_ranges(ctx, host, task.ranges)
            await start(ctx, host)
            await ctx.tick().repeat(wait)
            assert await host.write(ctx, CONTROL.address, STOP)
            await fails(ctx, host, RunError.STOPPED)
            was = len(memory.reads), len(memory.writes)
            await ctx.tick().repeat(30)
            assert (len(memory.reads), len(memory.writes)) == was
        await recovers(ctx, host, task)

    run(kit, memory, bench)


@every_bus
def test_ranges_that_are_refused(kit: Kit) -> None:
    memory = Memory(rng=dice("ranges"))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        await start(ctx, host)
        await fails(ctx, host, RunError.RANGE)
        task = Task(memory, (5, 6, 7), 0x100)
        for which in Range:
            for part, value in (("address_low", 0x102), ("length", 3), ("length", 0)):
                await set_ranges(ctx, host, task.ranges)
                assert await host.write(ctx, register(which, part).address, value)
                await start(ctx, host)
                await fails(ctx, host, RunError.RANGE)
        assert memory.reads == []
        await recovers(ctx, host, task)

    run(kit, memory, bench)


@every_bus
def test_every_register(kit: Kit) -> None:
    memory = Memory(rng=dice("map"))
    known = {register.address: register.access for register in REGISTERS}

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        for address in range(0, 0x80, 4):
            access = known.get(address)
            readable = access in (Access.READ, Access.READ_WRITE)
            writable = access in (Access.WRITE, Access.READ_WRITE)
            assert (await host.read(ctx, address) is not None) == readable, hex(address)
            assert await host.write(ctx, address, 0) == writable, hex(address)
            assert not await host.write(ctx, address, 0, sel=7)
        engine = kit.config.engine
        assert await host.read(ctx, VERSION.address) == 1 | 1 << 8 | engine.bus_bits // 8 << 16
        assert await host.read(ctx, ENGINE.address) == engine.digest

    run(kit, memory, bench)


@every_bus
def test_ranges_that_leave_the_bus(kit: Kit) -> None:
    """The last word of the address space may be used; the first one does not follow it."""
    memory = Memory(rng=dice("end"))

    async def bench(ctx: Any, top: Any, host: Host) -> None:
        for beyond in (0, 4):
            task = Task(memory, (5, 6, 7), 0x100)
            outputs = ((1 << kit.config.address_bits) - 4 * 7 + beyond, 4 * 7)
            await set_ranges(ctx, host, {**task.ranges, Range.OUTPUTS: outputs})
            await start(ctx, host)
            await fails(ctx, host, RunError.LENGTH if beyond else RunError.NONE)
            assert all(address >= outputs[0] for address in memory.writes)

    run(kit, memory, bench)


@every_bus
def test_reset_at_any_time(kit: Kit) -> None:
    memory = Memory(rng=dice("reset"), latencies=(2, 9), pauses=0.2)

    async def whole(ctx: Any, top: Any, reset: Any) -> None:
        host = kit.host(top.registers, 0)
        for wait in (3, 10, 30, 60):
            task = Task(memory, (30, 23, 24), 0x3000)
            await set_ranges(ctx, host, task.ranges)
            await start(ctx, host)
            await ctx.tick().repeat(wait)
            ctx.set(reset, 1)
            memory.forgets = True
            await ctx.tick().repeat(2)
            ctx.set(reset, 0)
            memory.forgets = False
            assert await host.read(ctx, STATUS.address) == 0
            await start(ctx, host)
            await fails(ctx, host, RunError.RANGE)
            await recovers(ctx, host, task)

    simulate(kit.config, kit.serve(memory), whole)


FAULTS = {
    "a range goes on where the one before it ended": ("wishbone", driven(Ranges, "fresh", lambda was, at: 0)),
    "a burst longer than what is left": ("wishbone", driven(Ranges, "last", lambda was, at: 0)),
    "words beyond the buffer": ("wishbone", driven(ReadBuffer, "room", lambda was, at: 1)),
    "done before all is written": ("wishbone", driven(WishboneMaster, "quiet", lambda was, at: 1)),
    "the next address while stalled": (
        "wishbone",
        driven(WishboneMaster, "bus__adr", lambda was, at: was + at.bus__stall),
    ),
    "all reads for one range": ("axi", driven(AxiMaster, "which", lambda was, at: 0)),
    "bursts across pages": ("axi", driven(AxiMaster, "length", lambda was, at: 3)),
    "an offer withdrawn": ("axi", driven(AxiMaster, "bus__arvalid", lambda was, at: was & ~at.bus__arvalid)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    kit, fault = FAULTS[name]

    def check_all() -> None:
        for seed in range(len(LATENCIES)):
            check_runs(KITS[kit], seed)

    with fault.planted(), pytest.raises(AssertionError):
        check_all()
