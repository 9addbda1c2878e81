"""Control of an array whose PEs have ping-pong accumulators."""

from amaranth import Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.array.beat import BEAT
from hw.array.control import delay_beat
from hw.array.ping_pong import PingPong
from hw.component import Component, instantiate
from hw.config import BaseArrayConfig

PE_CONTROL = wiring.Signature({"beat": Out(BEAT), "ready": Out(1)})
"""What such PEs are told: the beat whose operand is two registers before the accumulators; `ready` of the sums."""


class PingPongControl(Component):
    """Follows the beats through the pipeline, with the same :class:`PingPong` as all PEs, in step with theirs.

    A third sum can be completed while the first one waits for the consumer; two cycles later the pipeline is stalled.

    Members
    -------
    As those of :class:`hw.array.control.Control`, but `pe` : Out(PE_CONTROL) of this file.
    """

    PE = PE_CONTROL

    def __init__(self, config: BaseArrayConfig):
        self._config = config
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
        ping_pong = instantiate(m, platform, "ping_pong", PingPong, self._config.name)
        beat = delay_beat(m, self.beat, self._config.schedule.stages - 2, self.enable)[-1]
        ends = Signal()
        with m.If(self.enable):
            m.d.sync += ends.eq(beat.ends)
        m.d.comb += [
            ping_pong.reset.eq(ResetSignal()),
            ping_pong.ends.eq(ends),
            ping_pong.ready.eq(self.ready),
            self.valid.eq(ping_pong.valid),
            self.enable.eq(ping_pong.enable),
            self.enable_next.eq(ping_pong.enable_next),
            self.pe.beat.eq(beat),
            self.pe.ready.eq(self.ready),
        ]
        return m
