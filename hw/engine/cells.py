"""The cells of the activation memory: with two ports, or with one."""

from dataclasses import dataclass
from typing import NamedTuple

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory

from hw.engine.config import EngineConfig


class Access(NamedTuple):
    """What the cells do in a cycle."""

    a_read: Value
    a_address: Value
    b_address: Value
    b_write: Value
    b_data: Value


@dataclass(frozen=True)
class TwoPorts:
    """A memory for each lane: writing some of the lanes needs no byte enables.

    Where a target has no true dual-port block RAM, its tools keep two copies.
    """

    config: EngineConfig

    def place(self, m: Module, access: Access) -> tuple[Value, Value]:
        """The cells in `m`; returns the words that ports a and b have read, a cycle later."""
        bits = self.config.code_bits
        words: dict[str, list[Signal]] = {"a": [], "b": []}
        for lane in range(self.config.array.lanes):
            cells = memory.Memory(shape=bits, depth=self.config.memory_words, init=[])
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


@dataclass(frozen=True)
class OnePort:
    """One memory of whole words. Port a goes first: port b has the cycles in which port a does not read."""

    config: EngineConfig

    def place(self, m: Module, access: Access) -> tuple[Value, Value]:
        """The cells in `m`; returns the word that was read, a cycle later, for both ports."""
        config = self.config
        m.submodules.cells = cells = memory.Memory(shape=config.word_bits, depth=config.memory_words, init=[])
        write, read = cells.write_port(granularity=config.code_bits), cells.read_port()
        address = Signal(config.address_bits)
        word = Signal(config.word_bits)
        m.d.comb += [
            address.eq(Mux(access.a_read, access.a_address, access.b_address)),
            write.addr.eq(address),
            write.data.eq(access.b_data),
            write.en.eq(access.b_write & (~access.a_read).replicate(config.array.lanes)),
            read.addr.eq(address),
            read.en.eq(~write.en.any()),
            word.eq(read.data),
        ]
        return word, word
