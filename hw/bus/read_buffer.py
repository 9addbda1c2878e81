"""What was read, until the engine takes it."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.bus.config import BusConfig
from hw.bus.queue import Queue
from hw.component import Component, instantiate


class ReadBuffer(Component):
    """Keeps a place for each word of a burst when the burst starts, so no word that comes is ever turned away.

    The engine takes one word ahead of what it uses. So behind a range's last word it is given another one, which means
    nothing: it wants to use that one exactly if the range is too short.

    Latency: 2 cycles. Throughput: a word a cycle.

    Members
    -------
    room : Out(1)
        There are places for a burst of the greatest length.
    claim : In(1), more : In
        A burst starts: one word and `more`.
    write : In(1), word : In(bus_bits)
        A word comes.
    words : Out(stream)
        The words, in order; then words that mean nothing.
    used_up : In(1)
        The range has no further burst.
    whole, short : Out(1)
        The engine has taken all words, and one that means nothing; it takes a second one of these.
    """

    def __init__(self, config: BusConfig, words: int):
        self._config, self._words = config, words
        members = {
            "room": Out(1),
            "claim": In(1),
            "more": In(range(config.burst_words)),
            "write": In(1),
            "word": In(config.bus_bits),
            "words": Out(stream.Signature(config.bus_bits)),
            "used_up": In(1),
            **dict.fromkeys(("whole", "short"), Out(1)),
        }
        super().__init__(members, module=f"{config.name}_read_buffer_{words}")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        places = Signal(range(self._words + 1))  # that are kept
        queue = instantiate(m, platform, "queue", Queue, self._config, self._words)
        leaves, spent = queue.words.valid & self.words.ready, self.used_up & (places == 0)
        m.d.sync += places.eq(places + Mux(self.claim, self.more + 1, 0) - leaves)
        with m.If(spent & self.words.ready):
            m.d.sync += self.whole.eq(1)
        m.d.comb += [
            self.room.eq(places <= self._words - self._config.burst_words),
            self.short.eq(spent & self.words.ready & self.whole),
            self.words.payload.eq(queue.words.payload),
            self.words.valid.eq(queue.words.valid | spent),
            queue.words.ready.eq(self.words.ready),
            queue.write.eq(self.write),
            queue.word.eq(self.word),
        ]
        return m
