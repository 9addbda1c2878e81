"""Integer multiplier lanes: the product left to synthesis, or written as rows of partial products."""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth import Cat, Module, Mux, Shape, Signal, Value

from hw.array.adder_tree import Term, add, pixel_name
from hw.array.operand import drive, operand_members
from hw.baseline.operand import NO_CARRY, LaneInputs, with_sign
from hw.component import Component
from hw.config import BaseArrayConfig


class Rows(NamedTuple):
    """Partial products ``(value + carry) * 2^place``, one for each pixel."""

    values: Sequence[Value]
    carry: Value
    place: int


class IntegerOperand(Component):
    """Sum of the products of all lanes, in a tree.

    Members
    -------
    As :func:`operand_members`.
    """

    logic = False  # a lane's product is a function of registers, as in ``add``

    def __init__(self, config: BaseArrayConfig):
        self._config = config
        low, high = self.lane_limits
        sums = config.lanes * low, config.lanes * high + config.lanes - 1
        members = operand_members(config, *sums)
        super().__init__(members, module=f"{config.name}_operand", clocked=config.schedule.registered(0))

    @property
    def lane_limits(self) -> tuple[int, int]:
        """Smallest and largest product of a lane."""
        fmt = self._config.format
        half = 1 << (fmt.bits - 1)
        products = [act * weight for act in (fmt.act_min, fmt.act_max) for weight in (-half, half - 1)]
        return min(products), max(products)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = LaneInputs(m, self, self._config)
        terms = [self.lane(inputs, lane) for lane in range(self._config.lanes)]
        drive(m, self, inputs.adders().tree(terms, logic=self.logic), clear_carry=self._config.schedule.registered(0))
        return m

    def lane(self, inputs: LaneInputs, lane: int) -> Term:
        """The product of a lane, for each pixel."""
        raise NotImplementedError


class ProductOperand(IntegerOperand):
    """Sum over lanes that are one multiplication each, for synthesis to map as it does best."""

    def lane(self, inputs: LaneInputs, lane: int) -> Term:
        low, high = self.lane_limits
        code, products = inputs.code(lane), []
        for pixel, act in enumerate(inputs.acts(lane)):
            product = Signal(Shape.cast(range(low, high + 1)), name=pixel_name(f"product{lane}", pixel))
            inputs.m.d.comb += product.eq(act * code.as_signed())
            products.append(product)
        return Term(inputs.held_pixels(f"held{lane}", products), NO_CARRY, low, high)


class RowsOperand(IntegerOperand):
    """Sum over lanes that add up partial products on carry chains, one row for each bit of the weight, lowest first.

    A row is the activation or 0; the registers that follow the lanes hold the rows, and 0 is their reset.
    """

    def lane(self, inputs: LaneInputs, lane: int) -> Term:
        """The products as a chain of sums."""
        code, acts = inputs.code(lane), inputs.acts(lane)
        top = len(code) - 1
        totals = inputs.held_pixels(f"row{lane}_0", acts, code[0])
        for place in range(1, top + 1):
            # The top bit counts negative: the complement of the activation, and a carry.
            rows = [~with_sign(act) if place == top else act for act in acts]
            held = inputs.held_pixels(f"row{lane}_{place}", rows, code[place])
            carry = inputs.held(f"carry{lane}", code[place]) if place == top else NO_CARRY
            totals = add_rows(inputs.m, f"{lane}", totals, Rows(held, carry, place), logic=False)
        return whole(totals, self.lane_limits)


class BoothOperand(IntegerOperand):
    """Sum over lanes whose rows are Booth's digits, which a six-input LUT takes in with the sum.

    The lowest bits, one or two as the width is odd or even, are rows of one bit each.
    """

    def lane(self, inputs: LaneInputs, lane: int) -> Term:
        """The products as a chain of sums."""
        code, acts = inputs.code(lane), inputs.acts(lane)
        totals = inputs.held_pixels(f"row{lane}_0", acts, code[0])
        acts, code = inputs.held_pixels(f"act{lane}", acts), inputs.held(f"code{lane}_held", code)
        first = 1
        if len(code) % 2 == 0:
            rows: list[Value] = [Mux(code[1], act, 0) for act in acts]
            totals, first = add_rows(inputs.m, f"{lane}", totals, Rows(rows, NO_CARRY, 1), logic=True), 2
        for place in range(first, len(code), 2):
            below = code[place - 1] if place > first else NO_CARRY
            rows = booth_rows(inputs.m, f"digit{lane}_{place}", acts, code[place : place + 2], below)
            totals = add_rows(inputs.m, f"{lane}", totals, Rows(rows, code[place + 1], place), logic=True)
        return whole(totals, self.lane_limits)


class DigitOperand(IntegerOperand):
    """Sum over lanes of 2-bit weights, one Booth digit each: of each pair the first is complete when registered."""

    logic = True

    @property
    def lane_limits(self) -> tuple[int, int]:
        low, high = super().lane_limits
        return min(low, ~high), max(high, ~low)

    def lane(self, inputs: LaneInputs, lane: int) -> Term:
        code, acts = inputs.code(lane), inputs.acts(lane)
        if lane % 2:
            acts, code = inputs.held_pixels(f"act{lane}", acts), inputs.held(f"code{lane}_held", code)
        rows = booth_rows(inputs.m, f"digit{lane}", acts, code, NO_CARRY)
        carry = code[1]
        if lane % 2 == 0:
            rows, carry = inputs.held_pixels(f"row{lane}", rows), inputs.held(f"carry{lane}", carry)
        return Term(rows, carry, *self.lane_limits)


def booth_rows(m: Module, name: str, acts: Sequence[Value], pair: Value, below: Value) -> list[Value]:
    """``(pair[0] - 2 * pair[1] + below) * act`` for each pixel, short by 1 where pair[1] is 1."""
    one, two = pair[0] ^ below, Mux(pair[1], ~pair[0] & ~below, pair[0] & below)
    rows: list[Value] = []
    for pixel, act in enumerate(map(with_sign, acts)):
        row = Signal(Shape(len(act) + 1, signed=True), name=pixel_name(name, pixel))
        magnitude = Mux(one, act, Mux(two, act.shift_left(1), 0))
        m.d.comb += row.eq(magnitude ^ pair[1].replicate(len(row)).as_signed())
        rows.append(row)
    return rows


def add_rows(m: Module, name: str, totals: Sequence[Value], rows: Rows, *, logic: bool) -> list[Value]:
    """The totals of all pixels, each with its row added: the places below the row's pass."""
    values, carry, place = rows
    sums: list[Value] = []
    for pixel, (total, row) in enumerate(zip(map(with_sign, totals), map(with_sign, values), strict=True)):
        width = max(len(total) - place, len(row)) + 1
        high = Signal(Shape(width, signed=True), name=pixel_name(f"sum{name}_{place}", pixel))
        m.d.comb += add(high, total[place:].as_signed(), row, carry, logic=logic)
        sums.append(Cat(total[:place], high).as_signed())
    return sums


def whole(totals: Sequence[Value], limits: tuple[int, int]) -> Term:
    """The sums of all rows, without the bits that no product needs."""
    low, high = limits
    width = Shape.cast(range(low, high + 1)).width
    return Term([total[:width].as_signed() for total in totals], NO_CARRY, low, high)
