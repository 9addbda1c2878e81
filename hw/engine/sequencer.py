"""The sequencer: says in each cycle which beat of which job is due."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import START_CYCLES, EngineConfig
from hw.engine.encoding import GROUP, JOB, LOOPS, TILE_LOOPS, Kind
from hw.engine.layouts import EVENT, struct
from hw.engine.loops import Loops


def sequencer_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Sequencer`."""
    return wiring.Signature(
        {
            "next_job": In(struct(JOB)),
            "job_valid": In(1),
            "start": Out(1),
            "full": In(2),
            "ends": In(data.ArrayLayout(range(config.group_beats), 2)),
            "idles": In(data.ArrayLayout(GROUP["idle"].bits, 2)),
            "front_frees": Out(2),
            "drained": In(1),
            "code_valid": In(1),
            "output_room": In(1),
            "job": Out(struct(JOB)),
            "idle": Out(1),
            "issue": Out(1),
            "half": Out(1),
            "index": Out(range(config.group_beats)),
            "ahead": Out(range(2 * config.group_beats)),
            "finish": Out(1),
            "level": Out(range(len(LOOPS))),
            "event": Out(EVENT),
        }
    )


class Sequencer(Component):
    """Walks over the elements of a position, the positions of a group and the groups of a job.

    An element is a beat of the weight buffer, or where a job has no array one code or word. One is due in each cycle,
    but for the idle cycles that a group has before each position (not
    before the first one of a job that waits), for groups that are not there yet, and for codes that
    are late. The next job starts in the cycle after the last one's last element; if it has to wait for all writes
    (`wait`), when they are done.

    Members
    -------
    next_job, job_valid : In, start : Out(1)
        The job that the loader offers; it is taken in this cycle.
    full, ends, idles : In, front_frees : Out(2)
        As the loader's.
    drained : In(1)
        Every position that was finished is written.
    code_valid, output_room : In(1)
        A code is there to be stored; a code more may be read for the output.
    job : Out, idle : Out(1)
        The present job; whether there is none.
    issue : Out(1), half, index : Out
        An element is due; where it is in the weight buffer.
    ahead : Out
        Index and half, side by side, as they are in the next cycle.
    finish : Out(1), level : Out, event : Out(EVENT)
        It is its position's last one; the innermost loop over positions that goes on then; how the position ends.
    """

    def __init__(self, config: EngineConfig):
        super().__init__(sequencer_signature(config), module=f"{config.name}_sequencer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._running, holding = Signal(), Signal()
        self._recent = Signal(START_CYCLES - 1)
        group_end, job_end = Signal(), Signal()
        last = Signal()
        late = Signal()
        other = ~self.half
        other_full, here_full = self.full.bit_select(other, 1), self.full.bit_select(self.half, 1)
        paused = self._pause(m, group_end)
        no_code = (self.job.kind == Kind.INPUT) & ~self.code_valid
        no_room = (self.job.kind == Kind.OUTPUT) & ~self.output_room
        ready = self.job_valid & ~self._recent.any() & (~self.next_job.wait | (self.idle & self.drained))
        m.d.comb += [
            late.eq(no_code | no_room),
            self.idle.eq(~self._running & ~holding),
            self.issue.eq(self._running & ~paused & ~late),
            last.eq(Mux(self.half, self.index == self.ends[1], self.index == self.ends[0])),
            self.finish.eq(self.issue & last),
            self.start.eq(ready & Mux(self.idle, here_full, job_end & other_full)),
            self.front_frees.eq(group_end << self.half),
        ]
        m.d.sync += self._recent.eq(Cat(self.start, self._recent))
        index = Mux(self.finish, 0, Mux(self.issue, self.index + 1, self.index))
        m.d.comb += self.ahead.eq(Cat(index[: len(self.index)], self.half ^ group_end))
        m.d.sync += Cat(self.index, self.half).eq(self.ahead)
        self._loops(m, group_end, job_end)

        with m.If(group_end):
            m.d.sync += self._running.eq(0)
            with m.If(~job_end):
                m.d.sync += [self._running.eq(other_full), holding.eq(~other_full)]
        with m.If(holding & here_full):
            m.d.sync += [self._running.eq(1), holding.eq(0)]
        with m.If(self.start):
            m.d.sync += [self.job.eq(self.next_job), self._running.eq(1)]
        return m

    def _pause(self, m: Module, group_end: Signal) -> Value:
        """Whether this is an idle cycle before a position.

        The count goes up, from the complement of their number, until its top bit is 1: so what is tested is a register,
        and what loads it takes no LUT of its own.
        """
        bits = GROUP["idle"].bits
        here, other = Mux(self.half, self.idles[1], self.idles[0]), Mux(self.half, self.idles[0], self.idles[1])
        count = Signal(bits + 1, init=1 << bits)
        load = Signal()
        m.d.comb += load.eq(self.finish | ~self._running)
        before = Mux(load, ~Mux(group_end, other, here), count)
        m.d.sync += count.eq(Cat(before[:bits], ~load & count[bits]) + (load | ~count[bits]))
        # Where the next job waits, this one is over when it starts: `idle` says so earlier than `start`.
        with m.If(self.idle & self.next_job.wait):
            m.d.sync += count.eq(1 << bits)
        return ~count[bits]

    def _loops(self, m: Module, group_end: Signal, job_end: Signal) -> None:
        """The loops over positions, and how each position ends."""
        names = LOOPS[TILE_LOOPS:]
        loops = Loops(m, names, self.job, self.finish)
        m.d.comb += self.level.eq(len(LOOPS) - 1)
        for number, name in reversed(list(enumerate(names[:-1], TILE_LOOPS))):
            with m.If(~loops.at_end[name]):
                m.d.comb += self.level.eq(number)
        m.d.comb += [
            group_end.eq(loops.restarts["y"]),
            job_end.eq(loops.restarts["group"]),
            self.event.pool.eq(loops.goes_on["pool_x"] | loops.goes_on["pool_y"]),
            self.event.x.eq(loops.goes_on["x"]),
            self.event.y.eq(loops.goes_on["y"]),
            self.event.group.eq(loops.goes_on["group"]),
            self.event.ends.eq(job_end),
            self.event.half.eq(self.half),
        ]
