"""The operand of a beat: the sum over its lanes, of words of one signed power of two."""

from collections.abc import Sequence

from amaranth import Module, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import AdderTree, Term
from hw.array.lane import Decoded, Lane, make_lane
from hw.array.product import sum_limits
from hw.array.registers import Registers
from hw.component import Component
from hw.config import ArrayConfig, BaseArrayConfig
from hw.pipeline import Schedule

Operands = type[Component]
"""The class of an operand part: made with the array's configuration, with the members :func:`operand_members`."""


def operand_members(config: BaseArrayConfig, low: int, high: int) -> dict[str, wiring.Member]:
    """The members of every operand part, whatever its numbers; values are from `low` to `high`.

    Members
    -------
    enable : In(1)
        Everything moves.
    bubble : In(1)
        What enters the last registers is no beat, and its carry becomes 0: of what is unknown, this alone could count.
    words : In(lanes * bits), acts : In(pixels * lanes * act_bits)
        A beat. The activation of a lane comes `skew` enabled cycles after its word.
    values : Out(array of signed), carry : Out(1)
        The operand of each pixel is ``values[pixel] + carry``.
    """
    width = Shape.cast(range(low, high + 1)).width
    return {
        "enable": In(1),
        "bubble": In(1),
        "words": In(config.words_per_beat // config.pe * config.format.bits),
        "acts": In(config.acts_per_beat * config.format.act_bits),
        "values": Out(data.ArrayLayout(signed(width), config.pixels)),
        "carry": Out(1),
    }


def word_of_lane(registers: Registers, words: Value, config: BaseArrayConfig, lane: int) -> Value:
    """The word of a lane, delayed by its skew."""
    word = words.word_select(lane, config.format.bits)
    return registers.delay(f"word{lane}", word, config.schedule.skew(lane))


def acts_of_lane(acts: Value, config: BaseArrayConfig, lane: int) -> list[Value]:
    """The activation of a lane, of each pixel; signed or not, as the format says."""
    bits = config.format.act_bits
    fields = [acts.word_select(pixel * config.lanes + lane, bits) for pixel in range(config.pixels)]
    return [field.as_signed() if config.format.act_signed else field for field in fields]


def sum_of_lanes(adders: AdderTree, schedule: Schedule, products: Sequence[Term]) -> Term:
    """The sum of all products, in chains and then a tree."""
    chains = [
        adders.chain(index, [products[lane] for lane in lanes], schedule.first_level(lanes))
        for index, lanes in enumerate(schedule.chains)
    ]
    # Without registers behind the lanes, the tree's first adders take in a lane's last step.
    return adders.tree(chains, schedule.chain_levels + 1, logic=not schedule.registered(0))


def drive(m: Module, operand: Component, total: Term, *, clear_carry: bool) -> None:
    """`total` is the operand of each pixel. `clear_carry`: its carry is a register, or constant; a bubble clears it."""
    m.d.comb += [operand.carry.eq(total.carry), *(o.eq(i) for o, i in zip(operand.values, total.values, strict=True))]
    if clear_carry and isinstance(total.carry, Signal):
        with m.If(operand.bubble):
            m.d.sync += total.carry.eq(0)


class Operand(Component):
    """Sum of ``term(words[l]) * acts[l]`` over the lanes, for each pixel.

    Pixels have products and adders each; they share words, decoded, and control.

    Latency: ``config.schedule.stages`` enabled cycles, less 1 if buffered. Throughput: a beat each cycle.

    Members
    -------
    As :func:`operand_members`.
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        self._lanes = [make_lane(config.format, config, index) for index in range(config.lanes)]
        limits = sum_limits(config.format, config.format.term_max, config.lanes)
        members = operand_members(config, *limits)
        super().__init__(members, module=f"{config.name}_operand", clocked=config.schedule.registered(0))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = Registers(m, self.enable)
        products = [
            lane.product(registers, f"{index}", self._decoded(registers, platform, lane, index))
            for index, lane in enumerate(self._lanes)
        ]
        schedule = self._config.schedule
        total = sum_of_lanes(AdderTree(registers, schedule.registered), schedule, products)
        drive(m, self, total, clear_carry=schedule.registered(0))
        return m

    def _decoded(self, registers: Registers, platform: object, lane: Lane, index: int) -> Decoded:
        word = word_of_lane(registers, self.words, self._config, index)
        return lane.decode(registers, platform, f"{index}", word, acts_of_lane(self.acts, self._config, index))
