"""The array: three streams, one control, `pe` processing elements in step."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import connect, flipped

from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place
from hw.join import BEAT, join_signature
from hw.layouts import array_signature
from hw.pe import pe_signature


class Array(Component):
    """Shift-accumulate array that runs one-word and two-word tiles by their flags.

    Every output is a register, the ready signals too. The only event that is not known a cycle ahead is a consumer
    that leaves a sum waiting while the next one is completed: that one stays in the accumulators, and from the next
    cycle on all before them stands still.

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
        finish = Signal()
        m.d.sync += advance.eq(advance_next)

        config = self._config
        join = place(m, "join", f"{config.name}_join", join_signature(config))
        connect(m, flipped(self.tiles), join.tiles)
        connect(m, flipped(self.acts), join.acts)
        m.d.comb += join.advance_next.eq(advance_next)

        operand_next = self._operand_next(m, join, advance, advance_next)
        ends = Signal()
        m.d.sync += ends.eq(operand_next.ends)
        # While nothing advances, the accumulators hold a complete sum.
        complete = ends | ~advance
        waiting = self.sums.valid & ~self.sums.ready
        m.d.comb += [
            advance_next.eq(~(complete & waiting)),
            finish.eq(complete & ~waiting),
        ]
        m.d.sync += self.sums.valid.eq(complete | waiting)

        for index in range(config.pe):
            pe = place(m, f"pe{index}", f"{config.name}_pe", pe_signature(config))
            m.d.comb += [
                pe.words.eq(join.words.word_select(index, config.lanes * config.format.bits)),
                pe.acts.eq(join.acts_held),
                pe.advance_next.eq(advance_next),
                pe.coarse_next.eq(operand_next.coarse),
                pe.fine_next.eq(operand_next.fine),
                pe.finish.eq(finish),
                self.sums.payload[index].eq(pe.sum),
            ]
        return m

    def _operand_next(self, m: Module, join: Any, advance: Signal, advance_next: Signal) -> data.View:
        """The beat whose operand is accumulated in the next cycle: none while nothing advances."""
        # With nothing between inputs and accumulators: the inputs issue nothing while nothing advances.
        if not self._config.stages:
            return join.beat_next
        beats = [join.beat]
        for index in range(self._config.stages):
            beat = Signal(BEAT, name=f"beat{index}")
            with m.If(advance):
                m.d.sync += beat.eq(beats[-1])
            beats.append(beat)
        operand_next = Signal(BEAT)
        m.d.comb += operand_next.eq(Mux(advance_next, Mux(advance, beats[-2], beats[-1]), 0))
        return operand_next
