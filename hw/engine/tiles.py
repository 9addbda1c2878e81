"""The loader's count of a group: which tile a beat belongs to."""

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import FLAGS_PER_WORD, GROUP

AHEAD = 2


class TileCounter(Component):
    """Counts the beats and tiles of a group, and keeps the two-word flags of up to `FLAGS_PER_WORD` tiles.

    Members
    -------
    begin : In(1), tiles : In
        A group of so many tiles begins, unless it begins again in the next cycle.
    load : In(1), word : In(bus_bits)
        The next flags; several bus words, the lowest first, where one does not hold them.
    step : In(1)
        A beat is complete.
    beat : Out, two_word, last : Out(1)
        The beat's index, which stays behind the last one; its tile has two words, is the group's last one.
    refill, end : Out(1)
        It is its tile's last beat, and further flags are needed; or it is the group's last beat.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "begin": In(1),
                "tiles": In(GROUP["tiles"].bits),
                "load": In(1),
                "word": In(config.bus_bits),
                "step": In(1),
                "beat": Out(range(config.group_beats)),
                "two_word": Out(1),
                "last": Out(1),
                "refill": Out(1),
                "end": Out(1),
            },
            module=f"{config.name}_tiles",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = min(self._config.bus_bits, FLAGS_PER_WORD)
        # No group has more tiles than beats fit the weight buffer.
        flags = Signal(FLAGS_PER_WORD)
        residual = Signal()
        done = Signal()
        # The tile's index and 2 more: so whether the next tile is the last one is compared meanwhile.
        ahead = Signal(range(max(self._config.group_beats, FLAGS_PER_WORD)), init=AHEAD)
        limit = Signal.like(ahead)
        index = ahead[: (FLAGS_PER_WORD - 1).bit_length()]
        m.d.comb += [
            done.eq(residual | ~self.two_word),
            self.refill.eq(done & (index == AHEAD - 1)),
            self.end.eq(done & self.last),
        ]
        with m.If(self.step):
            m.d.sync += [self.beat.eq(self.beat + ~self.end), residual.eq(~done)]
            with m.If(done):
                m.d.sync += [ahead.eq(ahead + 1), self.last.eq(ahead == limit)]
                m.d.sync += self.two_word.eq(flags.rotate_left(AHEAD - 1).bit_select(index, 1))
        loaded = Cat(flags, self.word[:width])[width:]
        with m.If(self.load):
            m.d.sync += [flags.eq(loaded), self.two_word.eq(loaded[0])]
        with m.If(self.begin):
            m.d.sync += [self.beat.eq(0), ahead.eq(AHEAD), limit.eq(self.tiles)]
            m.d.sync += self.last.eq(self.tiles[: len(limit)] == 1)
        return m
