"""The exact cycle model: when each job starts and ends, if program and inputs come a bus word a cycle.

docs/decisions/engine.md derives the rules.  Cycle 0 takes the program's first bus word.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from hw.engine.config import EngineConfig
from hw.engine.encoding import FLAGS_PER_WORD, GROUP, HEADER, JOB, LOOPS, STEP, TILE_LOOPS, Kind, width
from hw.engine.latency import FRONT_CYCLES, MEMORY_CYCLES, OFFSET_CYCLES, RELEASE_CYCLES
from rtl_gen.compiler.loops import whole_columns
from rtl_gen.compiler.program import Group, Job

FREES = OFFSET_CYCLES + 2  # from the last step of a position's sums to a free half of the parameters
LEAVES = 12  # from the last code of the outputs to the end of `busy`
POOL_LOOPS = ("pool_x", "pool_y")
ENDS = 2  # from the check of a program's end to that


@dataclass(kw_only=True)
class Reserved:
    """The cycles in which no element may be due: its operand would be read when the only port reads or writes."""

    reads: deque[int] = field(default_factory=deque)
    writes: deque[int] = field(default_factory=deque)

    def last(self, first: int, beats: int) -> int:
        """The cycle of the last one of `beats` elements, of which the first is due in cycle `first` or later."""
        last = first + beats - 1
        while (at := min((*islice(self.reads, 1), *islice(self.writes, 1)), default=last + 1)) <= last:
            if self.reads and self.reads[0] == at:
                self.reads.popleft()
                if self.writes and self.writes[0] == at:
                    self.writes[0] += 1  # the word that is added comes first
            else:
                self.writes.popleft()
            last += at >= first
        return last


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A job's cycles: `start`, when it is taken; `last`, when its last element is due; `written`, its last word.

    `beats`: elements; `idle`: cycles for the requantizer; `program`: cycles in which only the program was missing;
    `port`: cycles in which the memory's only port was the results'.
    """

    layer: str
    start: int
    last: int
    written: int
    beats: int
    idle: int
    program: int
    port: int


class Feed:
    """Where bus words come from: streams that never pause.  Whoever feeds an engine otherwise says so by overriding."""

    def program(self, at: int, words: int) -> int:
        """The cycle after `words` of the program, if the loader can take the first one `at` that cycle."""
        return at + words

    def inputs(self, first: int, last: int, words: int) -> int:
        """When the last code of `words` is taken, if without pauses the first one is taken `first`, that one `last`."""
        return last

    def outputs(self, first: int, last: int, codes: int) -> int:
        """When the last of so many codes leaves, if without pauses the first one leaves `first` and that one `last`."""
        return last


def predict(config: EngineConfig, jobs: Sequence[Job]) -> list[Timing]:
    """The timing of each job.  Output jobs need a consumer that never pauses."""
    return _run(config, jobs, Feed()).timings


def predict_end(config: EngineConfig, jobs: Sequence[Job], feed: Feed | None = None) -> int:
    """The cycle in which `busy` has fallen."""
    clock = _run(config, jobs, feed or Feed())
    loaded = clock.feed.program(clock.load, config.slots(width(JOB)) + 1)
    return max(loaded + ENDS, clock.timings[-1].last + LEAVES)


def _run(config: EngineConfig, jobs: Sequence[Job], feed: Feed) -> "_Clock":
    clock = _Clock(config, feed)
    for job in jobs:
        clock.run(job)
    return clock


@dataclass
class _Clock:
    """`load`: when the loader takes its next word; `front_free`, `back_free`: since when halves may be filled."""

    config: EngineConfig
    feed: Feed
    load: int = 0
    half: int = 0
    codes: int = 0
    front_free: list[int] = field(default_factory=lambda: [0, 0])
    back_free: list[int] = field(default_factory=lambda: [0, 0])
    timings: list[Timing] = field(default_factory=list)
    reserved: Reserved = field(default_factory=Reserved)

    def __post_init__(self) -> None:
        self.load = self.feed.program(0, self.config.slots(width(HEADER)) + 1) + 1

    def run(self, job: Job) -> None:
        config, offered = self.config, self._offer(job)
        steps = config.requant_steps * (1 + job.fields["add_terms"])
        start = last = written = beats = idle = program = port = 0
        for index, group in enumerate(job.groups):
            full = self._load(group, 1 + job.fields["add_terms"])
            if index:
                due, lost = max(last, full) + 1 + group.idle, full - last
            else:
                free = self._free(job)
                start = max(free, offered, full)
                due, lost = start + 1 + (0 if job.fields["wait"] else group.idle), start - free
            elements = positions_of(job) * group.beats
            pauses = (positions_of(job) - 1) * group.idle
            last = self._last(job, due, elements, pauses, last if index else None)
            if config.memory_ports == 1 and job.kind == Kind.CONV:
                unhindered, last = last, self._shared(job, group, due)
                port += last - unhindered
            beats, idle, program = beats + elements, idle + pauses, program + max(lost, 0)
            self.front_free[self.half] = last + RELEASE_CYCLES
            taken = last + FRONT_CYCLES + config.array.latency_cycles + steps - 1
            if job.kind == Kind.CONV:
                self.back_free[self.half] = taken + FREES
                written = taken + config.code_cycles + 1
            self.half ^= 1
        self.codes *= not job.fields["last"]
        self.load = max(self.load, start + 1) + 1
        self.timings.append(
            Timing(
                layer=job.layer,
                start=start,
                last=last,
                written=written,
                beats=beats,
                idle=idle,
                program=program,
                port=port,
            )
        )

    def _offer(self, job: Job) -> int:
        """When the sequencer can take a job: its fields, steps and table are loaded by then."""
        config = self.config
        self.load = self.feed.program(self.load, config.slots(width(JOB)) + len(LOOPS) * config.slots(width(STEP)))
        if job.table:
            # The table that was read before the last one is free when the job before the last one has left it.
            free = max(self.load, *(timing.written - 1 for timing in self.timings[:-1]), 0)
            self.load = self.feed.program(free, len(job.table))
        self.load = self.feed.program(self.load, 1) + 1
        return self.load + 1

    def _free(self, job: Job) -> int:
        """When a job could be taken if it were loaded."""
        if not self.timings:
            return 0
        before = self.timings[-1]
        # The stages behind the array copy the fields of a job when they have let go of the one before it.
        free = max(before.last, *(timing.written + 1 for timing in [t for t in self.timings if t.written][-2:-1]), 0)
        if job.fields["wait"]:
            drained = self.config.drain_cycles - self.config.code_cycles - 1
            free = max(free, before.last + 2, *(timing.written + drained for timing in self.timings))
        return free

    def _load(self, group: Group, terms: int) -> int:
        """The cycle from which a group's half is full; the loader goes on then. `terms`: of each of its scales."""
        config, half = self.config, self.half
        at = self.feed.program(max(self.load, self.front_free[half]), config.slots(width(GROUP)))
        if group.two_word is not None:
            flags = -(-group.tiles // FLAGS_PER_WORD) * config.slots(FLAGS_PER_WORD)
            at = max(self.feed.program(at, flags + group.beats * config.beat_slots), self.back_free[half])
            channel = terms * config.slots(config.scale_bits) + config.slots(config.offset_bits)
            at = self.feed.program(at, config.requant_steps * channel)
        self.load = at
        return at

    def _last(self, job: Job, due: int, elements: int, pauses: int, before: int | None) -> int:
        """The cycle of a group's last element; input codes take a cycle more for each bus word after the first."""
        last = due + elements + pauses - 1
        if job.kind == Kind.OUTPUT:
            last = self.feed.outputs(due, last, elements)
        if job.kind != Kind.INPUT:
            return last
        count = self.config.codes_per_transfer
        begins = self.codes % count == 0
        if before is not None and begins:
            # The group before took the last code of its bus word.
            due = max(due, before + 2)
        codes = elements * (1 + job.fields["pairs"])
        words = (self.codes % count + codes - 1) // count
        self.codes += codes
        return self.feed.inputs(due, due + elements + pauses + words - 1, words + begins)

    def _shared(self, job: Job, group: Group, due: int) -> int:
        """The cycle of a group's last element where no element is due in the cycles that are reserved."""
        config, reserved, terms = self.config, self.reserved, job.fields["add_terms"]
        window = math.prod(job.fields[f"trips_{loop}"] + 1 for loop in POOL_LOOPS)
        add_read = MEMORY_CYCLES + config.array.latency_cycles
        write = add_read + config.requant_steps * (1 + terms) + config.code_cycles
        last = due - group.idle - 1
        columns, whole = (job.fields["trips_x"] + 1) * window, whole_columns(job.fields)
        for position in range(1, positions_of(job) + 1):
            last = reserved.last(last + group.idle + 1, group.beats)
            if (position - 1) % columns // window not in whole:
                continue
            if terms:
                reserved.reads.append(last + add_read)
            if position % window == 0:
                reserved.writes.append(last + write)
        return last


def positions_of(job: Job) -> int:
    """Positions of a group."""
    return math.prod(job.fields[f"trips_{loop}"] + 1 for loop in LOOPS[TILE_LOOPS:-1])
