"""A program in block RAM."""

from amaranth import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.rom_config import RomConfig
from hw.component import Component, instantiate


def rom_words_signature(config: RomConfig) -> wiring.Signature:
    """The members of :class:`RomWords`."""
    return wiring.Signature({"read": In(1), "address": In(range(len(config.program))), "word": Out(config.bus_bits)})


def rom_words_module(config: RomConfig) -> str:
    """Its Verilog module."""
    return f"{config.name}_words"


class RomWords(Component):
    """The program's words. Their Verilog reads them from a file: block RAM of a design has no contents otherwise.

    Members
    -------
    read : In(1), address : In, word : Out(bus_bits)
        The word that was last asked for, a cycle later.
    """

    def __init__(self, config: RomConfig):
        self._config = config
        super().__init__(rom_words_signature(config), module=rom_words_module(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        cells = memory.Memory(shape=config.bus_bits, depth=len(config.program), init=config.program)
        m.submodules.cells = cells
        read = cells.read_port()
        m.d.comb += [read.en.eq(self.read), read.addr.eq(self.address), self.word.eq(read.data)]
        return m


class RomMemory(Component):
    """Gives the program's words, from the first to the last and again.

    Throughput: a word a cycle.

    Members
    -------
    words : Out(stream)
        The words.
    """

    def __init__(self, config: RomConfig):
        self._config = config
        super().__init__({"words": Out(stream.Signature(config.bus_bits))}, module=f"{config.name}_memory")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = instantiate(m, platform, "cells", RomWords, self._config)
        fetch = ~self.words.valid | self.words.ready
        address = Signal(range(len(self._config.program)))
        m.d.comb += [words.read.eq(fetch), words.address.eq(address), self.words.payload.eq(words.word)]
        m.d.sync += self.words.valid.eq(1)
        with m.If(fetch):
            m.d.sync += address.eq(Mux(address == len(self._config.program) - 1, 0, address + 1))
        return m
