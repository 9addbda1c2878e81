"""A processing element: one output channel."""

from amaranth import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.accumulator import Accumulator
from hw.array.operand import Operands
from hw.array.ping_pong_accumulator import PingPongAccumulator
from hw.component import Component, instantiate
from hw.config import BaseArrayConfig


class PE(Component):
    """An operand part, which sums ``weight * activation`` over the lanes, and an accumulator part behind it.

    Latency: ``config.latency_cycles`` less that of the input registers. Throughput: a beat each cycle.

    Members
    -------
    words : In(lanes * bits), acts : In(pixels * lanes * act_bits)
        A beat, packed as in the streams' payloads; the activation of a lane comes ``skew`` enabled cycles later.
    control : In
        What the accumulator part is told, ``CONTROL`` of its class.
    sums : Out(pixels * acc_bits)
        A complete sum of each pixel while the array's sums are valid.
    """

    # As long as each PE stays a module, the equal control registers of all PEs stay apart.
    keep_hierarchy = True

    def __init__(self, config: BaseArrayConfig, operand: Operands):
        self._config = config
        self._operand = operand
        self._accumulator = PingPongAccumulator if config.buffered else Accumulator
        members = {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.acts_per_beat * config.format.act_bits),
            "control": In(self._accumulator.CONTROL),
            "sums": Out(config.pixels * config.acc_bits),
        }
        super().__init__(members, module=f"{config.name}_pe")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operand = instantiate(m, platform, "operands", self._operand, self._config)
        bits = operand.values.shape().elem_shape.width
        accumulator = instantiate(m, platform, "accumulators", self._accumulator, self._config, bits)
        connect(m, flipped(self.control), accumulator.control)
        m.d.comb += [
            operand.enable.eq(accumulator.enable),
            operand.bubble.eq(accumulator.bubble),
            operand.words.eq(self.words),
            operand.acts.eq(self.acts),
            accumulator.values.eq(operand.values),
            accumulator.carry.eq(operand.carry),
            self.sums.eq(accumulator.sums),
        ]
        return m
