"""The event queue: how positions end, from the sequencer to the stages behind the array."""

from amaranth import Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.layouts import EVENT

IN_FLIGHT = 32  # positions between the sequencer and the writer; fewer than so many


class EventQueue(Component):
    """Keeps the event of each position until its sums are taken.

    A position takes so long through the array that no event is asked for in the cycle in which it enters. So this needs
    neither a check for an empty queue nor a way around the memory.

    Latency: 3 cycles. Throughput: an event in and one out in each cycle.

    Members
    -------
    event : In(EVENT), enter : In(1)
        A position ends in this cycle, and how.
    front : Out(EVENT), take : In(1)
        The event of the position whose sums come next; they are taken, the next event is needed.
    written : In(1)
        The word of a position is written in this cycle.
    drained : Out(1)
        The words of all positions that entered are written.
    """

    def __init__(self, config: EngineConfig):
        members = {
            "event": In(EVENT),
            "enter": In(1),
            "front": Out(EVENT),
            "take": In(1),
            "written": In(1),
            "drained": Out(1),
        }
        super().__init__(members, module=f"{config.name}_events")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = memory.Memory(shape=EVENT, depth=IN_FLIGHT, init=[])
        write, read = queue.write_port(), queue.read_port()
        last, first = Signal(range(IN_FLIGHT)), Signal(range(IN_FLIGHT))
        unwritten = Signal(range(IN_FLIGHT))
        # What the sequencer says of a cycle is late in it, and not needed before the next one.
        event, enter = Signal(EVENT, name="entered"), Signal(name="entering")
        m.d.sync += [event.eq(self.event), enter.eq(self.enter)]
        m.d.comb += [
            write.addr.eq(last),
            write.data.eq(event),
            write.en.eq(enter),
            read.addr.eq(first + self.take),
            self.front.eq(read.data),
            self.drained.eq((unwritten == 0) & ~enter),
        ]
        # Of the positions of a window only one is written.
        m.d.sync += [
            last.eq(last + enter),
            first.eq(read.addr),
            unwritten.eq(unwritten + (enter & ~event.pool) - self.written),
        ]
        return m
