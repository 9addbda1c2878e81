"""The sequencer: says in each cycle which beat of which job is due."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import START_CYCLES, EngineConfig
from hw.engine.encoding import GROUP, JOB, LOOPS, TILE_LOOPS, Kind
from hw.engine.layouts import EVENT, struct


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
    finish : Out(1), level : Out, event : Out(EVENT)
        It is its position's last one; the innermost loop over positions that goes on then; how the position ends.
    """

    def __init__(self, config: EngineConfig):
        super().__init__(sequencer_signature(config), module=f"{config.name}_sequencer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        running, holding, pause = Signal(), Signal(), Signal(GROUP["idle"].bits)
        recent = Signal(START_CYCLES - 1)
        gate, ready, group_end, job_end = Signal(), Signal(), Signal(), Signal()
        other = ~self.half
        m.d.comb += [
            gate.eq(
                ((self.job.kind != Kind.INPUT) | self.code_valid) & ((self.job.kind != Kind.OUTPUT) | self.output_room)
            ),
            self.idle.eq(~running & ~holding),
            self.issue.eq(running & (pause == 0) & gate),
            self.finish.eq(self.issue & (self.index == self.ends[self.half])),
            ready.eq(self.job_valid & ~recent.any() & Mux(self.next_job.wait, self.idle & self.drained, 1)),
            self.start.eq(
                ready & Mux(self.idle, self.full.bit_select(self.half, 1), job_end & self.full.bit_select(other, 1))
            ),
            self.front_frees.eq(group_end << self.half),
        ]
        m.d.sync += [recent.eq(Cat(self.start, recent)), pause.eq(Mux(pause == 0, 0, pause - 1))]
        with m.If(self.finish):
            m.d.sync += pause.eq(self.idles[self.half ^ group_end])
        with m.If(self.issue):
            m.d.sync += self.index.eq(Mux(self.finish, 0, self.index + 1))
        self._loops(m, group_end, job_end)

        with m.If(group_end):
            m.d.sync += [self.half.eq(other), running.eq(0)]
            with m.If(~job_end):
                m.d.sync += [running.eq(self.full.bit_select(other, 1)), holding.eq(~self.full.bit_select(other, 1))]
        with m.If(holding & self.full.bit_select(self.half, 1)):
            m.d.sync += [running.eq(1), holding.eq(0), pause.eq(self.idles[self.half])]
        with m.If(self.start):
            m.d.sync += [self.job.eq(self.next_job), running.eq(1)]
            m.d.sync += pause.eq(Mux(self.next_job.wait, 0, self.idles[self.half ^ ~self.idle]))
        return m

    def _loops(self, m: Module, group_end: Signal, job_end: Signal) -> None:
        """The counters of the loops over positions: each goes on where all inside it are at their ends."""
        goes_on: Value = self.finish
        level: Value = self.level
        names = LOOPS[TILE_LOOPS:]
        ends = {}
        m.d.comb += level.eq(len(LOOPS) - 1)
        for name in names:
            trips = self.job[f"trips_{name}"]
            count = Signal.like(trips, name=name)
            at_end = Signal(name=f"{name}_end")
            m.d.comb += at_end.eq(count == trips)
            with m.If(goes_on):
                m.d.sync += count.eq(Mux(at_end, 0, count + 1))
            ends[name] = goes_on & ~at_end
            goes_on = goes_on & at_end
            if name == "y":
                m.d.comb += group_end.eq(goes_on)
        for number, name in reversed(list(enumerate(names, TILE_LOOPS))):
            with m.If(ends[name]):
                m.d.comb += level.eq(number)
        m.d.comb += [
            job_end.eq(goes_on),
            self.event.pool.eq(ends["pool_x"] | ends["pool_y"]),
            self.event.x.eq(ends["x"]),
            self.event.y.eq(ends["y"]),
            self.event.group.eq(ends["group"]),
            self.event.ends.eq(goes_on),
            self.event.half.eq(self.half),
        ]
