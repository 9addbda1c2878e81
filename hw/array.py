"""The array: three streams, one control, `pe` processing elements in step."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import connect, flipped

from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place
from hw.join import join_signature
from hw.layouts import array_signature
from hw.pe import pe_signature

# What control knows of a beat on its way through the adder trees; `ends` implies `valid`.
BEAT = data.StructLayout({"valid": 1, "coarse": 1, "ends": 1})


class Array(Component):
    """Shift-accumulate array that runs one-word and two-word tiles by their flags.

    Every output is a register, the ready signals too. The only event that is not known a cycle ahead is a consumer
    that leaves a sum waiting while the next one arrives; one spill register behind each adder tree absorbs it.

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
        # Kept as it enables registers: an inverter before each of them is what synthesis makes of the complement.
        advance = Signal(init=1)
        advance_next = Signal()
        take = Signal()
        finish = Signal()
        m.d.sync += advance.eq(advance_next)

        config = self._config
        join = place(m, "join", f"{config.name}_join", join_signature(config))
        connect(m, flipped(self.tiles), join.tiles)
        connect(m, flipped(self.acts), join.acts)
        m.d.comb += join.advance_next.eq(advance_next)

        beat = self._beat_at_operand(m, join, advance)
        # A sum that nobody has taken yet blocks the beat that would complete the next one.
        waiting = self.sums.valid & ~self.sums.ready
        m.d.comb += [
            advance_next.eq(~(beat.ends & waiting)),
            take.eq(beat.valid & advance_next),
            finish.eq(beat.ends & ~waiting),
        ]
        m.d.sync += self.sums.valid.eq(beat.ends | waiting)

        for index in range(config.pe):
            pe = place(m, f"pe{index}", f"{config.name}_pe", pe_signature(config))
            m.d.comb += [
                pe.words.eq(join.words.word_select(index, config.lanes * config.format.bits)),
                pe.acts.eq(join.acts_held),
                pe.advance.eq(advance),
                pe.coarse.eq(beat.coarse),
                pe.take.eq(take),
                pe.finish.eq(finish),
                self.sums.payload[index].eq(pe.sum),
            ]
        return m

    def _beat_at_operand(self, m: Module, join: Any, advance: Signal) -> data.View:
        """The control of the operand that the PEs see: delayed as by their adder trees, then spilled as they spill."""
        beat = Signal(BEAT)
        m.d.comb += [beat.valid.eq(join.issue), beat.coarse.eq(join.coarse), beat.ends.eq(join.ends)]
        stages = [Signal(BEAT, name=f"beat{i}") for i in range(1 + self._config.tree_levels)]
        kept = Signal(BEAT)
        operand = Signal(BEAT)
        with m.If(advance):
            for stage in [*stages, kept]:
                m.d.sync += stage.eq(beat)
                beat = stage
        m.d.comb += operand.eq(Mux(advance, stages[-1], kept))
        return operand
