"""The weight buffer: beats of two groups, and their flags."""

from amaranth import Cat, Module
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.registers import Registers
from hw.component import Component, instantiate
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.latency import FLAG_CYCLES, FRONT_CYCLES
from hw.engine.layouts import fill_signature
from hw.engine.store import Store


class WeightBuffer(Component):
    """Hands out the beats of a group, and their flags before: a two-word flag decides about the next address.

    Latency: flags `FLAG_CYCLES` after `entry`, words `FRONT_CYCLES` after it. Throughput: a beat a cycle.

    Members
    -------
    fill : In, two_word_in, last_in : In(1)
        What the loader writes, see :class:`Store`; the beat's flags, written with its first bus word.
    read : In(1), entry : In
        The beat to read: its index, then its half.
    two_word, last : Out(1), words : Out(beat_bits)
        The beat's flags, and its words.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        entry = range(2 * config.group_beats)
        super().__init__(
            {
                "fill": In(fill_signature(config, config.beat_bits, 2 * config.group_beats)),
                "two_word_in": In(1),
                "last_in": In(1),
                "read": In(1),
                "entry": In(entry),
                "two_word": Out(1),
                "last": Out(1),
                "words": Out(config.beat_bits),
            },
            module=f"{config.name}_weights",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        depth = 2 * config.group_beats
        store = instantiate(m, platform, "beats", Store, config, "beats", config.beat_bits, depth)
        flags = memory.Memory(shape=2, depth=depth, init=[], attrs={"ram_style": "block"})
        m.submodules.flags = flags
        write, read = flags.write_port(), flags.read_port()
        connect(m, flipped(self.fill), store.fill)
        m.d.comb += [
            Cat(store.read, store.entry).eq(later(m, "entry", Cat(self.read, self.entry), FRONT_CYCLES - 2)),
            write.addr.eq(self.fill.target),
            write.data.eq(Cat(self.two_word_in, self.last_in)),
            write.en.eq(self.fill.slot[0]),
            read.addr.eq(self.entry),
        ]
        # What leaves a block RAM is late: it is registered before anything else.
        m.d.comb += Cat(self.two_word, self.last).eq(later(m, "flags", read.data, FLAG_CYCLES - 1))
        m.d.comb += self.words.eq(Registers(m, 1).register("held", store.value))
        return m
