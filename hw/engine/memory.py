"""The activation memory: two ports."""

from amaranth import Cat, Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig


class ActivationMemory(Component):
    """Words of `lanes` codes behind two ports that never disturb each other.

    Port a reads operands. Port b writes, or reads codes that are added: one of them in a cycle, at one address, so that
    a true dual-port block RAM holds it; where a target has none, its tools keep two copies. Each lane is a memory of
    its own: writing some of the lanes needs no byte enables.

    Latency: data one cycle after the address. An address that is read and written in the same cycle reads anything.

    Members
    -------
    a_read : In(1), a_address : In, a_word : Out(word_bits)
        Port a; `a_word` stays until the next read.
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
        return m
