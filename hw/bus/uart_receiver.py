"""From a serial line to bytes."""

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component

FRAME = 10  # bits: start, eight of data, stop


class UartReceiver(Component):
    """8N1: a start bit, eight bits of data, the lowest one first, a stop bit.

    Each bit is sampled in its middle. A start bit that is over by then was none.

    Latency: 2 cycles behind the middle of the stop bit. Throughput: a byte every 10 bits.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit; 4 or more.

    Members
    -------
    rx : In(1)
        The line, which is 1 between bytes. It belongs to no clock.
    data : Out(8), valid : Out(1)
        A byte has come, in this cycle alone.
    broken : Out(1)
        A frame had no stop bit, as when the line is 0 for long: until the line is 1.
    """

    def __init__(self, divisor: int, name: str = "stlq"):
        self._divisor = divisor
        members = {"rx": In(1), "data": Out(8), "valid": Out(1), "broken": Out(1)}
        super().__init__(members, module=f"{name}_uart_receiver")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Two registers bring the line to the clock, a third one sees its edges.
        early, line, before = (Signal(init=1, name=name) for name in ("early", "line", "before"))
        count, left = Signal(range(self._divisor)), Signal(range(FRAME + 1))
        m.d.sync += [early.eq(self.rx), line.eq(early), before.eq(line), self.valid.eq(0)]
        m.d.sync += self.broken.eq(self.broken & ~line)
        with m.If(left == 0):
            m.d.sync += count.eq(self._divisor // 2 - 1)
            with m.If(before & ~line):
                m.d.sync += left.eq(FRAME)
        with m.Elif(count != 0):
            m.d.sync += count.eq(count - 1)
        with m.Else():
            m.d.sync += [count.eq(self._divisor - 1), left.eq(left - 1)]
            with m.If(left == FRAME), m.If(line):
                m.d.sync += left.eq(0)
            with m.Elif(left == 1):
                m.d.sync += [self.valid.eq(line), self.broken.eq(~line)]
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], line))
        return m
