"""The activation memory."""

from amaranth import Module
from amaranth.lib.wiring import In, Out

from hw.array.registers import Registers
from hw.component import Component
from hw.engine.cells import Access, OnePort, TwoPorts
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.latency import MEMORY_CYCLES


class ActivationMemory(Component):
    """Words of `lanes` codes behind two ports.

    Port a reads operands. Port b writes, or reads codes that are added: one of them in a cycle, at one address.

    With two `memory_ports` they never disturb each other (:class:`TwoPorts`). With one, port b has the cycles in which
    port a does not read (:class:`OnePort`); :class:`Reserve` provides them.

    The blocks of a large memory are all over the device: so what enters and leaves them is registered.

    Latency: `MEMORY_CYCLES`. What is written is read by addresses that come a cycle later; an address that is read and
    written in the same cycle reads anything.

    Members
    -------
    a_read : In(1), a_address : In, a_word : Out(word_bits)
        Port a.
    b_address : In, b_read : In(1), b_word : Out(word_bits)
        Port b; `b_word` stays until the next read.
    b_write : In(lanes), b_data : In(word_bits)
        The lanes that are written.
    """

    def __init__(self, config: EngineConfig):
        self._cells = OnePort(config) if config.memory_ports == 1 else TwoPorts(config)
        super().__init__(
            {
                "a_read": In(1),
                "a_address": In(config.address_bits),
                "a_word": Out(config.word_bits),
                "b_address": In(config.address_bits),
                "b_read": In(1),
                "b_write": In(config.array.lanes),
                "b_data": In(config.word_bits),
                "b_word": Out(config.word_bits),
            },
            module=f"{config.name}_memory",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        data = Registers(m, 1)
        access = Access(
            a_read=later(m, "a_reads", self.a_read, 1),
            a_address=data.register("a_entry", self.a_address),
            b_address=data.register("b_entry", self.b_address),
            b_write=later(m, "b_writes", self.b_write, 1),
            b_data=data.register("b_written", self.b_data),
        )
        a_word, b_word = self._cells.place(m, access)
        b_data = Registers(m, later(m, "b_reads", self.b_read, MEMORY_CYCLES - 1))
        m.d.comb += [self.a_word.eq(data.register("a_held", a_word)), self.b_word.eq(b_data.register("b_held", b_word))]
        return m
