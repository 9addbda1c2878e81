"""The writer: codes to words of the activation memory, and where they go."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component, instantiate
from hw.engine.config import EngineConfig
from hw.engine.encoding import JOB
from hw.engine.layouts import CODES, EVENT, struct
from hw.engine.walk import WALKS, Walk


def writer_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Writer`."""
    return wiring.Signature(
        {
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "codes": In(config.requant_lanes * config.code_bits),
            "about": In(CODES),
            "event": In(EVENT),
            "take": In(1),
            "add_read": In(1),
            "address": Out(config.address_bits),
            "write": Out(1),
            "data": Out(config.word_bits),
            "store": In(1),
        }
    )


class Writer(Component):
    """Collects the codes of a position and writes their word; also says where the word to add is.

    Of the positions in a window of a pooling it writes the largest codes.

    If a word is to be read in the cycle in which one would be written, it is written a cycle later.

    Members
    -------
    job, starts : In, waiting : Out(1)
        See :class:`Followed`.
    codes, about : In
        The requantizer's; codes are as they are kept (:func:`kept`).
    event : In(EVENT), take : In(1), add_read : In(1)
        The position whose sums are taken; the word to add to it is to be read.
    address, data : Out, write : Out(1)
        Port b of the memory: a word to read or to write.
    store : In(1)
        The codes, those of even lanes and of odd ones, go to all places of the word: for jobs that do not use the
        array. The writer neither writes that word nor knows its address.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(writer_signature(config), module=f"{config.name}_writer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        due = Signal()
        first = Signal(init=1)
        pool = self.about.event.pool
        done = self.about.valid & self.about.done
        m.d.comb += self.write.eq(due & ~self.add_read)
        m.d.sync += due.eq((done & ~pool) | (due & ~self.write))
        with m.If(done):
            m.d.sync += first.eq(~pool)
        self._collect(m, first)

        write, add = (instantiate(m, platform, name, Walk, self._config, name) for name in WALKS)
        for walk in (write, add):
            m.d.comb += [Value.cast(walk.job).eq(Value.cast(self.job)), walk.starts.eq(self.starts)]
        m.d.comb += [
            self.waiting.eq(write.waiting | add.waiting),
            Value.cast(write.event).eq(Value.cast(self.about.event)),
            write.known.eq(done),
            write.leaves.eq(done & self.about.event.ends),
            write.passes.eq(self.write),
            Value.cast(add.event).eq(Value.cast(self.event)),
            # Where something is added, sums stay for several cycles.
            add.known.eq(1),
            add.leaves.eq(self.take & self.event.ends),
            add.passes.eq(self.take & ~self.event.pool),
            self.address.eq(Mux(self.add_read, add.address, write.address)),
        ]
        return m

    def _collect(self, m: Module, first: Signal) -> None:
        """Codes to their places in the word: those of the window's `first` position, then larger ones."""
        config = self._config
        lanes, bits = config.requant_lanes, config.code_bits
        held = self.data.word_select(self.about.chunk[: max(config.requant_steps - 1, 1).bit_length()], lanes * bits)
        for lane in range(lanes):
            code = self.codes.word_select(lane, bits)
            # Of signed numbers: as of unsigned ones whose top bits are exchanged.
            own = held.word_select(lane, bits)
            larger = Cat(code[:-1], own[-1]) > Cat(own[:-1], code[-1])
            taken = Signal(name=f"taken{lane}")
            m.d.comb += taken.eq(self.about.valid & (first | larger))
            for chunk in range(config.requant_steps):
                with m.If(self.store | (taken & (self.about.chunk == chunk))):
                    m.d.sync += self.data.word_select(chunk * lanes + lane, bits).eq(code)
