"""The store: entries that are filled one bus word at a time, and hold what was read last."""

from typing import Any

import pytest

from hw.engine.store import Store
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

BITS, DEPTH, CYCLES = 75, 8, 300  # 32, 32 and 11 bits
FAULTS = {
    "last slot is the first one": driven(Store, "part2", lambda was, at: at.part0[:11]),
    "a bit of the value lost": driven(Store, "value", lambda was, at: was[:-1]),
}


def check() -> None:
    store: Any = Store(CONFIG, "test", BITS, DEPTH)
    rng = dice("store")
    entries: list[int | None] = [None] * DEPTH
    slots, bus = len(store.fill.slot), CONFIG.bus_bits

    async def bench(ctx: Any) -> None:
        seen = 0
        held: int | None = None
        for entry in range(DEPTH):
            for slot in range(slots):
                word = rng.getrandbits(bus)
                _fill(ctx, store, entry, 1 << slot, word)
                entries[entry] = _written(entries[entry] or 0, slot, word)
                await ctx.tick()
        for _ in range(CYCLES):
            read, entry, target = rng.randrange(2), rng.randrange(DEPTH), rng.randrange(DEPTH)
            slot, word = rng.randrange(slots), rng.getrandbits(bus)
            _fill(ctx, store, target, (1 << slot) * (target != entry), word)
            ctx.set(store.read, read)
            ctx.set(store.entry, entry)
            if read:
                held, seen = entries[entry], seen + 1
            if target != entry:
                entries[target] = _written(entries[target] or 0, slot, word)
            await ctx.tick()
            if held is not None:
                assert ctx.get(store.value) == held
        assert seen > CYCLES // 3

    simulate(store, bench)


def _fill(ctx: Any, store: Any, entry: int, slot: int, word: int) -> None:
    ctx.set(store.fill.target, entry)
    ctx.set(store.fill.slot, slot)
    ctx.set(store.fill.word, word)


def _written(entry: int, slot: int, word: int) -> int:
    """An entry after one of its bus words was written."""
    low = slot * CONFIG.bus_bits
    mask = ((1 << CONFIG.bus_bits) - 1) << low
    return (entry & ~mask | word << low) & ((1 << BITS) - 1)


def test_entries_are_what_was_written() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
