"""A small engine that stands in for the real one: its program says how many words it takes and gives."""

from amaranth import Module, Mux, Signal

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import Error
from hw.engine.layouts import engine_signature

KEY = 0x5A5A1234  # what is in `outputs` is an input with these bits inverted


class StubEngine(Component):
    """Echoes its inputs, changed, and counts on from there if it owes more outputs than it has inputs.

    Like the engine it takes one word of each stream ahead of what it uses.

    The first program word is the number of program words, of inputs and of outputs, 8 bits each. The program's words,
    each rotated into the sum of those before, must give 0; otherwise the run ends with :attr:`Error.CHECK`.
    """

    def __init__(self, config: EngineConfig):
        super().__init__(engine_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = len(self.program.payload)
        counts = [Signal(8, name=f"{name}_left") for name in ("program", "inputs", "outputs")]
        program_left, inputs_left, outputs_left = counts
        check, number, pace = Signal(bits), Signal(bits), Signal(7, init=1)
        word, full = self.outputs.payload.codes, self.outputs.valid
        takes = self.program.valid & self.program.ready
        uses, ahead, enough = ~self.busy | (program_left != 0), Signal(2), Signal()
        m.d.sync += pace.eq((pace << 1) | (pace[6] ^ pace[5]))
        m.d.comb += [
            self.program.ready.eq((uses | ~ahead[0]) & pace[0]),
            self.inputs.ready.eq(Mux(inputs_left == 0, ~ahead[1], ~full & pace[1]) & self.busy),
            enough.eq((program_left == 0) & (inputs_left == 0) & (outputs_left == 0) & ahead.all()),
        ]
        with m.If(takes & ~uses):
            m.d.sync += ahead[0].eq(1)
        with m.If(takes & uses):
            m.d.sync += [check.eq(check.rotate_left(1) ^ self.program.payload), program_left.eq(program_left - 1)]
            with m.If(~self.busy):
                m.d.sync += [self.busy.eq(1), self.error.eq(0), ahead.eq(0)]
                m.d.sync += [
                    count.eq(self.program.payload.word_select(at, 8) - (at == 0)) for at, count in enumerate(counts)
                ]
        with m.If(self.inputs.valid & self.inputs.ready & (inputs_left == 0)):
            m.d.sync += ahead[1].eq(1)
        with m.If(full & self.outputs.ready):
            m.d.sync += [full.eq(0), outputs_left.eq(outputs_left - 1)]
        with m.Elif(self.inputs.valid & self.inputs.ready & (inputs_left != 0)):
            m.d.sync += [
                inputs_left.eq(inputs_left - 1),
                word.eq(self.inputs.payload ^ KEY),
                full.eq(outputs_left != 0),
            ]
        with m.Elif(self.busy & ~full & (inputs_left == 0) & (outputs_left != 0)):
            m.d.sync += [number.eq(number + 1), word.eq(number), full.eq(1)]
        with m.Elif(self.busy & ~full & enough):
            m.d.sync += [self.busy.eq(0), self.error.eq(Mux(check == 0, Error.NONE, Error.CHECK))]
        return m


def stub_program(rng, size: int, inputs: int, outputs: int) -> list[int]:
    """A program of `size` words, three at least."""
    words = [size | inputs << 8 | outputs << 16, *(rng.getrandbits(32) for _ in range(size - 2))]
    check = 0
    for word in words:
        check = _rotated(check) ^ word
    return [*words, _rotated(check)]


def stub_outputs(inputs: list[int], outputs: int) -> list[int]:
    """What it gives."""
    return [word ^ KEY for word in inputs[:outputs]] + list(range(outputs - len(inputs)))


def _rotated(word: int) -> int:
    return ((word << 1) | (word >> 31)) & 0xFFFFFFFF
