"""Integer multiplier lanes: the product left to synthesis, or written as rows of partial products."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from hw.array.adder_tree import Term, add
from hw.array.pe import Pixel
from hw.baseline.pe import RivalPE, with_sign
from hw.config import ArrayConfig

NO_CARRY = Const(0, 1)


def product_range(config: ArrayConfig, low: int, high: int) -> tuple[int, int]:
    """Smallest and largest product of an activation with a weight from `low` to `high`."""
    fmt = config.format
    products = [act * weight for act in (fmt.act_min, fmt.act_max) for weight in (low, high)]
    return min(products), max(products)


class ProductPE(RivalPE):
    """Lanes that are one multiplication each, for synthesis to map as it does best."""

    def _operand(self, m: Module, weights: list[Any], pixel: Pixel) -> Term:
        half = self._config.format.weight_max
        low, high = product_range(self._config, -half, half - 1)
        terms = []
        for lane, code in enumerate(weights):
            name = f"{lane}{pixel.suffix}"
            product = Signal(Shape.cast(range(low, high + 1)), name=f"product{name}")
            act = self._act(m, lane, pixel)
            m.d.comb += product.eq(act * code.as_signed())
            terms.append(Term(self._held(m, f"held{name}", product), NO_CARRY, low, high))
        return self._tree(m, terms, pixel, logic=False)


class RowsPE(RivalPE):
    """Lanes that add up partial products on carry chains, one row for each digit of the weight, lowest first.

    `radix` 2: a row is the activation or 0, and the registers that follow the lanes hold the rows; 0 is their reset.
    `radix` 4: after one or two such rows, all others are Booth's digits, which a six-input LUT takes in with the sum.
    """

    def __init__(self, config: ArrayConfig, radix: int):
        self._radix = radix
        super().__init__(config)

    def _operand(self, m: Module, weights: list[Any], pixel: Pixel) -> Term:
        single = self._radix == 4 and self._config.format.bits == 2
        lane_of = self._digit_lane if single else self._lane
        terms = [lane_of(m, code, lane, pixel) for lane, code in enumerate(weights)]
        return self._tree(m, terms, pixel, logic=single)

    def _lane(self, m: Module, code: Value, lane: int, pixel: Pixel) -> Term:
        """The product as a chain of sums."""
        name = f"{lane}{pixel.suffix}"
        act = self._act(m, lane, pixel)
        bits = len(code)
        total = self._held(m, f"row{name}_0", act, enable=code[0])
        if self._radix == 2:
            for place in range(1, bits):
                top = place == bits - 1
                row = self._held(m, f"row{name}_{place}", ~with_sign(act) if top else act, enable=code[place])
                carry = self._held(m, f"carry{name}", code[place]) if top else NO_CARRY
                total = self._sum(m, name, total, row, carry, place, logic=False)
            return self._whole(total)
        held_act, held_code = self._held(m, f"act{name}", act), self._held(m, f"code{name}", code)
        place = 1
        if bits % 2 == 0:
            row = Mux(held_code[1], held_act, 0)
            total, place = self._sum(m, name, total, row, NO_CARRY, 1, logic=True), 2
        first = place
        for place in range(first, bits, 2):
            below = held_code[place - 1] if place > first else NO_CARRY
            row = self._digit(m, f"digit{name}_{place}", held_act, held_code[place : place + 2], below)
            total = self._sum(m, name, total, row, held_code[place + 1], place, logic=True)
        return self._whole(total)

    def _digit_lane(self, m: Module, code: Value, lane: int, pixel: Pixel) -> Term:
        """The product of a 2-bit weight, one digit: complete when it is registered in the first lane of each pair."""
        name = f"{lane}{pixel.suffix}"
        act = self._act(m, lane, pixel)
        if lane % 2:
            act, code = self._held(m, f"act{name}", act), self._held(m, f"code{name}", code)
        row = self._digit(m, f"digit{name}", act, code, NO_CARRY)
        carry = code[1]
        if lane % 2 == 0:
            row, carry = self._held(m, f"row{name}", row), self._held(m, f"carry{name}", carry)
        low, high = product_range(self._config, -2, 1)
        return Term(row, carry, min(low, ~high), max(high, ~low))

    def _digit(self, m: Module, name: str, act: Value, pair: Value, below: Value) -> Value:
        """``(pair[0] - 2 * pair[1] + below) * act``, short by 1 where pair[1] is 1."""
        act = with_sign(act)
        one, two = pair[0] ^ below, Mux(pair[1], ~pair[0] & ~below, pair[0] & below)
        row = Signal(Shape(len(act) + 1, signed=True), name=name)
        magnitude = Mux(one, act, Mux(two, act.shift_left(1), 0))
        m.d.comb += row.eq(magnitude ^ pair[1].replicate(len(row)).as_signed())
        return row

    def _sum(self, m: Module, name: str, total: Value, row: Value, carry: Value, place: int, *, logic: bool) -> Value:
        """``total + (row + carry) * 2^place``: the places below pass."""
        width = max(len(with_sign(total)) - place, len(with_sign(row))) + 1
        high = Signal(Shape(width, signed=True), name=f"sum{name}_{place}")
        m.d.comb += high.eq(add(with_sign(total)[place:].as_signed(), with_sign(row), carry, width, logic=logic))
        return Cat(total[:place], high).as_signed()

    def _whole(self, total: Value) -> Term:
        """The sum of all rows, without the bits that no product needs."""
        half = self._config.format.weight_max
        low, high = product_range(self._config, -half, half - 1)
        return Term(total[: Shape.cast(range(low, high + 1)).width].as_signed(), NO_CARRY, low, high)
