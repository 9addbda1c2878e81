"""The writer: each position's largest codes at its address, each word to add at its own, over several jobs."""

from itertools import product
from typing import Any, NamedTuple

import pytest

from hw.engine.walk import Walk
from hw.engine.writer import Writer
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES, cycles, kept
from verif.hw.faults import driven

R, CHUNKS = CONFIG.requant_lanes, CONFIG.requant_steps
DEPTH = CONFIG.memory_words
WAY = 9  # cycles from the sums of a position to its codes
FAULTS = {
    "codes of lane 0 not taken": driven(Writer, "taken0", lambda was, at: 0),
    "first position of a window lost": driven(Writer, "first", lambda was, at: 0),
    "last position of a window alone": driven(Writer, "first", lambda was, at: 1),
    "written where a word is read": driven(Writer, "write", lambda was, at: at.due),
    "written twice": driven(Writer, "due", lambda was, at: was | at.write),
    "steps from where the job before ended": driven(Walk, "base", lambda was, at: 0),
    "row and group exchanged": driven(Walk, "odd", lambda was, at: ~was),
}


class Position(NamedTuple):
    """How a position ends, and its codes; addresses of the word that is written, and added."""

    event: dict[str, int]
    codes: list[int]
    write: int
    add: int


def job_of(rng: Any) -> dict[str, int]:
    parts = ("address", "step_x", "step_y", "step_group")
    return {f"{walk}_{part}": rng.randrange(DEPTH) for walk in ("write", "add") for part in parts}


def positions_of(rng: Any, job: dict[str, int], window: int) -> list[Position]:
    """Two groups of two rows of three windows of `window` positions."""
    found = []
    at = {walk: job[f"{walk}_address"] for walk in ("write", "add")}
    for group, y, x in product(range(2), range(2), range(3)):
        part = "x" if x < 2 else "y" if y < 1 else "group" if group < 1 else "ends"
        for place in range(window):
            event: dict[str, int] = dict.fromkeys(("pool", "x", "y", "group", "ends"), 0)
            event["pool" if place < window - 1 else part] = 1
            codes = [rng.randrange(256) for _ in range(LANES)]
            found.append(Position(event, codes, at["write"], at["add"]))
        if part != "ends":
            for walk in at:
                at[walk] = (at[walk] + job[f"{walk}_step_{part}"]) % DEPTH
    return found


class Script:
    """What the stages before the writer do in each cycle: a step for each chunk, and one for each chunk to add."""

    def __init__(self, rng: Any, positions: list[Position], *, adds: bool):
        self.sums: dict[int, dict[str, Any]] = {}
        self.codes: dict[int, dict[str, Any]] = {}
        at = 0
        for position in positions:
            at += rng.choice((0, 0, 1, 5))
            steps = CHUNKS * (1 + adds)
            for step in range(steps):
                self.sums[at + step] = {
                    "event": position.event,
                    "take": step == steps - 1,
                    "add_read": adds and step == 0,
                    "add": position.add,
                }
            for chunk in range(CHUNKS):
                codes = position.codes[chunk * R : (chunk + 1) * R]
                about = {"valid": 1, "chunk": chunk, "done": chunk == CHUNKS - 1, "event": position.event}
                self.codes[at + (1 + adds) * (chunk + 1) - 1 + WAY] = {"codes": codes, "about": about}
            at += steps
        self.length = at + WAY + 4


async def run(ctx: Any, writer: Any, script: Script) -> list[tuple[int, int]]:
    """Play a script; returns addresses and words that are written."""
    found = []
    for cycle in range(script.length):
        sums = script.sums.get(cycle, {"event": {}, "take": 0, "add_read": 0})
        codes = script.codes.get(cycle, {"codes": [0] * R, "about": {}})
        for name in ("event", "take", "add_read"):
            ctx.set(getattr(writer, name), sums[name])
        ctx.set(writer.codes, packed(kept(codes["codes"]), 8))
        ctx.set(writer.about, codes["about"])
        if sums["add_read"]:
            assert ctx.get(writer.address) == sums["add"]
            assert not ctx.get(writer.write)
        elif ctx.get(writer.write):
            found.append((ctx.get(writer.address), ctx.get(writer.data)))
        await ctx.tick()
    return found


def check(window: int, *, adds: bool) -> None:
    writer: Any = Writer(CONFIG)
    rng = dice((window, adds))

    async def bench(ctx: Any) -> None:
        for _ in range(3):
            job = job_of(rng)
            assert not ctx.get(writer.waiting)
            ctx.set(writer.starts, 1)
            await ctx.tick()
            ctx.set(writer.starts, 0)
            ctx.set(writer.job, job)
            assert ctx.get(writer.waiting)
            await cycles(ctx, 3)
            positions = positions_of(rng, job, window)
            found = await run(ctx, writer, Script(rng, positions, adds=adds))
            windows = [positions[at : at + window] for at in range(0, len(positions), window)]
            largest = [[max(column) for column in zip(*(p.codes for p in part), strict=True)] for part in windows]
            words = [packed(kept(codes), 8) for codes in largest]
            assert found == [(part[0].write, word) for part, word in zip(windows, words, strict=True)]

    simulate(writer, bench)


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("window", [1, 3])
def test_words_and_addresses_are_those_of_the_model(window: int, adds: bool) -> None:
    check(window, adds=adds)


def test_codes_that_are_stored_fill_even_and_odd_lanes() -> None:
    writer: Any = Writer(CONFIG)

    async def bench(ctx: Any) -> None:
        for codes in ([1, 2], [255, 0], [0, 0]):
            ctx.set(writer.store, 1)
            ctx.set(writer.codes, packed(codes * (R // 2), 8))
            await ctx.tick()
            assert ctx.get(writer.data) == packed(codes * (LANES // 2), 8)
            assert not ctx.get(writer.write)

    simulate(writer, bench)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(3, adds=True)
