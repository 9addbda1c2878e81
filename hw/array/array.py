"""The array: three streams, one control, `pe` processing elements in step."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib.wiring import connect, flipped

from hw.array.alignment import Alignment
from hw.array.control import Control
from hw.array.operand import Operand, Operands
from hw.array.pe import PE
from hw.array.ping_pong_control import PingPongControl
from hw.array.registers import Registers
from hw.component import Component, instantiate
from hw.config import BaseArrayConfig
from hw.layouts import array_signature


class Array(Component):
    """Shift-accumulate array that runs one-word and two-word tiles by their flags.

    Every output is a register, the ready signals too; if buffered, a sum is selected from two.

    Latency: ``config.latency_cycles``. Throughput: one `tiles` beat per cycle, across dot products too.

    Parameters
    ----------
    operand : type
        The part of each PE that sums up its lanes.
    own : int
        Lanes of each PE whose activations are its own; see :func:`acts_layout`. One pixel alone may have such.

    Members
    -------
    tiles : In(stream)
        Payload ``tiles_layout``; a tile with ``two_word`` = 1 is followed by its residual words, flags ignored.
    acts : In(stream)
        Payload ``acts_layout``; one beat serves a whole tile.
    sums : Out(stream)
        Payload ``sums_layout``; one beat for each tile with ``last`` = 1.
    """

    def __init__(self, config: BaseArrayConfig, operand: Operands = Operand, own: int = 0):
        self._config = config
        self._operand = operand
        self._own = own
        self._control = PingPongControl if config.buffered else Control
        super().__init__(array_signature(config, own), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        alignment = instantiate(m, platform, "alignment", Alignment, config, self._own)
        control = instantiate(m, platform, "control", self._control, config)
        connect(m, flipped(self.tiles), alignment.tiles)
        connect(m, flipped(self.acts), alignment.acts)
        m.d.comb += [
            alignment.enable_next.eq(control.enable_next),
            control.beat.eq(alignment.beat),
            control.beat_next.eq(alignment.beat_next),
            control.ready.eq(self.sums.ready),
            self.sums.valid.eq(control.valid),
        ]
        registers = Registers(m, control.enable)
        acts = self._skewed(registers, alignment.activations)
        pes = [instantiate(m, platform, f"pe{index}", PE, config, self._operand) for index in range(config.pe)]
        connect(m, control.pe, *(pe.control for pe in pes))
        for index, pe in enumerate(pes):
            m.d.comb += [
                pe.words.eq(alignment.words.word_select(index, config.lanes * config.format.bits)),
                pe.acts.eq(Cat(self._acts_of(registers, alignment.activations, index, acts))),
            ]
            for pixel in range(config.pixels):
                total = pe.sums.word_select(pixel, config.acc_bits)
                m.d.comb += self.sums.payload[pixel * config.pe + index].eq(total)
        return m

    def _skewed(self, registers: Registers, acts: Signal) -> list[Value]:
        """The activations that all PEs share, each delayed by the skew of its lane."""
        config, bits = self._config, self._config.format.act_bits
        return [
            registers.delay(f"act{index}", acts.word_select(index, bits), config.schedule.skew(index % config.lanes))
            for index in range(config.acts_per_beat)
        ]

    def _acts_of(self, registers: Registers, acts: Signal, pe: int, shared: list[Value]) -> list[Value]:
        """The activations of a PE: those that all share, but for its own ones."""
        config, own = self._config, self._own
        found = list(shared)
        for number in range(1, own + 1):
            lane = config.own_lane(pe, number)
            act = acts.word_select(config.acts_per_beat + pe * own + number - 1, config.format.act_bits)
            found[lane] = registers.delay(f"own{pe}_{number}", act, config.schedule.skew(lane))
        return found
