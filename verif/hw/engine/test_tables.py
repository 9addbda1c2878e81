"""Tables: codes of jobs with a table become its entries, those of other jobs stay, while the next table is written."""

from dataclasses import replace
from typing import Any

import pytest

from hw.engine.tables import Tables
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

TABLES = replace(CONFIG, tables=True)
LANES = TABLES.requant_lanes
JOBS = (1, 0, 1, 1, 0, 0, 1)  # whether it has a table
FAULTS = {
    "one table for all jobs": driven(Tables, "half", lambda was, at: at.half),
    "a table for jobs without one": driven(Tables, "used_1", lambda was, at: 1),
    "entry of another code": driven(Tables, "entry1", lambda was, at: at.entry0),
    "a table for stored codes": driven(Tables, "used_1", lambda was, at: at.own_table),
    "late": driven(Tables, "about", lambda was, at: 0),
}


def check() -> None:
    tables: Any = Tables(TABLES)
    rng = dice("tables")

    async def bench(ctx: Any) -> None:
        half = 0
        for has in JOBS:
            table = [rng.randrange(256) for _ in range(256)]
            if has:
                assert not ctx.get(tables.waiting)
                for code, entry in enumerate(table):
                    ctx.set(tables.write, 1)
                    ctx.set(tables.target, code | half << 8)
                    ctx.set(tables.word, entry | rng.getrandbits(24) << 8)
                    await ctx.tick()
                ctx.set(tables.write, 0)
                half ^= 1
            ctx.set(tables.starts, 1)
            await ctx.tick()
            ctx.set(tables.starts, 0)
            ctx.set(tables.job, {"table": has})
            assert ctx.get(tables.waiting)
            await ctx.tick()
            await _codes(ctx, tables, rng, table if has else list(range(256)))

    simulate(tables, bench)


async def _codes(ctx: Any, tables: Any, rng: Any, table: list[int]) -> None:
    """The codes of a job; the last ones end it."""
    for left in reversed(range(30)):
        codes = [rng.randrange(256) for _ in range(LANES)]
        valid = left == 0 or rng.random() < 0.7
        store = not valid and rng.random() < 0.5
        ctx.set(tables.codes_in, packed(codes, 8))
        ctx.set(tables.store, store)
        ctx.set(tables.about_in, {"valid": valid, "chunk": left % 2, "done": 1, "event": {"ends": left == 0}})
        await ctx.tick()
        about = ctx.get(tables.about)
        assert (about.valid, about.chunk) == (valid, left % 2)
        if valid:
            assert ctx.get(tables.codes) == packed([table[code] for code in codes], 8)
        if store:
            assert ctx.get(tables.codes) == packed(codes, 8)
    ctx.set(tables.about_in, {"valid": 0})


def test_codes_become_entries() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
