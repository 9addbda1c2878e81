"""The event queue: how positions end, from the sequencer to the stages behind the array."""

from amaranth import Module, Mux, Signal
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
    leaves : In(1)
        A position's codes are about to be written.
    drained : Out(1)
        Those of all positions that had entered were a cycle ago.
    """

    def __init__(self, config: EngineConfig):
        members = {
            "event": In(EVENT),
            "enter": In(1),
            "front": Out(EVENT),
            "take": In(1),
            "leaves": In(1),
            "drained": Out(1),
        }
        super().__init__(members, module=f"{config.name}_events")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = memory.Memory(shape=EVENT, depth=IN_FLIGHT, init=[])
        write, read = queue.write_port(), queue.read_port()
        last = Signal(range(IN_FLIGHT))
        first = Signal(range(IN_FLIGHT))
        second = Signal(range(IN_FLIGHT), init=1)
        written = Signal(range(IN_FLIGHT))
        # What the sequencer says of a cycle is late in it, and not needed before the next one.
        event, enter = Signal(EVENT, name="entered"), Signal(name="entering")
        m.d.sync += [event.eq(self.event), enter.eq(self.enter)]
        m.d.comb += [
            write.addr.eq(last),
            write.data.eq(event),
            write.en.eq(enter),
            read.addr.eq(Mux(self.take, second, first)),
            self.front.eq(read.data),
            self.drained.eq((written == last) & ~enter),
        ]
        with m.If(self.take):
            m.d.sync += [first.eq(second), second.eq(second + 1)]
        m.d.sync += [
            last.eq(last + enter),
            written.eq(written + self.leaves),
        ]
        return m
