"""Outputs, until a burst writes them."""

from amaranth import Module, Mux
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.config import BusConfig
from hw.bus.queue import Queue
from hw.component import Component, instantiate


class WriteBuffer(Component):
    """Collects the words of a burst, while those of the burst before leave.

    Latency: 2 cycles. Throughput: a word a cycle.

    Members
    -------
    outputs : In(stream), words : Out(stream)
        The words, in order.
    claim : In(1), more : In
        A burst starts, which will take one word and `more`.
    level : Out, ready : Out(1)
        How many words are here that no burst takes; enough for a burst of the greatest length, and for now no more.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = {
            "outputs": In(stream.Signature(config.bus_bits)),
            "words": Out(stream.Signature(config.bus_bits)),
            "claim": In(1),
            "more": In(range(config.burst_words)),
            "level": Out(range(config.burst_words + 1)),
            "ready": Out(1),
        }
        super().__init__(members, module=f"{config.name}_write_buffer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        queue = instantiate(m, platform, "queue", Queue, config, config.code_words)
        connect(m, queue.words, flipped(self.words))
        m.d.sync += self.level.eq(self.level + queue.write - Mux(self.claim, self.more + 1, 0))
        m.d.comb += [
            self.ready.eq(self.level == config.burst_words),
            self.outputs.ready.eq(~self.ready),
            queue.write.eq(self.outputs.valid & ~self.ready),
            queue.word.eq(self.outputs.payload),
        ]
        return m
