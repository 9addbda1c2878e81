"""The output port: codes to bus words."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import memory, stream
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.layouts import outputs_layout

PLACES = 16  # of bus words that wait for the consumer; of fewer iCE40 would make flip-flops
FULL = 12  # places that are kept for words, from where no further one begins; a word takes 10 cycles to the consumer


class Outputs(Component):
    """Collects codes to bus words, the lowest first, which wait for the consumer in a queue.

    A place in the queue is kept for a word when its first code is asked for, so a code that is on its way is never
    turned away.

    Throughput: a code a cycle.

    Members
    -------
    issue, issue_last : In(1), room : Out(1)
        A code is asked for, the tensor's last one; whether one may be, in this cycle. `room` is a register.
    code : In(code_bits), valid, last : In(1)
        The code that was asked for; the tensor's last one.
    outputs : Out(stream)
        The port; `last` is with the tensor's last word, which is filled up with 0.
    idle : Out(1)
        All words have left.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "issue": In(1),
                "issue_last": In(1),
                "room": Out(1),
                "code": In(config.code_bits),
                "valid": In(1),
                "last": In(1),
                "outputs": Out(stream.Signature(outputs_layout(config))),
                "idle": Out(1),
            },
            module=f"{config.name}_outputs",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        count = config.codes_per_transfer
        asked = Signal(range(count))
        got = Signal(range(count))
        kept = Signal(range(PLACES))
        word = Signal(config.bus_bits)

        begins, leaves = self.issue & (asked == 0), self.outputs.valid & self.outputs.ready
        with m.If(begins ^ leaves):
            m.d.sync += kept.eq(kept + Cat(1, leaves.replicate(len(kept) - 1)))
        # More places are left for words that begin meanwhile: so `room` waits for nobody.
        m.d.sync += self.room.eq(kept < FULL)
        m.d.comb += self.idle.eq(kept == 0)
        with m.If(self.issue):
            m.d.sync += asked.eq(asked + 1)
            with m.If(self.issue_last):
                m.d.sync += asked.eq(0)

        whole = Signal()
        whole_last = Signal()
        ends = self.last | (got == count - 1)
        m.d.sync += [whole.eq(self.valid & ends), whole_last.eq(self.last)]
        self._collect(m, word, got)
        with m.If(self.valid):
            m.d.sync += got.eq(got + 1)
            with m.If(ends):
                m.d.sync += got.eq(0)
        self._queue(m, whole, Cat(word, whole_last))
        return m

    def _queue(self, m: Module, enter: Signal, word: Value) -> None:
        """Words that wait for the port."""
        m.submodules.queue = queue = memory.Memory(shape=len(word), depth=PLACES, init=[])
        to, at = queue.write_port(), queue.read_port()
        written, read = Signal(range(PLACES)), Signal(range(PLACES))
        comes = Signal()
        m.d.sync += [written.eq(written + enter), read.eq(read + comes)]
        m.d.sync += self.outputs.valid.eq(comes | (self.outputs.valid & ~self.outputs.ready))
        m.d.comb += [
            comes.eq((read != written) & (~self.outputs.valid | self.outputs.ready)),
            to.addr.eq(written),
            to.data.eq(word),
            to.en.eq(enter),
            at.addr.eq(read),
            at.en.eq(comes),
            Value.cast(self.outputs.payload).eq(at.data),
        ]

    def _collect(self, m: Module, word: Signal, got: Signal) -> None:
        """A code to its place; the first one of a bus word also clears the others."""
        for index in range(self._config.codes_per_transfer):
            place = word.word_select(index, self._config.transfer_bits)
            with m.If(self.valid & (got == index)):
                m.d.sync += place.eq(self.code)
            if index:
                # The last statement: so it becomes the registers' reset.
                with m.If(self.valid & (got == 0)):
                    m.d.sync += place.eq(0)
