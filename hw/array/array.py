"""The array: three streams, one control, `pe` processing elements in step."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import connect, flipped

from hw.array.delay import delayed
from hw.array.join import BEAT, join_signature
from hw.array.pe import pe_signature
from hw.array.turns import turns_signature
from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place
from hw.layouts import array_signature


class Array(Component):
    """Shift-accumulate array that runs one-word and two-word tiles by their flags.

    Every output is a register, the ready signals too; if buffered, a sum is chosen of two. The only event that is not
    known a cycle ahead is a consumer that leaves a sum waiting: one that is completed meanwhile can stay in its
    accumulators, and from the next cycle on (if buffered, from the one after it) all before them stands still.

    Latency: ``config.latency_cycles``. Throughput: one `tiles` beat per cycle, across dot products too.

    Members
    -------
    tiles : In(stream)
        Payload ``tiles_layout``; a tile with ``two_word`` = 1 is followed by its residual words, flags ignored.
    acts : In(stream)
        Payload ``acts_layout``; one beat serves a whole tile.
    sums : Out(stream)
        Payload ``sums_layout``; one beat for each tile with ``last`` = 1.
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        super().__init__(array_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = config.format.act_bits
        advance = Signal(init=not config.buffered)
        advance_next = Signal()
        if not config.buffered:
            # Kept as it enables registers: an inverter before each of them is what synthesis makes of the complement.
            m.d.sync += advance.eq(advance_next)

        join = place(m, "join", f"{config.name}_join", join_signature(config))
        connect(m, flipped(self.tiles), join.tiles)
        connect(m, flipped(self.acts), join.acts)
        m.d.comb += join.advance_next.eq(advance_next)
        shared: dict[str, Any] = {"ready": self.sums.ready}
        if config.buffered:
            # Each PE has the same control, in step with this, and the beats of the last two stages.
            turns = place(m, "turns", f"{config.name}_turns", turns_signature())
            beat = self._beats(m, join.beat, config.stages - 2, advance)[-1]
            ends = Signal()
            with m.If(advance):
                m.d.sync += ends.eq(beat.ends)
            m.d.comb += [
                turns.ends.eq(ends),
                turns.ready.eq(self.sums.ready),
                advance.eq(turns.advance),
                advance_next.eq(turns.advance_next),
                self.sums.valid.eq(turns.valid),
            ]
            shared["beat"] = beat
        else:
            beats = self._beats(m, join.beat, config.stages, advance)
            waiting = Signal()
            m.d.comb += waiting.eq(self.sums.valid & ~self.sums.ready)
            operand_next = self._operand_next(m, join, beats, advance, advance_next)
            # While nothing advances, the accumulators hold a complete sum.
            ends = Signal()
            complete = Signal()
            m.d.sync += ends.eq(operand_next.ends)
            m.d.comb += [complete.eq(ends | ~advance), advance_next.eq(~(complete & waiting))]
            m.d.sync += self.sums.valid.eq(complete | waiting)
            shared |= {"advance_next": advance_next, "beat_next": operand_next, "valid": self.sums.valid}

        acts = Cat(
            delayed(m, f"act{i}", join.acts_held.word_select(i, bits), config.skew(i % config.lanes), advance=advance)
            for i in range(config.acts_per_beat)
        )
        for index in range(config.pe):
            pe = place(m, f"pe{index}", f"{config.name}_pe", pe_signature(config))
            m.d.comb += [
                pe.words.eq(join.words.word_select(index, config.lanes * config.format.bits)),
                pe.acts.eq(acts),
                *(getattr(pe, name).eq(value) for name, value in shared.items()),
            ]
            for pixel in range(config.pixels):
                total = pe.sums.word_select(pixel, config.acc_bits)
                m.d.comb += self.sums.payload[pixel * config.pe + index].eq(total)
        return m

    def _beats(self, m: Module, beat: data.View, stages: int, advance: Signal) -> list[data.View]:
        """The beat in the input registers, and those in the next `stages` registers."""
        beats = [beat]
        for index in range(stages):
            held = Signal(BEAT, name=f"beat{index}")
            with m.If(advance):
                m.d.sync += held.eq(beats[-1])
            beats.append(held)
        return beats

    def _operand_next(
        self, m: Module, join: Any, beats: list[data.View], advance: Signal, advance_next: Signal
    ) -> data.View:
        """The beat that is accumulated in the next cycle: none if nothing advances then."""
        # With nothing between inputs and accumulators: the inputs issue nothing while nothing advances.
        if not self._config.stages:
            return join.beat_next
        beat = Signal(BEAT, name="operand_next")
        m.d.comb += beat.eq(Mux(advance_next, Mux(advance, beats[-2], beats[-1]), 0))
        return beat
