"""APoT lanes: a sign over a sum of one or two shifted activations."""

from typing import Any, NamedTuple

from amaranth import Const, Module, Mux, Shape, Signal, Value

from hw.array.adder_tree import Term, add, resize
from hw.array.pe import Pixel
from hw.baseline.pe import RivalPE, with_sign


class Factored(NamedTuple):
    """The number ``-value`` if `sign`, else ``value``, which is within `low` and `high`."""

    value: Value
    sign: Value
    low: int
    high: int


class ApotPE(RivalPE):
    """Adds numbers whose signs stand aside: a pair keeps the sign of its first, and no lane negates.

    x and y of signs s and t are ``x + y`` or ``x - y`` under s: one carry chain, with the exclusive or before y in its
    LUTs. The last sign is taken in where the operand meets the accumulator. With 3 bits, where there is one term, the
    lanes form chains as those of STLQ words do.
    """

    def _operand(self, m: Module, weights: list[Any], pixel: Pixel) -> Term:
        config = self._config
        if config.format.bits == 3:
            return super()._operand(m, weights, pixel)
        numbers = [self._lane(m, code, lane, pixel) for lane, code in enumerate(weights)]
        level = 0
        while len(numbers) > 1:
            level += 1
            pairs = zip(numbers[::2], numbers[1::2], strict=False)
            sums = [self._add(m, f"tree{level}_{i}{pixel.suffix}", *pair) for i, pair in enumerate(pairs)]
            numbers = sums + numbers[len(sums) * 2 :]
            if config.registered(level):
                numbers = [
                    self._register(m, f"level{level}_{i}{pixel.suffix}", number) for i, number in enumerate(numbers)
                ]
        (total,) = numbers
        signed = with_sign(total.value)
        value = (signed ^ total.sign.replicate(len(signed)).as_signed()).as_signed()
        return Term(value, total.sign, min(total.low, ~total.high), max(total.high, ~total.low))

    def _lane(self, m: Module, code: Value, lane: int, pixel: Pixel) -> Factored:
        fmt: Any = self._config.format
        name = f"{lane}{pixel.suffix}"
        act = self._act(m, lane, pixel)
        sign = self._held(m, f"sign{name}", code[-1])
        low, high = fmt.act_min * fmt.weight_max, fmt.act_max * fmt.weight_max
        second = self._held(m, f"second{name}", act, enable=code[2])
        act, index = self._held(m, f"act{name}", act), self._held(m, f"index{name}", code[:2])
        value = Signal(Shape.cast(range(low, high + 1)), name=f"product{name}")
        first = self._select(m, f"first{name}", act, index)
        m.d.comb += value.eq(add(second.shift_left(1), first, Const(0, 1), len(value), logic=True))
        return Factored(value, sign, low, high)

    def _term(self, m: Module, fmt: Any, weight: Any, index: int, pixel: Pixel) -> Term:
        name = f"{index}{pixel.suffix}"
        act = self._act(m, index, pixel)
        values = [(act, weight[:2] == term, places) for term, places in enumerate(fmt.places, 1)]
        magnitude = self._select(m, f"first{name}", act, weight[:2])
        return self._product(
            m,
            fmt,
            name,
            magnitude,
            values,
            weight[-1],
            zero=Const(0),
            largest=fmt.weight_max,
            complete=self._config.first_of_chain(index) or self._config.choices == 1,
        )

    def _select(self, m: Module, name: str, act: Value, index: Value) -> Value:
        """The activation at the place of one of the first set's terms, or 0."""
        fmt: Any = self._config.format
        one, two, three = (act.shift_left(place) for place in fmt.places)
        chosen = Signal(three.shape(), name=name)
        m.d.comb += chosen.eq(Mux(index[1], Mux(index[0], three, two), Mux(index[0], one, 0)))
        return chosen

    def _add(self, m: Module, name: str, x: Factored, y: Factored) -> Factored:
        low, high = x.low + min(y.low, -y.high), x.high + max(y.high, -y.low)
        total = Signal(Shape.cast(range(low, high + 1)), name=name)
        differ = Signal(name=f"{name}_differ")
        width = len(total)
        m.d.comb += [
            differ.eq(x.sign ^ y.sign),
            total.eq(add(x.value, resize(y.value, width) ^ differ.replicate(width), differ, width, logic=True)),
        ]
        return Factored(total, x.sign, low, high)

    def _register(self, m: Module, name: str, number: Factored) -> Factored:
        value = Signal(number.value.shape(), name=name, reset_less=True)
        sign = Signal(name=f"{name}_sign", reset_less=True)
        with m.If(self._advance):
            m.d.sync += [value.eq(number.value), sign.eq(number.sign)]
        return Factored(value, sign, number.low, number.high)
