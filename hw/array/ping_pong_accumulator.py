"""Two accumulators for each pixel, which add in turn."""

from amaranth import Cat, Module, Mux, ResetSignal, Signal, Value, signed

from hw.array.accumulator import accumulator_members, scaled
from hw.array.adder_tree import add, pixel_name
from hw.array.beat import BEAT
from hw.array.ping_pong import PingPong
from hw.array.ping_pong_control import PE_CONTROL
from hw.array.registers import Registers
from hw.component import Component, instantiate
from hw.config import BaseArrayConfig


class PingPongAccumulator(Component):
    """Adds up operands from registers of their own: between two registers is nothing but an adder.

    Each accumulator has an adder, in the same logic cells, and a register from which its sum is offered. Control is
    each PE's own, as in :class:`PingPong`.

    Latency: 3, from operand to sum. Throughput: an operand each cycle, across dot products too.

    Members
    -------
    As :func:`accumulator_members`, with the ``PE_CONTROL`` of ``ping_pong_control.py``.
    """

    CONTROL = PE_CONTROL

    def __init__(self, config: BaseArrayConfig, bits: int):
        self._config = config
        super().__init__(accumulator_members(config, bits, self.CONTROL), module=f"{config.name}_accumulator")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ping_pong = instantiate(m, platform, "ping_pong", PingPong, self._config.name)
        # A copy of each PE's own, a cycle late: no beat can be here as early. It resets control alone; then no beat is
        # valid, which clears the operand, and both accumulators are set to 0.
        reset = Signal(reset_less=True)
        m.d.sync += reset.eq(ResetSignal())
        beat = Signal(BEAT, reset_less=True)
        with m.If(self.enable):
            m.d.sync += beat.eq(self.control.beat)
        with m.If(reset):
            m.d.sync += beat.eq(0)
        m.d.comb += [
            ping_pong.reset.eq(reset),
            self.enable.eq(ping_pong.enable),
            ping_pong.ends.eq(beat.ends),
            ping_pong.ready.eq(self.control.ready),
        ]
        registers = Registers(m, self.enable)
        clear = registers.clear("clear_operand", ~beat.valid)
        carry = registers.register("operand_carry", self.carry, clear)
        sums = []
        for pixel, value in enumerate(self.values):
            operand = scaled(value, self.carry, beat, self._config)
            held = registers.register(pixel_name("operand", pixel), operand, clear)
            sums.append(self._accumulated(m, pixel, held, carry, ping_pong))
        m.d.comb += self.sums.eq(Cat(sums))
        return m

    def _accumulated(self, m: Module, pixel: int, operand: Value, carry: Value, ping_pong: PingPong) -> Value:
        """The sum of a pixel that is offered."""
        shape = signed(self._config.acc_bits)
        sums = []
        for index in range(2):
            accumulator, total, complete = (
                Signal(shape, name=pixel_name(f"{name}{index}", pixel), reset_less=True)
                for name in ("accumulator", "total", "sum")
            )
            m.d.comb += add(total, accumulator, operand, carry, logic=False)
            with m.If(ping_pong.add[index]):
                m.d.sync += accumulator.eq(total)
            with m.If(ping_pong.move[index]):
                m.d.sync += [complete.eq(accumulator), accumulator.eq(0)]
            sums.append(complete)
        return Mux(ping_pong.read, *reversed(sums))
