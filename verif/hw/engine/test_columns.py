"""Which columns of a window have sums, against a list of them for each row, over jobs one behind the other."""

from typing import Any

import pytest
from amaranth import Mux

from hw.engine.columns import Columns
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

FAULTS = {
    "whole a column early": driven(Columns, "missing", lambda was, at: Mux(was == 2, 1, was)),
    "rows go on": driven(Columns, "missing", lambda was, at: Mux(at.finish & ~at.same_row & ~at.start, 0, was)),
    "no pairs": driven(Columns, "paired", lambda was, at: 0),
    "pairs in all jobs": driven(Columns, "paired", lambda was, at: Mux(at.start, at.pairs, at.paired)),
    "sums in all columns": driven(Columns, "whole", lambda was, at: 1),
    "counts without a position": driven(Columns, "missing", lambda was, at: Mux(at.missing.any(), at.missing - 1, was)),
    "a job begins where the last one ended": driven(Columns, "missing", lambda was, at: Mux(at.start, 0, was)),
}


def check() -> None:
    device: Any = Columns(CONFIG)
    rng = dice("columns")

    async def bench(ctx: Any) -> None:
        async def tick(**values: int) -> None:
            for name in ("start", "finish"):
                ctx.set(getattr(device, name), values.get(name, 0))
            await ctx.tick()

        def offer() -> tuple[int, int]:
            job = rng.randrange(2), rng.randrange(2)
            for name, value in zip(("window", "pairs"), job, strict=True):
                ctx.set(getattr(device, name), value)
            return job

        job = offer()
        await tick(start=1)
        for _ in range(40):
            window, pairs = job
            sums = rng.randrange(1, 4)
            columns = 3 + (sums - 1) * (1 + pairs) if window else sums
            whole = range(2, columns, 1 + pairs) if window else range(columns)
            rows = rng.randrange(1, 4)
            job = offer()
            for row in range(rows):
                for column in range(columns):
                    wait = rng.randrange(3)
                    for late in range(wait + 1):
                        last = column == columns - 1
                        ctx.set(device.same_row, not last)
                        assert ctx.get(device.whole) == (column in whole)
                        assert ctx.get(device.on) == window
                        finish = late == wait
                        await tick(finish=finish, start=finish and last and row == rows - 1)

    simulate(device, bench)


def test_a_window_is_whole_where_three_columns_were_read() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
