"""A queue of bus words whose writer knows that there is room."""

from amaranth import Module, Signal
from amaranth.lib import memory, stream
from amaranth.lib.wiring import In, Out

from hw.bus.config import BusConfig
from hw.component import Component


class Queue(Component):
    """Up to `depth` words, a power of two.

    It has no level, and does not answer the writer: both would be LUTs for nothing.

    Latency: 2 cycles. Throughput: a word a cycle.

    Members
    -------
    write : In(1), word : In(bus_bits)
        A word comes; the writer makes sure that fewer than `depth` are here.
    words : Out(stream)
        The words, in order.
    """

    def __init__(self, config: BusConfig, depth: int):
        self._config, self._depth = config, depth
        members = {"write": In(1), "word": In(config.bus_bits), "words": Out(stream.Signature(config.bus_bits))}
        super().__init__(members, module=f"{config.name}_queue_{depth}")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = cells = memory.Memory(shape=self._config.bus_bits, depth=self._depth, init=[])
        read, write = cells.read_port(), cells.write_port()
        # The memory alone is never full: one word leaves it at once.
        oldest, newest = (Signal(range(self._depth), name=name) for name in ("oldest", "newest"))
        fetch = Signal()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(newest),
            write.data.eq(self.word),
            fetch.eq((oldest != newest) & (~self.words.valid | self.words.ready)),
            read.en.eq(fetch),
            read.addr.eq(oldest),
            self.words.payload.eq(read.data),
        ]
        m.d.sync += [
            newest.eq(newest + self.write),
            oldest.eq(oldest + fetch),
            self.words.valid.eq(fetch | (self.words.valid & ~self.words.ready)),
        ]
        return m
