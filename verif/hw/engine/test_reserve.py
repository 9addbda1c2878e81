"""Reserved cycles against what the results do with the memory's only port, known so long before."""

from typing import Any

import pytest

from hw.engine.latency import ADDRESS_CYCLES, MEMORY_CYCLES
from hw.engine.reserve import Reserve
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

READ = CONFIG.array.latency_cycles + MEMORY_CYCLES  # cycles until a word to add is read, but for the address's
WRITTEN = CONFIG.code_cycles - ADDRESS_CYCLES + 1  # until a word is due to be written
FAULTS = {
    "a read forgotten": driven(Reserve, f"add_{READ}", lambda was, at: 0),
    "a write forgotten behind a read": driven(Reserve, "due", lambda was, at: was & ~at.due),
    "reserved for good": driven(Reserve, "due", lambda was, at: was | at.due),
}


def check() -> None:
    """A read goes first; a word that is due is written in the first cycle in which none is read."""
    device: Any = Reserve(CONFIG)
    rng = dice("reserve")

    async def bench(ctx: Any) -> None:
        reads: set[int] = set()
        writes: set[int] = set()
        waits = 0
        for cycle in range(400):
            busy = cycle // 40 % 2 == 1
            adds, takes = rng.random() < (0.6 if busy else 0.1), rng.random() < 0.2
            ctx.set(device.adds, adds)
            ctx.set(device.writes, takes and WRITTEN + cycle - 1 not in writes)
            if adds:
                reads.add(cycle + READ)
            if ctx.get(device.writes):
                writes.add(cycle + WRITTEN)
            read = cycle in reads
            assert ctx.get(device.reserved) == (read or cycle in writes)
            if read and cycle in writes:
                writes.add(cycle + 1)
                waits += 1
            await ctx.tick()
        assert waits > 10

    simulate(device, bench)


def test_cycles_of_reads_and_writes_are_reserved() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
