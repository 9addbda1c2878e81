"""The input port: bus words to codes."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig


class Inputs(Component):
    """Hands out the codes of each bus word, the lowest first: one at a time, or two.

    Throughput: one or two codes a cycle, one cycle more for each bus word.

    Members
    -------
    inputs : In(stream)
        The port. `ready` is a register.
    pairs : In(1)
        Two codes at a time, of which the first one's place in its bus word is even.
    codes : Out(2 * code_bits), valid : Out(1), take : In(1)
        Two codes, or one twice; used in this cycle.
    last : In(1)
        With `take`: the tensor's last one is among them. What follows in its bus word is dropped.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "inputs": In(stream.Signature(config.bus_bits)),
                "pairs": In(1),
                "codes": Out(2 * config.code_bits),
                "valid": Out(1),
                "take": In(1),
                "last": In(1),
            },
            module=f"{config.name}_inputs",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        word = Signal(config.bus_bits)
        index = Signal(range(config.codes_per_transfer))
        end = index | (self.pairs if config.codes_per_transfer > 1 else 0)
        codes = [word.word_select(at, config.transfer_bits)[: config.code_bits] for at in (index, end)]
        m.d.comb += self.codes.eq(Cat(*codes))
        with m.If(self.inputs.ready):
            m.d.sync += word.eq(self.inputs.payload)
            with m.If(self.inputs.valid):
                m.d.sync += [self.inputs.ready.eq(0), self.valid.eq(1)]
        with m.Elif(~self.valid):
            m.d.sync += self.inputs.ready.eq(1)
        ends = self.last | (end == config.codes_per_transfer - 1)
        with m.If(self.take):
            m.d.sync += index.eq(Mux(ends, 0, end + 1))
            with m.If(ends):
                m.d.sync += [self.valid.eq(0), self.inputs.ready.eq(1)]
        return m
