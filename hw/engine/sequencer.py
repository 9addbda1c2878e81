"""The sequencer: says in each cycle which beat of which job is due."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import GROUP, JOB, LOOPS, TILE_LOOPS, Kind
from hw.engine.layouts import EVENT, struct
from hw.engine.loops import Loops

AT_ONCE = ("kind", "last", "pairs", "add_terms", *(f"trips_{loop}" for loop in LOOPS[TILE_LOOPS:]))
"""Fields of a job that are copied when it starts. All others are needed later: `start` enables few registers so."""


def sequencer_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Sequencer`."""
    return wiring.Signature(
        {
            "next_job": In(struct(JOB)),
            "job_valid": In(1),
            "start": Out(1),
            "started": Out(1),
            "full": In(2),
            "ends": In(data.ArrayLayout(range(config.group_beats), 2)),
            "idles": In(data.ArrayLayout(GROUP["idle"].bits, 2)),
            "front_frees": Out(2),
            "drained": In(1),
            "code_valid": In(1),
            "output_room": In(1),
            "reserved": In(1),
            "job": Out(struct(JOB)),
            "idle": Out(1),
            "issue": Out(1),
            "half": Out(1),
            "index": Out(range(config.group_beats)),
            "finish": Out(1),
            "level": Out(range(len(LOOPS))),
            "event": Out(EVENT),
        }
    )


class Sequencer(Component):
    """Walks over the elements of a position, the positions of a group and the groups of a job.

    An element is a beat of the weight buffer, or where a job has no array one code or word. One is due in each cycle,
    but for the idle cycles that a group has before each position (not before the first one of a job that waits), for
    groups that are not there yet, and for codes that are late. The next job starts in the cycle of the last one's last
    element; if it has to wait for all writes (`wait`), when they will be done before it reads.

    Members
    -------
    next_job, job_valid : In, start : Out(1)
        The job that the loader offers, which stays for another cycle; it is taken in this one, and was there a cycle
        ago. No further one may be offered in the three cycles after that.
    full, ends, idles : In, front_frees : Out(2)
        As the loader's.
    drained : In(1)
        What was finished is written before a job reads it that starts in the next cycle.
    code_valid, output_room : In(1)
        A code is there to be stored; a code more may be read for the output.
    reserved : In(1)
        No element may be due; see :class:`Reserve`.
    job : Out, started : Out(1), idle : Out(1)
        The present job, whose first cycle this is; whether there is none. In this cycle only the fields `AT_ONCE` are
        the new job's.
    issue : Out(1), half, index : Out
        An element is due; where it is in the weight buffer.
    finish : Out(1), level : Out, event : Out(EVENT)
        It is its position's last one; the innermost loop over positions that goes on then; how the position ends.
    """

    def __init__(self, config: EngineConfig):
        # With tables, a code that fills is on its way a cycle sooner.
        self._at_once = {*AT_ONCE, "low"} if config.tables else AT_ONCE
        super().__init__(sequencer_signature(config), module=f"{config.name}_sequencer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._running = Signal(name="running")
        self._last = Signal(name="last")
        holding = Signal()
        group_end = Signal()
        job_end = Signal()
        other = ~self.half
        other_full, here_full = self.full.bit_select(other, 1), self.full.bit_select(self.half, 1)
        ready = Signal()
        follows = Signal()
        m.d.sync += ready.eq(self.job_valid & (~self.next_job.wait | (self.idle & self.drained)))
        loops = self._loops(m)
        # Whether an element is due is known last: all else comes before.
        m.d.comb += [
            self.idle.eq(~self._running & ~holding),
            self.finish.eq(self.issue & self._last),
            group_end.eq(self.issue & (self._last & loops.over["y"])),
            job_end.eq(self.issue & (self._last & loops.over["group"])),
            follows.eq(ready & self.job_valid & self._last & loops.over["group"] & other_full),
            self.start.eq((ready & self.job_valid & self.idle & here_full) | (self.issue & follows)),
            self.front_frees.eq(group_end << self.half),
        ]
        m.d.sync += [self.started.eq(self.start), self.half.eq(self.half ^ group_end)]
        # Where the next position is, if one ends in this cycle or none is under way: whether one ends is known later.
        next_half = Signal()
        m.d.comb += next_half.eq(self.half ^ (self._running & loops.over["y"]))
        self._elements(m, next_half)

        with m.If(group_end):
            m.d.sync += self._running.eq(0)
            with m.If(~job_end):
                m.d.sync += [self._running.eq(other_full), holding.eq(~other_full)]
        with m.If(holding & here_full):
            m.d.sync += [self._running.eq(1), holding.eq(0)]
        with m.If(self.start):
            m.d.sync += self._running.eq(1)
        self._copy_job(m)
        return m

    def _copy_job(self, m: Module) -> None:
        for name in JOB:
            with m.If(self.start if name in self._at_once else self.started):
                m.d.sync += self.job[name].eq(self.next_job[name])

    def _elements(self, m: Module, half: Value) -> None:
        """The elements of a position, and the idle cycles before them.

        `place` is the element's index, and negative in the idle cycles; `left` is 0 at the last element. Both count up
        from the negative of a number. So what is tested is the sign, and what loads them takes no LUT of its own.
        """
        late = Signal()
        load = Signal()
        takes_codes = Signal()
        gives_codes = Signal()
        with m.If(self.start):
            m.d.sync += takes_codes.eq(self.next_job.kind == Kind.INPUT)
            m.d.sync += gives_codes.eq(self.next_job.kind == Kind.OUTPUT)
        bits = len(self.index)
        place = Signal(max(bits, GROUP["idle"].bits) + 1)
        left = Signal(bits + 1)
        paused = place[-1]
        idle, end = (Mux(half, values[1], values[0]) for values in (self.idles, self.ends))
        # Where the next job waits, this one is over when it starts: `idle` says so earlier than `start`.
        waits = self.idle & self.next_job.wait
        idle &= (~waits).replicate(len(idle))
        m.d.comb += [
            late.eq((takes_codes & ~self.code_valid) | (gives_codes & ~self.output_room) | self.reserved),
            load.eq(self.finish | ~self._running),
            self.issue.eq(self._running & ~paused & ~late),
            self._last.eq(~left[-1]),
            self.index.eq(place),
        ]
        m.d.sync += [
            place.eq(_counted(place, load, idle, step=paused | ~late)),
            left.eq(_counted(left, load, end, step=self.issue)),
        ]

    def _loops(self, m: Module) -> Loops:
        """The loops over positions, and how each position ends."""
        names = LOOPS[TILE_LOOPS:]
        loops = Loops(m, names, self.finish, self.job, load=self.start, next_job=self.next_job)
        m.d.comb += self.level.eq(len(LOOPS) - 1)
        for number, name in reversed(list(enumerate(names[:-1], TILE_LOOPS))):
            with m.If(~loops.at_end[name]):
                m.d.comb += self.level.eq(number)
        m.d.comb += [
            self.event.pool.eq(loops.due["pool_x"] | loops.due["pool_y"]),
            self.event.x.eq(loops.due["x"]),
            self.event.y.eq(loops.due["y"]),
            self.event.group.eq(loops.due["group"]),
            self.event.ends.eq(loops.over["group"]),
            self.event.half.eq(self.half),
        ]
        return loops


def _counted(count: Signal, load: Value, number: Value, *, step: Value) -> Value:
    """What a counter becomes: -`number` if `load` is 1, one more if `step` is."""
    return (Mux(load, ~Cat(number, Const(0, len(count) - len(number))), count) + (load | step))[: len(count)]
