"""Tables: codes of jobs with a table become its entries, those of other jobs stay, while the next table is written."""

from dataclasses import replace
from typing import Any

import pytest

from hw.engine.tables import Tables
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, kept
from verif.hw.faults import driven

TABLES = replace(CONFIG, tables=True)
LANES = TABLES.requant_lanes
JOBS = (1, 0, 1, 1, 0, 0, 1)  # whether it has a table
FAULTS = {
    "one table for all jobs": driven(Tables, "half", lambda was, at: at.half),
    "a table for jobs without one": driven(Tables, "used_1", lambda was, at: 1),
    "entry of another code": driven(Tables, "entry1", lambda was, at: at.entry0),
    "a table for stored codes": driven(Tables, "used_1", lambda was, at: at.own_table),
    "the next job's table too early": driven(Tables, "own_load", lambda was, at: at.own_waiting),
    "late": driven(Tables, "about", lambda was, at: 0),
}


def check() -> None:
    """Each job starts while the one before still has codes on their way."""
    tables: Any = Tables(TABLES)
    rng = dice("tables")
    entries = [[rng.randrange(256) for _ in range(256)] if has else list(range(256)) for has in JOBS]

    async def bench(ctx: Any) -> None:
        half = 0
        for number in range(-1, len(JOBS)):
            following = number + 1 if number + 1 < len(JOBS) else None
            assert not ctx.get(tables.waiting)
            if following is not None and JOBS[following]:
                await _write(ctx, tables, rng, entries[following], half)
                half ^= 1
            if number >= 0:
                await _codes(ctx, tables, rng, entries[number], following)
            else:
                await _start(ctx, tables, 0)
                await ctx.tick()

    simulate(tables, bench)


async def _write(ctx: Any, tables: Any, rng: Any, entries: list[int], half: int) -> None:
    for code, entry in enumerate(entries):
        ctx.set(tables.write, 1)
        ctx.set(tables.target, code | half << 8)
        ctx.set(tables.word, entry | rng.getrandbits(24) << 8)
        await ctx.tick()
    ctx.set(tables.write, 0)


async def _start(ctx: Any, tables: Any, number: int) -> None:
    ctx.set(tables.starts, 1)
    await ctx.tick()
    ctx.set(tables.starts, 0)
    ctx.set(tables.job, {"table": JOBS[number]})
    assert ctx.get(tables.waiting)


async def _codes(ctx: Any, tables: Any, rng: Any, entries: list[int], following: int | None) -> None:
    """The codes of a job; the last ones end it.  Meanwhile the job `following` starts."""
    started = False
    for left in reversed(range(30)):
        codes = [rng.randrange(256) for _ in range(LANES)]
        valid = left == 0 or rng.random() < 0.7
        store = not valid and rng.random() < 0.5
        done, ends = (
            (1, 1) if left == 0 else rng.choice(((0, 0), (0, 1), (1, 0)) if valid else ((0, 1), (1, 0), (1, 1)))
        )
        ctx.set(tables.codes_in, packed(kept(codes), 8))
        ctx.set(tables.store, store)
        ctx.set(tables.about_in, {"valid": valid, "chunk": left % 2, "done": done, "event": {"ends": ends}})
        if left == 15 and following is not None:
            await _start(ctx, tables, following)
            started = True
        else:
            await ctx.tick()
        assert ctx.get(tables.waiting) == (started and left > 0)
        about = ctx.get(tables.about)
        assert (about.valid, about.chunk) == (valid, left % 2)
        if valid:
            assert ctx.get(tables.codes) == packed(kept(entries[code] for code in codes), 8)
        if store:
            assert ctx.get(tables.codes) == packed(kept(codes), 8)
    ctx.set(tables.about_in, {"valid": 0})


def test_codes_become_entries() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
