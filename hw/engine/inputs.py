"""The input port: bus words to codes."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig


class Inputs(Component):
    """Hands out the codes of each bus word, the lowest first.

    Throughput: a code a cycle, one cycle more for each bus word.

    Members
    -------
    inputs : In(stream)
        The port. `ready` is a register.
    code : Out(code_bits), valid : Out(1), take : In(1)
        A code; it is used in this cycle.
    last : In(1)
        With `take`: it is its tensor's last one. What follows in its bus word is dropped.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "inputs": In(stream.Signature(config.bus_bits)),
                "code": Out(config.code_bits),
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
        m.d.comb += self.code.eq(word.word_select(index, config.transfer_bits))
        with m.If(self.inputs.ready):
            m.d.sync += word.eq(self.inputs.payload)
            with m.If(self.inputs.valid):
                m.d.sync += [self.inputs.ready.eq(0), self.valid.eq(1)]
        with m.Elif(~self.valid):
            m.d.sync += self.inputs.ready.eq(1)
        ends = self.last | (index == config.codes_per_transfer - 1)
        with m.If(self.take):
            m.d.sync += index.eq(Mux(ends, 0, index + 1))
            with m.If(ends):
                m.d.sync += [self.valid.eq(0), self.inputs.ready.eq(1)]
        return m
