"""The bus tops around a small engine: good runs with any memory and any host, and every register."""

import pytest

from hw.bus.axi_master import AxiMaster
from hw.bus.ranges import Ranges
from hw.bus.read_buffer import ReadBuffer
from hw.bus.registers import CONTROL, CYCLES, ENGINE, REGISTERS, VERSION, Access
from hw.bus.wishbone_master import WishboneMaster
from verif.hw.bus.bench import INTERRUPT
from verif.hw.bus.kits import KITS, Kit
from verif.hw.bus.session import Session, Task, on
from verif.hw.faults import driven

LATENCIES = ((0,), (1,), (3, 9), range(40))
every_bus = pytest.mark.parametrize("kit", KITS.values(), ids=KITS)


def check_runs(kit: Kit, *seeds: int) -> None:
    """Two runs for each seed, with memories and hosts that differ."""

    async def bench(s: Session) -> None:
        for seed in seeds:
            rng = s.behave(("runs", seed), seed, latencies=LATENCIES[seed])
            s.memory.pauses = rng.choice((0, 0.3))
            for _ in range(2):
                sizes = (rng.randrange(3, 40), rng.randrange(1, 25), rng.randrange(1, 25))
                # A page of 4 KiB begins within them; on AXI also one of 4 GiB.
                page = rng.randrange(1, 1 << 20) << (kit.config.address_bits - 20)
                task = await s.run(sizes, page - 4 * rng.randrange(1, sum(sizes)))
                await s.ends()
                task.check()

    on(kit, bench)


@every_bus
def test_words_reach_the_engine_and_come_back(kit: Kit) -> None:
    check_runs(kit, *range(len(LATENCIES)))


@every_bus
def test_ranges_stay_and_cycles_are_counted(kit: Kit) -> None:
    async def bench(s: Session) -> None:
        task = Task(s.memory, (9, 7, 8), 0x1000)
        assert not s.ctx.get(s.top.irq)
        counts = []
        for _ in range(2):
            await s.begin(task.ranges if not counts else {}, INTERRUPT)
            cycles = 0
            while not s.ctx.get(s.top.irq):
                cycles += 1
                await s.ctx.tick()
            counts.append(await s.host.read(s.ctx, CYCLES.address) or 0)
            # The answer to the write, and the cycle of the end.
            assert 0 <= cycles - counts[-1] <= 4
            await s.ends()
            assert await s.host.read(s.ctx, CONTROL.address) == INTERRUPT
            assert await s.host.write(s.ctx, CONTROL.address, 0)
            assert not s.ctx.get(s.top.irq)
        assert counts[0] == counts[1]

    on(kit, bench)


@every_bus
def test_every_register(kit: Kit) -> None:
    known = {register.address: register.access for register in REGISTERS}

    async def bench(s: Session) -> None:
        for address in range(0, 0x80, 4):
            access = known.get(address)
            readable = access in (Access.READ, Access.READ_WRITE)
            writable = access in (Access.WRITE, Access.READ_WRITE)
            assert (await s.host.read(s.ctx, address) is not None) == readable, hex(address)
            assert await s.host.write(s.ctx, address, 0) == writable, hex(address)
            assert not await s.host.write(s.ctx, address, 0, sel=7)
        engine = kit.config.engine
        assert await s.host.read(s.ctx, VERSION.address) == 1 | 2 << 8 | engine.bus_bits // 8 << 16
        assert await s.host.read(s.ctx, ENGINE.address) == engine.digest

    on(kit, bench)


FAULTS = {
    "a range goes on where the one before it ended": (0, driven(Ranges, "fresh", lambda was, at: 0)),
    "a burst longer than what is left": (0, driven(Ranges, "last", lambda was, at: 0)),
    "words beyond the buffer": (0, driven(ReadBuffer, "room", lambda was, at: 1)),
    "done before all is written": (2, driven(WishboneMaster, "quiet", lambda was, at: 1)),
    "the next address while stalled": (
        1,
        driven(WishboneMaster, "bus__adr", lambda was, at: was + at.bus__stall),
    ),
    "all reads for one range": (0, driven(AxiMaster, "which", lambda was, at: 0)),
    "bursts across pages": (0, driven(AxiMaster, "length", lambda was, at: 3)),
    "an offer withdrawn": (1, driven(AxiMaster, "bus__arvalid", lambda was, at: was & ~at.bus__arvalid)),
}
"""Each with a seed whose runs show it."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    seed, fault = FAULTS[name]
    kit = KITS["axi" if fault.owner is AxiMaster else "wishbone"]
    with fault.planted(), pytest.raises(AssertionError):
        check_runs(kit, seed)
