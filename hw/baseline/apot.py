"""APoT lanes: a sign over a sum of one or two shifted activations."""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from hw.array.adder_tree import Term, add, pixel_name, resize
from hw.array.operand import drive, operand_members, sum_of_lanes
from hw.array.product import Option, combinational_product, product_limits, registered_product, selected_product
from hw.array.product import sum_limits as product_sum_limits
from hw.array.registers import Registers
from hw.baseline.config import BaselineConfig
from hw.baseline.operand import LaneInputs, with_sign
from hw.component import Component
from sw_ref.baseline import ApotFormat


def selected_term(m: Module, name: str, fmt: ApotFormat, acts: Sequence[Value], index: Value) -> list[Value]:
    """The activation of each pixel at the place of one of the first set's terms, or 0."""
    selected: list[Value] = []
    for pixel, act in enumerate(acts):
        one, two, three = (act.shift_left(place) for place in fmt.places)
        value = Signal(three.shape(), name=pixel_name(name, pixel))
        m.d.comb += value.eq(Mux(index[1], Mux(index[0], three, two), Mux(index[0], one, 0)))
        selected.append(value)
    return selected


class OneTermOperand(Component):
    """Sum over lanes of one term each (3 bits): in chains, as those of STLQ words.

    Members
    -------
    As :func:`operand_members`.
    """

    def __init__(self, config: BaselineConfig):
        self._config = config
        self._format = config.format_as(ApotFormat)
        largest = self._format.weight_max
        self._limits = product_limits(self._format, largest)
        members = operand_members(config, *product_sum_limits(self._format, largest, config.lanes))
        super().__init__(members, module=f"{config.name}_operand", clocked=config.schedule.registered(0))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = LaneInputs(m, self, self._config)
        products = [self._product(inputs, lane) for lane in range(self._config.lanes)]
        drive(
            m,
            self,
            sum_of_lanes(inputs.adders(), self._config.schedule, products),
            clear_carry=self._config.schedule.registered(0),
        )
        return m

    def _product(self, inputs: LaneInputs, lane: int) -> Term:
        code, acts = inputs.code(lane), inputs.acts(lane)
        schedule, name = self._config.schedule, f"{lane}"
        if schedule.first_of_chain(lane) or self._config.choices == 1:
            magnitudes = selected_term(inputs.m, f"first{lane}", self._format, acts, code[:2])
            if not schedule.registered(0):
                return combinational_product(self._limits, magnitudes, Const(0), code[-1])
            return registered_product(inputs.registers, name, self._limits, magnitudes, Const(0), code[-1])
        options = [Option(acts, place) for place in self._format.places]
        cleared = Cat(code[:2] != term for term in range(1, len(options) + 1))
        return selected_product(inputs.registers, name, self._limits, options, cleared, code[-1])


class Factored(NamedTuple):
    """For each pixel the number ``-value`` if `sign`, else ``value``, which is from `low` to `high`."""

    values: Sequence[Value]
    sign: Value
    low: int
    high: int


class TwoTermOperand(Component):
    """Sum over lanes of two terms each (4 bits), of numbers whose signs stand aside.

    A pair keeps the sign of its first number, and no lane negates: x and y of signs s and t are ``x + y`` or ``x - y``
    under s, by one carry chain with the exclusive or before y in its LUTs. The last sign is taken in where the operand
    meets the accumulator.

    Members
    -------
    As :func:`operand_members`.
    """

    def __init__(self, config: BaselineConfig):
        self._config = config
        self._format = config.format_as(ApotFormat)
        fmt, largest = self._format, self._format.weight_max
        self._limits = fmt.act_min * largest, fmt.act_max * largest
        members = operand_members(config, *signed_limits(*sum_limits(config.lanes, *self._limits)))
        super().__init__(members, module=f"{config.name}_operand", clocked=config.schedule.registered(0))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = LaneInputs(m, self, self._config)
        total = self._tree(inputs, [self._lane(inputs, lane) for lane in range(self._config.lanes)])
        values = [
            (value ^ total.sign.replicate(len(value)).as_signed()).as_signed() for value in map(with_sign, total.values)
        ]
        drive(
            m,
            self,
            Term(values, total.sign, *signed_limits(total.low, total.high)),
            clear_carry=self._config.schedule.registered(0),
        )
        return m

    def _lane(self, inputs: LaneInputs, lane: int) -> Factored:
        code, acts = inputs.code(lane), inputs.acts(lane)
        sign = inputs.held(f"sign{lane}", code[-1])
        seconds = inputs.held_pixels(f"second{lane}", acts, code[2])
        acts, index = inputs.held_pixels(f"act{lane}", acts), inputs.held(f"index{lane}", code[:2])
        firsts = selected_term(inputs.m, f"first{lane}", self._format, acts, index)
        low, high = self._limits
        values = []
        for pixel, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
            value = Signal(Shape.cast(range(low, high + 1)), name=pixel_name(f"product{lane}", pixel))
            inputs.m.d.comb += add(value, second.shift_left(1), first, Const(0, 1), logic=True)
            values.append(value)
        return Factored(values, sign, low, high)

    def _tree(self, inputs: LaneInputs, numbers: list[Factored]) -> Factored:
        """The sum in pairs, with registers after the adder levels that the schedule says."""
        level = 0
        while len(numbers) > 1:
            level += 1
            names = [f"{level}_{index}" for index in range(len(numbers))]
            pairs = zip(names, numbers[::2], numbers[1::2], strict=False)
            sums = [add_factored(inputs.m, f"tree{name}", x, y) for name, x, y in pairs]
            numbers = sums + numbers[len(sums) * 2 :]
            if self._config.schedule.registered(level):
                held = zip(names, numbers, strict=False)
                numbers = [register_factored(inputs.registers, f"level{name}", number) for name, number in held]
        return numbers[0]


def sum_limits(lanes: int, low: int, high: int) -> tuple[int, int]:
    """Smallest and largest value of a sum of `lanes` numbers, each from `low` to `high` with a sign beside it."""
    most = (lanes - 1) * max(high, -low)
    return low - most, high + most


def signed_limits(low: int, high: int) -> tuple[int, int]:
    """Smallest and largest value when the sign is taken in, in ones' complement."""
    return min(low, ~high), max(high, ~low)


def add_factored(m: Module, name: str, x: Factored, y: Factored) -> Factored:
    """``x + y``, under the sign of x."""
    low, high = x.low + min(y.low, -y.high), x.high + max(y.high, -y.low)
    differ = Signal(name=f"{name}_differ")
    m.d.comb += differ.eq(x.sign ^ y.sign)
    values = []
    for pixel, (one, other) in enumerate(zip(x.values, y.values, strict=True)):
        total = Signal(Shape.cast(range(low, high + 1)), name=pixel_name(name, pixel))
        width = len(total)
        m.d.comb += add(total, one, resize(other, width) ^ differ.replicate(width), differ, logic=True)
        values.append(total)
    return Factored(values, x.sign, low, high)


def register_factored(registers: Registers, name: str, number: Factored) -> Factored:
    """`number` one cycle later."""
    values = [registers.register(pixel_name(name, pixel), value) for pixel, value in enumerate(number.values)]
    return number._replace(values=values, sign=registers.register(f"{name}_sign", number.sign))
