"""One run after the other: from a start to the end of all its transfers, and how it ended."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.bus.config import BusConfig
from hw.bus.registers import STATUS, RunError, field_of
from hw.component import Component


class Control(Component):
    """Starts runs, ends them, and counts their cycles.

    A run ends well when the engine has ended its program, all outputs are written, and all ranges are used up. It ends
    early on an error of the engine, on an error response, at the end of a range that is too short, or if the host stops
    it. Then no further burst starts, and `busy` falls when those under way have ended.

    Members
    -------
    start, stop, intrusion, given : In(1)
        From the registers; see :class:`RegisterBank`.
    engine_busy : In(1), engine_error : In(4)
        The engine's ports.
    quiet : In(1)
        No burst is offered or under way.
    drained, whole : In(1)
        No output is left in its buffer; all ranges were used up, and the engine took all that was read.
    read_failed, write_failed, astray : In(1)
        An error response; a range is too short or too long.
    clear : Out(1)
        A run begins: all that is left of the one before goes.
    feeds : Out(1)
        The engine may take words of the program.
    reads, writes, flush : Out(1)
        Bursts that read, and those that write, may start; no further output comes.
    busy, done, error, cycles : Out
        What the host reads.
    """

    def __init__(self, config: BusConfig):
        inputs = ("start", "stop", "intrusion", "given", "engine_busy", "quiet", "drained", "whole")
        failures = ("read_failed", "write_failed", "astray")
        members = {
            **dict.fromkeys((*inputs, *failures), In(1)),
            **dict.fromkeys(("clear", "feeds", "reads", "writes", "flush", "busy", "done"), Out(1)),
            "engine_error": In(4),
            "error": Out(field_of(STATUS, "error").bits),
            "cycles": Out(32),
        }
        super().__init__(members, module=f"{config.name}_control")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        active, begun, good, ends = (Signal(name=name) for name in ("active", "begun", "good", "ends"))
        m.d.comb += [
            self.feeds.eq(~begun | (self.engine_busy & ~self.flush)),
            self.reads.eq(active & ~self.flush),
            self.writes.eq(active),
            good.eq(self.start & self.given & ~self.busy),
            ends.eq(self.busy & ~self.clear & self.quiet & (~active | (self.flush & self.drained))),
        ]
        m.d.sync += [
            self.clear.eq(good),
            begun.eq(~self.clear & (begun | self.engine_busy)),
            self.flush.eq(~self.clear & (self.flush | (begun & ~self.engine_busy))),
        ]
        with m.If(self.busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        with m.If(self.clear):
            m.d.sync += [active.eq(1), self.cycles.eq(0)]
        with m.If(ends):
            m.d.sync += [self.busy.eq(0), self.done.eq(1), active.eq(0)]
        with m.If(self.start & ~self.busy):
            m.d.sync += [self.busy.eq(self.given), self.done.eq(~self.given)]
        self._errors(m, active, ends)
        return m

    def _errors(self, m: Module, active: Signal, ends: Signal) -> None:
        """What went wrong: the last thing counts.  What ends a run early makes it inactive."""
        with m.If(self.start & ~self.busy):
            m.d.sync += self.error.eq(Mux(self.given, RunError.NONE, RunError.RANGE))
        with m.If(self.busy & (self.start | self.intrusion)):
            m.d.sync += self.error.eq(RunError.BUSY)
        with m.If(ends & active & ~self.whole):
            m.d.sync += self.error.eq(RunError.LENGTH)
        for event, error in (
            # In the end the engine has taken a word ahead, which is no program's first one.
            (self.engine_error.any() & ~self.flush, RunError.ENGINE),
            (self.astray, RunError.LENGTH),
            (self.stop, RunError.STOPPED),
            (self.read_failed, RunError.READ),
            (self.write_failed, RunError.WRITE),
        ):
            with m.If(active & event):
                m.d.sync += [active.eq(0), self.error.eq(error)]
