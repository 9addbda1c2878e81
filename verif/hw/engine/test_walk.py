"""A walk against sums of steps, over jobs that start before or after the last position of the one before."""

from itertools import accumulate
from typing import Any

import pytest
from amaranth import Mux

from hw.engine.walk import STEPS, Walk
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

DEPTH = CONFIG.memory_words
WAYS = ("x", "y", "group")


def _selected_always(was: Any, at: Any) -> Any:
    steps = [at.own_write_step_x, at.own_write_step_y, at.own_write_step_group]
    return Mux(at.event[1], steps[0], Mux(at.event[2], steps[1], Mux(at.event[3], steps[2], was)))


FAULTS = {
    "steps from where the job before ended": driven(Walk, "base", lambda was, at: 0),
    "row and group exchanged": driven(Walk, "odd", lambda was, at: ~was),
    "next job begins with the group's step": driven(Walk, "begins", lambda was, at: 0),
    "keeps the steps of the job before": driven(Walk, "own_load", lambda was, at: was & (at.own_write_step_x == 0)),
    "takes the next job's steps at once": driven(Walk, "own_load", lambda was, at: at.own_waiting),
    "step selected in each cycle": driven(Walk, "step", _selected_always),
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
                # The address may be used later, when another event is there; but not where the next job's is due.
                for _ in range(0 if last and early else rng.choice((0, 0, 1, 3))):
                    ctx.set(walk.event, {name: rng.randrange(2) for name in WAYS})
                    await tick()
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
