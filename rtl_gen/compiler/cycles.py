"""The exact cycle model: when each job starts and ends, if program and inputs come a bus word a cycle.

docs/decisions/engine.md derives the rules.  Cycle 0 takes the program's first bus word.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hw.engine.config import ADDRESS_CYCLES, OFFSET_CYCLES, START_CYCLES, EngineConfig
from hw.engine.encoding import FLAGS_PER_WORD, GROUP, HEADER, JOB, LOOPS, STEP, TILE_LOOPS, Kind, width
from rtl_gen.compiler.program import Group, Job

FRONT = ADDRESS_CYCLES + 1  # cycles from an element to the transfer of its beat
FREES = OFFSET_CYCLES + 1  # from the last step of a position's sums to a free half of the parameters


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A job's cycles: `start`, when it is taken; `last`, when its last element is due; `written`, its last word."""

    layer: str
    start: int
    last: int
    written: int
    beats: int


def predict(config: EngineConfig, jobs: Sequence[Job]) -> list[Timing]:
    """The timing of each job.  Output jobs need a consumer that never pauses."""
    load = config.slots(width(HEADER)) + 1
    front_free, back_free = [0, 0], [0, 0]
    half, timings, codes = 0, list[Timing](), 0
    for job in jobs:
        load += config.slots(width(JOB)) + len(LOOPS) * config.slots(width(STEP))
        if job.table:
            # The table that was read before the last one is free when the job before the last one has left it.
            load = max(load, *(timing.written - 1 for timing in timings[:-1]), 0) + len(job.table)
        load += 1
        offered, load = load + 1, load + 1
        steps = config.requant_steps * (1 + job.fields["add_terms"])
        start = due = last = written = beats = 0
        for index, group in enumerate(job.groups):
            load, full = _load(config, group, load, front_free[half], back_free[half])
            if not index:
                start = _start(job, timings, offered, full)
                due = start + 1 + (0 if job.fields["wait"] else group.idle)
            else:
                due = max(last, full) + 1 + group.idle
            elements = _elements(job, group)
            if job.kind == Kind.INPUT and index and codes % config.codes_per_transfer == 0:
                # The last element took the last code of its bus word.
                due = max(due, last + 2)
            last = due + elements + _positions(job) * group.idle - group.idle - 1
            if job.kind == Kind.INPUT:
                # One cycle more for each further bus word.
                last += (codes % config.codes_per_transfer + elements - 1) // config.codes_per_transfer
                codes += elements
            beats += elements
            front_free[half] = last + 1
            taken = last + FRONT + config.array.latency_cycles + steps - 1
            if job.kind == Kind.CONV:
                back_free[half] = taken + FREES
                written = taken + config.code_cycles + 1
            half ^= 1
        if job.fields["last"]:
            codes = 0
        load = max(load, start + 1) + 1
        timings.append(Timing(layer=job.layer, start=start, last=last, written=written, beats=beats))
    return timings


def _start(job: Job, timings: Sequence[Timing], offered: int, full: int) -> int:
    """When a job is taken: its first group is there, and what was before it lets it start."""
    start = max(offered, full)
    if not timings:
        return start
    before = timings[-1]
    start = max(start, before.start + START_CYCLES, before.last)
    if job.fields["wait"]:
        start = max(start, before.last + 1, *(timing.written + 1 for timing in timings))
    return start


def _load(config: EngineConfig, group: Group, at: int, front_free: int, back_free: int) -> tuple[int, int]:
    """(cycle of the bus word after a group's, cycle from which its half is full)."""
    at = max(at, front_free) + config.slots(width(GROUP))
    if group.two_word is not None:
        flags = -(-group.tiles // FLAGS_PER_WORD) * config.slots(FLAGS_PER_WORD)
        at = max(at + flags + group.beats * config.beat_slots, back_free)
        at += config.requant_steps * (config.slots(config.scale_bits) + config.slots(config.offset_bits))
    return at, at


def _positions(job: Job) -> int:
    """Positions of a group."""
    return math.prod(job.fields[f"trips_{loop}"] + 1 for loop in LOOPS[TILE_LOOPS:-1])


def _elements(job: Job, group: Group) -> int:
    """Elements of all positions of a group."""
    return _positions(job) * group.beats
