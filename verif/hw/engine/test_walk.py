"""A walk against sums of steps, over jobs that start before or after the last position of the one before."""

from itertools import accumulate
from typing import Any

import pytest

from hw.engine.walk import STEPS, Walk
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

DEPTH = CONFIG.memory_words
WAYS = ("x", "y", "group")
FAULTS = {
    "steps from where the job before ended": driven(Walk, "base", lambda was, at: 0),
    "row and group exchanged": driven(Walk, "odd", lambda was, at: ~was),
    "next job begins with the group's step": driven(Walk, "begins", lambda was, at: 0),
    "keeps the steps of the job before": driven(Walk, "own_load", lambda was, at: was & (at.own_write_step_x == 0)),
    "takes the next job's steps at once": driven(Walk, "own_load", lambda was, at: at.own_waiting),
}


def job_of(rng: Any) -> dict[str, int]:
    return {f"write_{part}": rng.randrange(1, DEPTH) for part in ("address", *STEPS)}


def check(*, early: bool) -> None:
    """`early`: the next job starts while positions of the one before are still to come."""
    walk: Any = Walk(CONFIG, "write")
    rng = dice(early)
    jobs = [job_of(rng) for _ in range(6)]

    async def bench(ctx: Any) -> None:
        async def tick(**values: int) -> None:
            for name in ("starts", "known", "leaves", "passes"):
                ctx.set(getattr(walk, name), values.get(name, 0))
            await ctx.tick()

        async def start(job: dict[str, int]) -> None:
            assert not ctx.get(walk.waiting)
            await tick(starts=1)
            ctx.set(walk.job, job)
            await tick()

        await start(jobs[0])
        for job, following in zip(jobs, [*jobs[1:], None], strict=True):
            ways = [rng.choice(WAYS) for _ in range(8)]
            steps = [job[f"write_step_{way}"] for way in ways]
            await tick()
            await tick()
            for at, address in enumerate(accumulate(steps, initial=job["write_address"])):
                last = at == len(steps)
                if at == 4 and early and following:
                    await start(following)
                    assert ctx.get(walk.waiting)
                ctx.set(walk.event, {name: int(name == ("ends" if last else ways[at])) for name in (*WAYS, "ends")})
                await tick(known=1, leaves=int(last))
                assert ctx.get(walk.address) == address % DEPTH
                await tick(passes=1)
            if following and not early:
                await start(following)

    simulate(walk, bench)


@pytest.mark.parametrize("early", [False, True])
def test_addresses_are_sums_of_steps(early: bool) -> None:
    check(early=early)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(early=True)
