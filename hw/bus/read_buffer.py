"""What was read, until the engine takes it."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.config import BusConfig
from hw.bus.queue import Queue
from hw.component import Component, instantiate


class ReadBuffer(Component):
    """Keeps a place for each word of a burst when the burst starts, so no word that comes is ever turned away.

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
        The words, in order.
    empty : Out(1)
        No place is kept: nothing is here or on its way.
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
            "empty": Out(1),
        }
        super().__init__(members, module=f"{config.name}_read_buffer_{words}")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        places = Signal(range(self._words + 1))  # that are kept
        queue = instantiate(m, platform, "queue", Queue, self._config, self._words)
        connect(m, queue.words, flipped(self.words))
        leaves = self.words.valid & self.words.ready
        m.d.sync += places.eq(places + Mux(self.claim, self.more + 1, 0) - leaves)
        m.d.comb += [
            self.room.eq(places <= self._words - self._config.burst_words),
            self.empty.eq(places == 0),
            queue.write.eq(self.write),
            queue.word.eq(self.word),
        ]
        return m
