"""The array: three streams, one control, `pe` processing elements in step."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import connect, flipped

from hw.component import Component
from hw.config import ArrayConfig
from hw.delay import delayed
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
        m.d.sync += advance.eq(advance_next)

        config = self._config
        bits = config.format.act_bits
        join = place(m, "join", f"{config.name}_join", join_signature(config))
        connect(m, flipped(self.tiles), join.tiles)
        connect(m, flipped(self.acts), join.acts)
        m.d.comb += join.advance_next.eq(advance_next)

        beats_next = self._beats_next(m, join, advance, advance_next)
        ends = Signal()
        m.d.sync += ends.eq(beats_next[-1].ends)
        waiting = Signal()
        m.d.comb += waiting.eq(self.sums.valid & ~self.sums.ready)
        control: dict[str, Value] = {
            "advance_next": advance_next,
            "accumulate_next": beats_next[0].valid,
            "coarse_next": beats_next[0].coarse,
            "ends_next": beats_next[-1].ends,
            "valid": self.sums.valid,
            "ready": self.sums.ready,
        }
        if config.buffered:
            # What happens where complete sums wait. The first place gets a sum without regard to whether it can.
            first = Signal()
            m.d.comb += advance_next.eq(~(waiting & (~advance | (ends & first))))
            m.d.sync += [first.eq(ends | ~advance | (waiting & first)), self.sums.valid.eq(waiting | first)]
        else:
            # While nothing advances, the accumulators hold a complete sum.
            complete = Signal()
            m.d.comb += [complete.eq(ends | ~advance), advance_next.eq(~(complete & waiting))]
            m.d.sync += self.sums.valid.eq(complete | waiting)
        shared = {name: Signal(name=name) for name in control if name != "advance_next"}
        m.d.comb += [signal.eq(control[name]) for name, signal in shared.items()]
        shared["advance_next"] = advance_next

        acts = Cat(
            delayed(m, f"act{lane}", join.acts_held.word_select(lane, bits), config.skew(lane), advance=advance)
            for lane in range(config.lanes)
        )
        for index in range(config.pe):
            pe = place(m, f"pe{index}", f"{config.name}_pe", pe_signature(config))
            m.d.comb += [
                pe.words.eq(join.words.word_select(index, config.lanes * config.format.bits)),
                pe.acts.eq(acts),
                *(getattr(pe, name).eq(signal) for name, signal in shared.items()),
                self.sums.payload[index].eq(pe.sum),
            ]
        return m

    def _beats_next(self, m: Module, join: Any, advance: Signal, advance_next: Signal) -> list[data.View]:
        """The beats whose operand the adders hold in the next cycle, and, if buffered, the operands' register.

        None, the latter, while nothing advances.
        """
        # With nothing between inputs and accumulators: the inputs issue nothing while nothing advances.
        if not self._config.stages:
            return [join.beat_next]
        beats = [join.beat]
        for index in range(self._config.stages + self._config.buffered):
            beat = Signal(BEAT, name=f"beat{index}")
            with m.If(advance):
                m.d.sync += beat.eq(beats[-1])
            beats.append(beat)

        def after(index: int, name: str, *, issued: bool) -> data.View:
            """What the register of a beat holds in the next cycle; if `issued`, nothing unless all advances then."""
            beat = Signal(BEAT, name=name)
            moved = Mux(advance, beats[index - 1], beats[index])
            m.d.comb += beat.eq(Mux(advance_next, moved, 0) if issued else moved)
            return beat

        if not self._config.buffered:
            return [after(-1, "operand_next", issued=True)]
        return [after(-2, "sum_next", issued=False), after(-1, "operand_next", issued=True)]
