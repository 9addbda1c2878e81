"""A program with each field at its lowest and its highest value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import ADD_TERMS, ADDRESS_BITS, GROUP, JOB, LOOPS, SIZE_BITS, STEP, TERM, Kind
from rtl_gen.compiler.program import Group, Job
from sw_ref.format import StlqFormat

LANES = 4
CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=LANES, lanes=LANES),
    requant_lanes=2,
    memory_words=1 << 14,
    group_beats=1024,
    tables=True,
)
WHOLE = replace(CONFIG, memory_words=1 << ADDRESS_BITS)  # all that addresses reach; of those the engine takes some bits
TOP = WHOLE.memory_words - 1  # the last word; as a step, one back
NEAREST, FARTHEST = STEP["x"].span[0], STEP["x"].span[-1]
TURNS = 1 << SIZE_BITS
CODE = (1 << CONFIG.code_bits) - 1
ADDED = 7  # the code that is added
ALLOWED: dict[str, tuple[int, int]] = {
    "kind": (int(Kind.CONV), int(Kind.FILL)),
    "add_terms": (0, ADD_TERMS),
    "low": (0, CODE),
    "high": (0, CODE),
    "tiles": (1, CONFIG.group_beats),
    # Fields that this engine does not have, or none yet, are 0.
    **dict.fromkeys(("window", "up_x", "up_y", "up_step_x", "up_step_y"), (0, 0)),
}
"""Where less is allowed than fits."""


def job_of(kind: Kind, trips: Mapping[str, int], steps: Mapping[str, Any], *groups: Group, **fields: int) -> Job:
    """A job of loops, `trips` of them with more than one iteration."""
    values = dict.fromkeys(JOB, 0) | {"kind": int(kind), "width": 1, "height": 1, **fields}
    for loop in LOOPS:
        values |= {f"trips_{loop}": trips.get(loop, 1) - 1, f"single_{loop}": int(trips.get(loop, 1) == 1)}
    still = dict.fromkeys(STEP, 0)
    return Job(
        layer=kind.name,
        fields=values,
        steps=[{**still, **steps.get(loop, {})} for loop in LOOPS],
        groups=groups or [Group(tiles=1)] * trips.get("group", 1),
    )


def transfers() -> list[Job]:
    """Fills with the longest loops over positions; inputs and outputs."""
    on, back = {"address": 1}, {"address": TOP}
    far = {"address": 1, "x": FARTHEST, "y": FARTHEST}
    fill, fit = Kind.FILL, {"width": 4095, "height": 4095}
    return [
        job_of(fill, {"x": TURNS}, {"x": {**on, "x": 1}}, wait=1, low=CODE, **fit, pad_address=TOP),
        job_of(fill, {"y": TURNS}, {"y": {**on, "y": 1}}, wait=1, y=NEAREST, low=3, **fit),
        job_of(fill, {"pool_x": TURNS}, {"pool_x": on}, wait=1, address=4096, low=ADDED),
        job_of(fill, {"pool_y": TURNS}, {"pool_y": back}, wait=1, address=TOP, low=ADDED),
        job_of(fill, {"group": TURNS}, {"group": on}, wait=1, address=8192, width=1, height=1),
        # Outside, just outside, inside; outside twice.
        job_of(fill, {"x": 3}, {"x": far}, wait=1, x=NEAREST, y=NEAREST, address=9, pad_address=8, low=5, **fit),
        job_of(
            *(fill, {"x": 2}, {"x": {"x": NEAREST, "y": NEAREST}}),
            **{
                "wait": 1,
                "x": FARTHEST,
                "y": FARTHEST,
                "address": 7,
                "pad_address": 6,
                "low": 4,
                "width": 0,
                "height": 0,
            },
        ),
        job_of(Kind.INPUT, {"x": 2}, {"x": {"x": 2}}, wait=1, pairs=1, width=4, address=20),
        job_of(Kind.INPUT, {"x": 4}, {"x": {"x": 1}}, wait=1, last=1, width=4, address=21),
        job_of(Kind.OUTPUT, {"x": 4}, {"x": {"x": 1}}, wait=1, last=1, width=4, address=21),
    ]


def channels(*, adds: bool) -> tuple[list[list[dict[str, int]]], list[dict[str, int]]]:
    """Terms and offsets of four channels, the first two without words, for which no total overflows.

    `adds`: `ADDED` is added.
    """
    none, once = dict.fromkeys(TERM, 0), {**dict.fromkeys(TERM, 0), "extra": 1}
    span = CONFIG.offset["offset"].span
    terms = [
        [none, once, none],
        [none, {**once, "negative": 1}, none],
        [{"shift": 7, "negative": 1, "extra": 1, "extra_negative": 1}, none, none],
        [none, {**once, "shift": 31}, {**once, "shift": 31}],
    ]
    offsets = [(span[0] + (not adds), 0), (span[-1], 31), (0, 20), (0, 31)]
    return terms, [{"offset": offset, "shift": shift} for offset, shift in offsets]


def group_of(tiles: int, idle: int = 0, *, adds: bool = False) -> Group:
    rng = np.random.default_rng(tiles)
    words = rng.integers(-4, 4, (2, tiles, LANES, LANES)).astype(np.int8)
    words[:, :, :2] = 0
    flags = np.zeros(tiles, np.uint8) if tiles == CONFIG.group_beats else rng.integers(0, 2, tiles).astype(np.uint8)
    terms, offsets = channels(adds=adds)
    words[1] *= flags[:, None, None].astype(np.int8)
    return Group(tiles=tiles, idle=idle, two_word=flags, word1=words[0], word2=words[1], scales=terms, offsets=offsets)


def convolutions() -> list[Job]:
    """Convolutions with the longest loops over tiles; words are added, and written, from the last one on backwards."""
    on = {"address": 1}
    table = np.random.default_rng(1).integers(0, CODE + 1, CODE + 1).tolist()
    back = {f"{walk}_step_{part}": TOP for walk in ("write", "add") for part in ("x", "y", "group")}
    adds = {"wait": 1, "add_terms": ADD_TERMS, "add_address": TOP, **back}
    fit = {"width": 4095, "height": 4095}
    conv = Kind.CONV
    first = job_of(
        conv, {"channel": 1024}, {"channel": on}, group_of(1024, adds=True), table=1, high=CODE, **adds, **fit
    )
    two = [group_of(3, idle=255, adds=True), group_of(3, idle=3, adds=True)]
    return [
        Job(
            layer="", fields={**first.fields, "write_address": TOP}, steps=first.steps, groups=first.groups, table=table
        ),
        job_of(
            *(conv, {"channel": 3, "x": 2, "y": 2, "group": 2}, {"channel": on}, *two),
            **{
                **adds,
                **fit,
                "write_address": 50_000,
                "low": CODE,
                "high": CODE,
                "address": 1000,
                "add_address": TOP - 9,
            },
        ),
        job_of(conv, {"kernel_x": 128}, {"kernel_x": on}, group_of(128, 8), wait=1, write_address=60_000, **fit),
        job_of(conv, {"kernel_y": 128}, {"kernel_y": on}, group_of(128), high=CODE, write_address=60_001, **fit),
        job_of(conv, {"channel": 1}, {}, group_of(1, 8), high=CODE, address=TOP, write_address=0, **fit),
    ]


def driven(jobs: Sequence[Job]) -> Iterator[tuple[str, int, range]]:
    """The values of all fields of a program: name, value, and what fits."""
    for job in jobs:
        yield from ((name, job.fields[name], field.span) for name, field in JOB.items())
        yield from ((f"step {name}", step[name], STEP[name].span) for step in job.steps for name in STEP)
        for group in job.groups:
            yield from ((name, getattr(group, name), GROUP[name].span) for name in GROUP)
            yield from ((f"term {n}", term[n], TERM[n].span) for own in group.scales for term in own for n in TERM)
            yield from ((f"offset {n}", o[n], CONFIG.offset[n].span) for o in group.offsets for n in CONFIG.offset)


def missed(jobs: Sequence[Job]) -> set[tuple[str, int]]:
    """The lowest and highest allowed values of fields that no job has."""
    found = list(driven(jobs))
    ends = {name: ALLOWED.get(name, (span[0], span[-1])) for name, _, span in found}
    return {(name, end) for name, both in ends.items() for end in both} - {(name, value) for name, value, _ in found}
