"""Control of an array whose PEs have one accumulator for each pixel."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.beat import BEAT
from hw.component import Component
from hw.config import BaseArrayConfig

PE_CONTROL = wiring.Signature(
    {
        "enable_next": Out(1),
        "beat_next": Out(BEAT),
        "bubble": Out(1),
        "valid": Out(1),
        "ready": Out(1),
    }
)
"""What such PEs are told: whether lanes and adders move in the next cycle; the beat whose operand is accumulated then;
that what enters the operand's last registers is no beat; `valid` and `ready` of the sums."""


class Control(Component):
    """Follows the beats through the pipeline, and stalls it while complete sums have nowhere to go.

    The only event that is not known a cycle ahead is a consumer that does not take a sum. One more sum can be completed
    meanwhile and stay in the accumulators; from the next cycle on the pipeline is stalled.

    Latency: a beat that enters in one cycle is `beat_next` ``config.schedule.stages`` enabled cycles later.

    Members
    -------
    beat, beat_next : In(BEAT)
        The beat that the input registers hand over in this cycle; in the next one.
    ready : In(1), valid : Out(1)
        Of the sums.
    enable, enable_next : Out(1)
        The pipeline moves in this cycle; in the next one.
    pe : Out(PE_CONTROL)
        For all PEs.
    """

    PE = PE_CONTROL

    def __init__(self, config: BaseArrayConfig):
        self._stages = config.schedule.stages
        members = {
            "beat": In(BEAT),
            "beat_next": In(BEAT),
            "ready": In(1),
            "valid": Out(1),
            "enable": Out(1),
            "enable_next": Out(1),
            "pe": Out(PE_CONTROL),
        }
        super().__init__(members, module=f"{config.name}_control")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        waiting = Signal()
        complete = Signal()
        ends = Signal()
        # Kept as it enables registers: of its complement synthesis makes an inverter before each of them.
        enable = Signal(init=1)
        # While the pipeline is stalled, the accumulators hold complete sums.
        m.d.comb += [
            waiting.eq(self.valid & ~self.ready),
            complete.eq(ends | ~enable),
            self.enable.eq(enable),
            self.enable_next.eq(~(complete & waiting)),
            self.pe.enable_next.eq(self.enable_next),
            self.pe.valid.eq(self.valid),
            self.pe.ready.eq(self.ready),
        ]
        m.d.sync += [
            enable.eq(self.enable_next),
            self.valid.eq(complete | waiting),
            ends.eq(self.pe.beat_next.ends),
        ]
        self._follow(m)
        return m

    def _follow(self, m: Module) -> None:
        """The beat whose operand is accumulated in the next cycle: none if the pipeline is stalled then."""
        # With nothing between inputs and accumulators: the inputs hand over nothing while the pipeline is stalled.
        if not self._stages:
            m.d.comb += self.pe.beat_next.eq(self.beat_next)
            return
        beats = delay_beat(m, self.beat, self._stages, self.enable)
        m.d.comb += [
            self.pe.beat_next.eq(Mux(self.enable_next, Mux(self.enable, beats[-2], beats[-1]), 0)),
            self.pe.bubble.eq(self.enable & ~beats[-2].valid),
        ]


def delay_beat(m: Module, beat: data.View, cycles: int, enable: Signal) -> list[data.View]:
    """`beat`, and as it was 1, 2, ... `cycles` enabled cycles ago; none of them is there after reset."""
    beats = [beat]
    for index in range(cycles):
        held = Signal(BEAT, name=f"beat{index}")
        with m.If(enable):
            m.d.sync += held.eq(beats[-1])
        beats.append(held)
    return beats
