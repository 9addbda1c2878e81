"""The output port: codes to bus words."""

from amaranth import Cat, Module, Signal
from amaranth.lib import fifo, stream
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.layouts import outputs_layout

WORDS = 8  # bus words that wait for the consumer, at least; of fewer iCE40 would make flip-flops
STAY = 10  # cycles from the demand for a code until its word has left, if the consumer never pauses


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
        # Where a word has few codes, more words are under way.
        words = max(WORDS, -(-STAY // count) + 2)
        kept = Signal(range(words + 1))
        word = Signal(config.bus_bits)
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=config.bus_bits + 1, depth=words)

        begins = self.issue & (asked == 0)
        leaves = self.outputs.valid & self.outputs.ready
        # One place is left for a word that begins in this cycle: so `room` waits for nobody.
        m.d.sync += [kept.eq(kept + begins - leaves), self.room.eq(kept < words - 1)]
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
        m.d.comb += [
            queue.w_data.eq(Cat(word, whole_last)),
            queue.w_en.eq(whole),
            Cat(self.outputs.payload.codes, self.outputs.payload.last).eq(queue.r_data),
            self.outputs.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.outputs.ready),
        ]
        return m

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
