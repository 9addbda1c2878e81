"""One run after the other: from a start to the end of all its transfers, and how it ended."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.bus.config import BusConfig
from hw.bus.registers import STATUS, RunError, field_of
from hw.component import Component


class Control(Component):
    """Starts runs, ends them, and counts their cycles.

    A run ends well when the engine has ended its program, all outputs are written, and all ranges are used up. It ends
    early on an error of the engine, on an error response, on outputs beyond their range, or if the host stops it. Then
    no further burst starts, and `busy` falls when those under way have ended.

    Members
    -------
    start, stop, intrusion, given : In(1)
        From the registers; see :class:`RegisterBank`.
    engine_busy : In(1), engine_error : In(4)
        The engine's ports.
    quiet : In(1)
        No burst is offered or under way.
    drained, whole : In(1)
        No output is left in its buffer; all ranges were used up, and nothing that was read is left.
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
        begun = Signal()
        failed = self.engine_error.any()
        m.d.sync += begun.eq(~self.clear & (begun | self.engine_busy))
        m.d.comb += [self.busy.eq(1), self.writes.eq(self.reads | self.flush)]
        m.d.comb += self.feeds.eq(~begun | self.engine_busy)
        with m.If(self.busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        with m.If(self.busy & (self.start | self.intrusion)):
            m.d.sync += self.error.eq(RunError.BUSY)
        with m.FSM(init="IDLE"):
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(0)
                with m.If(self.start):
                    m.d.sync += [
                        self.error.eq(Mux(self.given, RunError.NONE, RunError.RANGE)),
                        self.done.eq(~self.given),
                    ]
                    with m.If(self.given):
                        m.next = "CLEAR"
            with m.State("CLEAR"):
                m.d.comb += self.clear.eq(1)
                m.d.sync += self.cycles.eq(0)
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.reads.eq(1)
                with m.If(failed):
                    m.d.sync += self.error.eq(RunError.ENGINE)
                    m.next = "STOP"
                with m.Elif(begun & ~self.engine_busy):
                    m.next = "FLUSH"
                self._fail(m)
            with m.State("FLUSH"):
                m.d.comb += self.flush.eq(1)
                with m.If(self.engine_busy | failed):
                    # It has taken a word behind the program's last one.
                    m.d.sync += self.error.eq(RunError.LENGTH)
                    m.next = "STOP"
                with m.Elif(self.quiet & self.drained):
                    with m.If(~self.whole):
                        m.d.sync += self.error.eq(RunError.LENGTH)
                    self._end(m)
                self._fail(m)
            with m.State("STOP"), m.If(self.quiet):
                self._end(m)
        return m

    def _fail(self, m: Module) -> None:
        """What ends a run early."""
        for event, error in (
            (self.stop, RunError.STOPPED),
            (self.astray, RunError.LENGTH),
            (self.read_failed, RunError.READ),
            (self.write_failed, RunError.WRITE),
        ):
            with m.If(event):
                m.d.sync += self.error.eq(error)
                m.next = "STOP"

    def _end(self, m: Module) -> None:
        m.d.sync += self.done.eq(1)
        m.next = "IDLE"
