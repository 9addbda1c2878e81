"""The loader against encoded programs: what is in the stores when a group is offered, each job and its steps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hw.engine.config import EngineConfig
from hw.engine.encoding import ADD_TERMS, JOB, LOOPS, STEP, TERM, Error, Field, Kind, pack, width
from hw.engine.groups import GroupLoader
from hw.engine.intake import Intake
from hw.engine.latency import RELEASE_CYCLES
from hw.engine.loader import Loader
from hw.engine.tiles import TileCounter
from rtl_gen.compiler.program import Group, Job, encode
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES
from verif.hw.faults import driven

WIDE = replace(CONFIG, group_beats=64, tables=True)
BITS, OFFSET = WIDE.array.format.bits, width(WIDE.offset)
TABLES = (False, True, False, False, True, False)
LONGEST = 400  # cycles in which a half is freed, and a job taken
TILES = (1, 1, 2, 7, 31, 32, 33, 35)
KINDS = (Kind.FILL, Kind.CONV, Kind.CONV, Kind.INPUT, Kind.CONV, Kind.OUTPUT)
FAULTS = {
    "a job before its check": driven(Intake, "check", lambda was, at: 0),
    "bus words lost": driven(Intake, "program__ready", lambda was, at: 1),
    "a half filled while it is used": driven(GroupLoader, "room", lambda was, at: 1),
    "parameters overwritten while they are used": driven(GroupLoader, "half_kept", lambda was, at: 0),
    "those of the second half": driven(GroupLoader, "half_kept", lambda was, at: was & ~at.half),
    "flags of the next tile": driven(
        TileCounter, "two_word", lambda was, at: at.flags.rotate_left(1).bit_select(at.ahead[:5], 1)
    ),
    "last one tile late": driven(TileCounter, "limit", lambda was, at: at.tiles + 1),
    "idle too early": driven(Loader, "busy", lambda was, at: was & ~at.job_taken),
    "one table for all jobs": driven(Loader, "table_half", lambda was, at: 0),
    "job overwritten": driven(Loader, "job_valid", lambda was, at: was & ~at.job_valid),
}


def _fields(rng: Any, layout: dict[str, Field]) -> dict[str, int]:
    return {name: rng.choice(field.span) for name, field in layout.items()}


def random_job(rng: Any, kind: Kind, has_table: bool, tiles: Sequence[int] = TILES) -> Job:
    groups = rng.randrange(1, 5)
    table = [rng.getrandbits(WIDE.code_bits) for _ in range(has_table << WIDE.code_bits)]
    terms = rng.randrange(ADD_TERMS + 1)
    fields = {**_fields(rng, JOB), "kind": kind, "table": int(bool(table)), "trips_group": groups - 1}
    fields |= {"add_terms": terms, "single_group": int(groups == 1)}
    made = [
        random_group(rng, rng.choice(tiles), terms) if kind == Kind.CONV else Group(tiles=1, idle=rng.randrange(256))
        for _ in range(groups)
    ]
    return Job(layer="", fields=fields, steps=[_fields(rng, STEP) for _ in LOOPS], groups=made, table=table)


def random_group(rng: Any, tiles: int, terms: int) -> Group:
    source = np.random.default_rng(rng.getrandbits(32))
    words = source.integers(-(1 << BITS - 1), 1 << BITS - 1, (2, tiles, LANES, LANES)).astype(np.int8)
    flags = (source.random(tiles) < 0.4).astype(np.uint8)
    channels = [([_fields(rng, TERM) for _ in range(1 + terms)], _fields(rng, WIDE.offset)) for _ in range(LANES)]
    return Group(
        tiles=tiles,
        idle=rng.randrange(256),
        two_word=flags,
        word1=words[0],
        word2=words[1],
        scales=[scale for scale, _ in channels],
        offsets=[offset for _, offset in channels],
    )


class Stores:
    """What the loader has filled: entry by entry, slot by slot."""

    def __init__(self, loader: Any, config: EngineConfig):
        buffers = loader.buffers
        self.bus_bits = config.bus_bits
        self.fills = {
            "steps": loader.steps,
            "beats": buffers.beats,
            "scales": buffers.scales,
            "offsets": buffers.offsets,
        }
        self.buffers = buffers
        self.entries: dict[str, dict[int, dict[int, int]]] = {name: {} for name in self.fills}
        self.flags: dict[int, tuple[int, int]] = {}

    def observe(self, ctx: Any) -> None:
        for name, fill in self.fills.items():
            slots, entry = ctx.get(fill.slot), ctx.get(fill.target)
            for slot in range(len(fill.slot)):
                if slots >> slot & 1:
                    self.entries[name].setdefault(entry, {})[slot] = ctx.get(fill.word)
            if name == "beats" and slots & 1:
                self.flags[entry] = (ctx.get(self.buffers.two_word), ctx.get(self.buffers.last))

    def value(self, name: str, entry: int, bits: int) -> int:
        words = self.entries[name].get(entry, {})
        return sum(word << slot * self.bus_bits for slot, word in words.items()) & ((1 << bits) - 1)


def check_group(ctx: Any, stores: Stores, group: Group, half: int) -> None:
    """What is in a half that is offered as full."""
    assert ctx.get(stores.buffers.full) >> half & 1
    assert ctx.get(stores.buffers.idles[half]) == group.idle
    assert ctx.get(stores.buffers.ends[half]) == group.beats - 1
    if group.two_word is None or group.word1 is None or group.word2 is None:
        return
    entry = half * WIDE.group_beats
    for tile, flag in enumerate(group.two_word.tolist()):
        assert stores.flags[entry] == (flag, tile == group.tiles - 1)
        for words in (group.word1, group.word2)[: 1 + flag]:
            assert stores.value("beats", entry, WIDE.beat_bits) == packed(words[tile].reshape(-1).tolist(), BITS)
            entry += 1
    check_channels(stores, group, half)


def check_channels(stores: Stores, group: Group, half: int) -> None:
    lanes, steps = WIDE.requant_lanes, WIDE.requant_steps
    for step in range(steps):
        entry = step | half << (steps - 1).bit_length()
        for number, terms in enumerate(zip(*group.scales[step * lanes :][:lanes], strict=True)):
            wanted = packed([pack(TERM, term) for term in terms], width(TERM))
            assert stores.value("scales", number | entry << ADD_TERMS.bit_length(), WIDE.scale_bits) == wanted
        wanted = packed([pack(WIDE.offset, offset) for offset in group.offsets[step * lanes :][:lanes]], OFFSET)
        assert stores.value("offsets", entry, WIDE.offset_bits) == wanted


class Engine:
    """Takes jobs, and frees halves, some cycles after they are offered."""

    def __init__(self, loader: Any, jobs: list[Job], rng: Any, config: EngineConfig):
        self.loader, self.rng = loader, rng
        self.jobs, self.groups = list(jobs), [(group, job.kind == Kind.CONV) for job in jobs for group in job.groups]
        self.stores = Stores(loader, config)
        self.half = self.bank = self.table = 0
        self.entries: dict[int, int] = {}  # of both tables
        self.busy = -1  # until which cycle jobs are under way
        self.frees: dict[str, dict[int, int]] = {"front_frees": {}, "back_frees": {}}
        self.here: dict[tuple[str, int], Group] = {}  # by what frees it, and half

    def step(self, ctx: Any, cycle: int) -> None:
        loader, rng = self.loader, self.rng
        taken = bool(ctx.get(loader.job_valid)) and rng.random() < 0.1
        ctx.set(loader.job_taken, taken)
        if taken:
            job = self.jobs.pop(0)
            bits = ctx.get(loader.job)
            assert {name: int(getattr(bits, name)) for name in JOB} == job.fields
            for index, step in enumerate(job.steps):
                assert self.stores.value("steps", self.bank + index, width(STEP)) == pack(STEP, step)
            self.bank ^= len(LOOPS)
            if job.table:
                at = self.table << WIDE.code_bits
                assert [self.entries[at + code] for code in range(1 << WIDE.code_bits)] == list(job.table)
                self.table ^= 1
            self.busy = cycle + rng.randrange(20, 80)
        ctx.set(loader.idle, cycle > self.busy)
        assert ctx.get(loader.busy) or cycle > self.busy
        ctx.set(loader.table_free, rng.random() < 0.8)
        if ctx.get(loader.table_write):
            assert ctx.get(loader.table_free)
            self.entries[ctx.get(loader.table_target)] = ctx.get(loader.steps.word) & ((1 << WIDE.code_bits) - 1)
        self.stores.observe(ctx)
        for name, pending in self.frees.items():
            due = [half for half, at in pending.items() if at == cycle]
            ctx.set(getattr(loader.buffers, name), sum(1 << half for half in due))
            for half in due:
                # Nothing was written meanwhile.
                if name == "front_frees":
                    check_group(ctx, self.stores, self.here[name, half], half)
                else:
                    check_channels(self.stores, self.here[name, half], half)
                del pending[half]

    def after(self, ctx: Any, cycle: int) -> None:
        """A half that became full is checked, and freed later."""
        self.stores.observe(ctx)  # the last bus word is written in the first cycle in which the half is full
        if ctx.get(self.loader.buffers.full) >> self.half & 1 and self.half not in self.frees["front_frees"]:
            group, conv = self.groups.pop(0)
            check_group(ctx, self.stores, group, self.half)
            self.here["front_frees", self.half] = group
            self.frees["front_frees"][self.half] = later = cycle + self.rng.choice((2, 30, 200))
            if conv:
                assert self.half not in self.frees["back_frees"], "the parameters before them are still in use"
                self.here["back_frees", self.half] = group
                self.frees["back_frees"][self.half] = later + self.rng.choice((5, 150))
            self.half ^= 1


def run(jobs: list[Job], words: list[int], seed: object, config: EngineConfig = WIDE) -> tuple[int, int]:
    """Runs a program; returns the error, and how many jobs were offered.

    What is offered is checked; if there is no error it must be all jobs and groups.
    """
    loader: Any = Loader(config)
    rng = dice(seed)
    engine = Engine(loader, jobs, rng, config)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        given = last = 0
        for cycle in range(12 * len(words)):
            offered = given < len(words) and (rng.random() < 0.9)
            ctx.set(loader.program.valid, offered)
            ctx.set(loader.program.payload, words[given] if offered else rng.getrandbits(config.bus_bits))
            engine.step(ctx, cycle)
            if offered and ctx.get(loader.program.ready):
                given, last = given + 1, cycle
            assert cycle < last + LONGEST, "the loader has stopped"
            await ctx.tick()
            engine.after(ctx, cycle)
            if given == len(words) and not ctx.get(loader.busy):
                break
        assert not ctx.get(loader.busy)
        assert given == len(words)
        found.append(ctx.get(loader.error))

    simulate(loader, bench)
    if found == [Error.NONE]:
        assert (engine.jobs, engine.groups) == ([], [])
    return found[0], len(jobs) - len(engine.jobs)


def program(seed: object, config: EngineConfig = WIDE, tiles: Sequence[int] = TILES) -> tuple[list[Job], list[int]]:
    rng = dice(seed)
    jobs = [random_job(rng, kind, table, tiles) for kind, table in zip(KINDS, TABLES, strict=True)]
    return jobs, encode(config, jobs)


@pytest.mark.parametrize(("seed", "bus_bits", "tiles"), [(0, 32, TILES), (1, 16, TILES), (2, 64, TILES), (0, 32, (1,))])
def test_stores_hold_the_program(seed: int, bus_bits: int, tiles: Sequence[int]) -> None:
    config = replace(WIDE, bus_bits=bus_bits)
    assert run(*program(seed, config, tiles), seed, config) == (Error.NONE, len(KINDS))


@pytest.mark.parametrize(
    ("at", "bit", "error"),
    [(1, 0, Error.VERSION), (2, 3, Error.ENGINE), (4, 7, Error.CHECK), (12, 9, Error.CHECK), (5, 2, Error.CHECK)],
)
def test_no_job_of_a_wrong_program_is_offered(at: int, bit: int, error: Error) -> None:
    jobs, words = program("wrong")
    if error in (Error.VERSION, Error.ENGINE):
        words = _header(words, at, bit)
    else:
        words[at] ^= 1 << bit
    assert run(jobs, words, "wrong") == (error, 0)


@pytest.mark.parametrize("before", [[], [0, 1, 2], [5, (1 << 32) - 1, 7]])
def test_a_program_runs_behind_a_wrong_one_and_words_that_are_none(before: list[int]) -> None:
    jobs, words = program("again")
    header = words[:5]
    header[-1] ^= 1 << 7
    assert run(jobs, header + before + words, "again") == (Error.NONE, len(KINDS))


def test_words_that_are_no_header_are_an_error() -> None:
    assert run([], [5, 7], "none") == (Error.MAGIC, 0)


def _header(words: list[int], at: int, bit: int) -> list[int]:
    """The program with a bit of word `at` of its header changed, and the check that is right for that."""
    changed = list(words)
    changed[at] ^= 1 << bit
    rotated = (bit + 4 - at) % 32
    changed[4] ^= 1 << rotated
    return changed


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    # Short groups follow one another so soon that parameters are still in use.
    jobs, words = program(1, tiles=(1,) if "half" in name else TILES)
    expected = (Error.NONE, len(KINDS))
    if name == "a job before its check":
        words[30] ^= 1
        expected = (Error.CHECK, 0)
    with FAULTS[name].planted(), pytest.raises((AssertionError, IndexError, KeyError)):
        assert run(jobs, words, 1) == expected


def test_a_half_is_filled_again_some_cycles_after_its_last_beat() -> None:
    groups: Any = GroupLoader(CONFIG)
    waited: list[int] = []

    async def bench(ctx: Any) -> None:
        for name in ("valid", "due"):
            ctx.set(getattr(groups, name), 1)
        ctx.set(groups.trips, 7)
        await ctx.tick().until(~groups.room)
        ctx.set(groups.buffers.front_frees, 1)
        await ctx.tick()
        ctx.set(groups.buffers.front_frees, 0)
        waited.append(1)
        while not ctx.get(groups.room):
            await ctx.tick()
            waited[0] += 1

    simulate(groups, bench)
    assert waited == [RELEASE_CYCLES]


def test_the_first_word_of_a_header_waits_for_the_second() -> None:
    groups: Any = GroupLoader(replace(CONFIG, bus_bits=16))
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for name in ("due", "conv"):
            ctx.set(getattr(groups, name), 1)
        # A group of one tile; whatever is on the bus meanwhile is none of its words.
        for valid, word in ((1, 1), (0, 5), (1, 0), (0, 0)):
            ctx.set(groups.valid, valid)
            ctx.set(groups.word, word)
            await ctx.tick()
        found.append(ctx.get(groups.buffers.last))

    simulate(groups, bench)
    assert found == [1]
