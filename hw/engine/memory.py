"""The activation memory."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig


class ActivationMemory(Component):
    """Words of `lanes` codes behind two ports.

    Port a reads operands. Port b writes, or reads codes that are added: one of them in a cycle, at one address.

    With two `memory_ports` they never disturb each other: a true dual-port block RAM holds the words; where a target
    has none, its tools keep two copies. Each lane is a memory of its own: writing some of the lanes needs no byte
    enables. With one, port b has the cycles in which port a does not read; :class:`Reserve` provides them.

    Latency: data one cycle after the address. An address that is read and written in the same cycle reads anything.

    Members
    -------
    a_read : In(1), a_address : In, a_word : Out(word_bits)
        Port a; `a_word` is meaningful in the cycle after a read.
    b_address : In, b_word : Out(word_bits)
        Port b; `b_word` is meaningful in the cycle after one in which nothing was written.
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
                "b_write": In(config.array.lanes),
                "b_data": In(config.word_bits),
                "b_word": Out(config.word_bits),
            },
            module=f"{config.name}_memory",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._one_port(m) if self._config.memory_ports == 1 else self._two_ports(m)
        return m

    def _one_port(self, m: Module) -> None:
        config = self._config
        m.submodules.cells = cells = memory.Memory(shape=config.word_bits, depth=config.memory_words, init=[])
        write, read = cells.write_port(granularity=config.code_bits), cells.read_port()
        address = Signal(config.address_bits)
        m.d.comb += [
            address.eq(Mux(self.a_read, self.a_address, self.b_address)),
            write.addr.eq(address),
            write.data.eq(self.b_data),
            write.en.eq(self.b_write & (~self.a_read).replicate(len(self.b_write))),
            read.addr.eq(address),
            read.en.eq(~write.en.any()),
            self.a_word.eq(read.data),
            self.b_word.eq(read.data),
        ]

    def _two_ports(self, m: Module) -> None:
        bits = self._config.code_bits
        words: dict[str, list[Signal]] = {"a": [], "b": []}
        for lane in range(self._config.array.lanes):
            cells = memory.Memory(shape=bits, depth=self._config.memory_words, init=[])
            m.submodules[f"lane{lane}"] = cells
            write = cells.write_port()
            m.d.comb += [
                write.addr.eq(self.b_address),
                write.data.eq(self.b_data.word_select(lane, bits)),
                write.en.eq(self.b_write[lane]),
            ]
            for port, enable, address in (("a", self.a_read, self.a_address), ("b", 1, self.b_address)):
                read = cells.read_port()
                word = Signal(bits, name=f"{port}{lane}")
                m.d.comb += [read.en.eq(enable), read.addr.eq(address), word.eq(read.data)]
                words[port].append(word)
        m.d.comb += [self.a_word.eq(Cat(words["a"])), self.b_word.eq(Cat(words["b"]))]
