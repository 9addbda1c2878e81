"""The activation memory."""

from typing import Any, NamedTuple

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.array.registers import Registers
from hw.component import Component
from hw.engine.config import MEMORY_CYCLES, EngineConfig
from hw.engine.delay import later


class Access(NamedTuple):
    """What the cells do in a cycle."""

    a_read: Value
    a_address: Value
    b_address: Value
    b_write: Value
    b_data: Value


class ActivationMemory(Component):
    """Words of `lanes` codes behind two ports.

    Port a reads operands. Port b writes, or reads codes that are added: one of them in a cycle, at one address.

    With two `memory_ports` they never disturb each other: a true dual-port block RAM holds the words; where a target
    has none, its tools keep two copies. Each lane is a memory of its own: writing some of the lanes needs no byte
    enables. With one, port b has the cycles in which port a does not read; :class:`Reserve` provides them.

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
        self._config = config
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
        a_word, b_word = (self._one_port if self._config.memory_ports == 1 else self._two_ports)(m, access)
        b_data = Registers(m, later(m, "b_reads", self.b_read, MEMORY_CYCLES - 1))
        m.d.comb += [self.a_word.eq(data.register("a_held", a_word)), self.b_word.eq(b_data.register("b_held", b_word))]
        return m

    def _one_port(self, m: Module, access: Access) -> tuple[Any, Any]:
        """The words that ports a and b have read."""
        config = self._config
        m.submodules.cells = cells = memory.Memory(shape=config.word_bits, depth=config.memory_words, init=[])
        write, read = cells.write_port(granularity=config.code_bits), cells.read_port()
        address, word = Signal(config.address_bits), Signal(config.word_bits)
        m.d.comb += [
            address.eq(Mux(access.a_read, access.a_address, access.b_address)),
            write.addr.eq(address),
            write.data.eq(access.b_data),
            write.en.eq(access.b_write & (~access.a_read).replicate(len(self.b_write))),
            read.addr.eq(address),
            read.en.eq(~write.en.any()),
            word.eq(read.data),
        ]
        return word, word

    def _two_ports(self, m: Module, access: Access) -> tuple[Any, Any]:
        """The words that ports a and b have read."""
        bits = self._config.code_bits
        words: dict[str, list[Signal]] = {"a": [], "b": []}
        for lane in range(self._config.array.lanes):
            cells = memory.Memory(shape=bits, depth=self._config.memory_words, init=[])
            m.submodules[f"lane{lane}"] = cells
            write = cells.write_port()
            m.d.comb += [
                write.addr.eq(access.b_address),
                write.data.eq(access.b_data.word_select(lane, bits)),
                write.en.eq(access.b_write[lane]),
            ]
            for port, enable, address in (("a", access.a_read, access.a_address), ("b", 1, access.b_address)):
                read = cells.read_port()
                word = Signal(bits, name=f"{port}{lane}")
                m.d.comb += [read.en.eq(enable), read.addr.eq(address), word.eq(read.data)]
                words[port].append(word)
        return Cat(words["a"]), Cat(words["b"])
