"""Lanes that multiply by both words of a weight at once: two shifters each, every tile one beat."""

from amaranth import Cat, Module

from hw.array.adder_tree import AdderTree, Term, add_terms, register_term
from hw.array.lane import make_lane
from hw.array.operand import acts_of_lane, drive, operand_members, sum_of_lanes, word_of_lane
from hw.array.product import sum_limits
from hw.array.registers import Registers
from hw.baseline.config import BaselineConfig
from hw.component import Component
from sw_ref.baseline import TwoWordFormat


class TwoWordOperand(Component):
    """Sums first words and residual words in a tree each, which stay as narrow as they can, and adds both sums.

    Members
    -------
    As :func:`operand_members`.
    """

    def __init__(self, config: BaselineConfig):
        self._config = config
        self._word = word = config.format_as(TwoWordFormat).word
        self._lanes = [make_lane(word, config, index) for index in range(config.lanes)]
        low, high = sum_limits(word, word.term_max, config.lanes)
        first_low, first_high = scaled_limits(low, high, word.residual_shift)
        members = operand_members(config, low + first_low, high + first_high + 1)
        super().__init__(members, module=f"{config.name}_operand", clocked=config.schedule.registered(0))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shift = self._word.residual_shift
        registers = Registers(m, self.enable)
        first, residual = (self._sum(registers, platform, half) for half in (0, 1))
        scaled = Term(
            [Cat(first.carry.replicate(shift), value).as_signed() for value in first.values],
            first.carry,
            *scaled_limits(first.low, first.high, shift),
        )
        operand = add_terms(m, "both", residual, scaled, logic=False)
        # Where a register follows the sums, both are added before it.
        if self._last_level_registered:
            operand = register_term(registers, "operand", operand)
        drive(m, self, operand, clear_carry=self._config.schedule.registered(0))
        return m

    @property
    def _last_level_registered(self) -> bool:
        schedule = self._config.schedule
        return schedule.adder_levels > 0 and schedule.registered(schedule.adder_levels)

    def _sum(self, registers: Registers, platform: object, half: int) -> Term:
        """The sum of all lanes' words of one half of their codes."""
        config, schedule, bits = self._config, self._config.schedule, self._word.bits
        products = []
        for index, lane in enumerate(self._lanes):
            word = word_of_lane(registers, self.words, config, index).word_select(half, bits)
            name = f"{index}_{half}"
            decoded = lane.decode(registers, platform, name, word, acts_of_lane(self.acts, config, index))
            products.append(lane.product(registers, name, decoded))
        top = schedule.adder_levels
        adders = AdderTree(registers, lambda level: level < top and schedule.registered(level), f"_{half}")
        return sum_of_lanes(adders, schedule, products)


def scaled_limits(low: int, high: int, shift: int) -> tuple[int, int]:
    """Smallest and largest value of a first word's sum at its place."""
    return low << shift, ((high + 1) << shift) - 1
