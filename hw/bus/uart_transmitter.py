"""From bytes to a serial line."""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.bus.uart_receiver import FRAME
from hw.component import Component


class UartTransmitter(Component):
    """8N1, as :class:`UartReceiver` reads it.

    Latency: a cycle to the start bit. Throughput: a byte every 10 bits.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit.

    Members
    -------
    bytes : In(stream)
        What to send.
    tx : Out(1)
        The line; a register, 1 between bytes.
    """

    def __init__(self, divisor: int, name: str = "stlq"):
        self._divisor = divisor
        members = {"bytes": In(stream.Signature(8)), "tx": Out(1)}
        super().__init__(members, module=f"{name}_uart_transmitter")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count, left, bits = Signal(range(self._divisor)), Signal(range(FRAME + 1)), Signal(FRAME - 1)
        line = Signal(init=1)
        m.d.comb += [self.bytes.ready.eq(left == 0), self.tx.eq(line)]
        with m.If(left == 0), m.If(self.bytes.valid):
            m.d.sync += [line.eq(0), bits.eq(Cat(self.bytes.payload, Const(1, 1)))]
            m.d.sync += [left.eq(FRAME), count.eq(self._divisor - 1)]
        with m.Elif(count != 0):
            m.d.sync += count.eq(count - 1)
        with m.Else():
            m.d.sync += [Cat(line, bits).eq(Cat(bits, Const(1, 1))), left.eq(left - 1), count.eq(self._divisor - 1)]
        return m
