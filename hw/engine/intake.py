"""The loader's input: bus words of the program, and their running check."""

from amaranth import Const, Module, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import HEADER, MAGIC, check_bits


class Intake(Component):
    """Holds a bus word until it is used.

    Latency: 1 cycle. Throughput: a bus word a cycle.

    Members
    -------
    program : In(stream)
        The port. `ready` depends on registers and `room` alone.
    word : Out(bus_bits), valid : Out(1), begins : Out(1)
        A word is there; it is the magic one, or its start.
    room : In(1), take : Out(1)
        It may be used in this cycle; it is.
    check : Out, clear : In(1)
        The running check with all words that were taken; it starts again from 0 behind this cycle.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "program": In(stream.Signature(config.bus_bits)),
                "word": Out(config.bus_bits),
                "valid": Out(1),
                "begins": Out(1),
                "room": In(1),
                "take": Out(1),
                "check": Out(check_bits(config.bus_bits)),
                "clear": In(1),
            },
            module=f"{config.name}_intake",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        known = min(len(self.word), HEADER["magic"].bits)
        magic = MAGIC & ((1 << known) - 1)
        m.d.comb += [
            self.program.ready.eq(~self.valid | self.take),
            self.take.eq(self.valid & self.room),
        ]
        m.d.sync += self.valid.eq((self.program.valid & self.program.ready) | (self.valid & ~self.take))
        with m.If(self.program.ready):
            m.d.sync += [self.word.eq(self.program.payload), self.begins.eq(self.program.payload[:known] == magic)]
        with m.If(self.take):
            m.d.sync += self.check.eq(_fold(self.word, len(self.check)) ^ self.check.rotate_left(1))
        with m.If(self.clear):
            m.d.sync += self.check.eq(0)
        return m


def _fold(word: Value, bits: int) -> Value:
    """Exclusive or of the word's pieces."""
    folded: Value = Const(0, bits)
    for offset in range(0, len(word), bits):
        folded = folded ^ word[offset : offset + bits]
    return folded
