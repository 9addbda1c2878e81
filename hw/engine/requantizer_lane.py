"""One lane of the requantizer: a sum, and the code that is added to it, to a code."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import add
from hw.component import Component
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.layouts import struct

COARSE = 8  # binary places: a shift is a multiple of it, then what is left


class RequantizerLane(Component):
    """code = clip((x * 2^first_shift + second * x + ... + offset) >> shift): shifts and additions, no multiplier.

    The steps of one code follow each other, one a cycle: first the sum with its multiplier, then the code to add with
    each term of its own. Negative terms are ones' complements; the compiler has the missing 1s in `offset`.

    Latency: 7 cycles from `x` to `code`. Throughput: one step a cycle.

    Members
    -------
    x : In(signed(acc_bits)), added : In(code_bits)
        The sum; the code to add.
    step : In(2)
        0 for the sum, 1 and 2 for the terms of the code to add.
    scale : In(struct(SCALE))
        What they are multiplied by.
    offset : In(struct)
        Three cycles after those.
    low, high : In(code_bits)
        The limits, six cycles after those.
    code : Out(code_bits)
        Seven cycles after the last step's operand.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        bits = config.code_bits
        super().__init__(
            {
                "x": In(signed(config.array.acc_bits)),
                "added": In(bits),
                "step": In(2),
                "scale": In(struct(encoding.SCALE)),
                "offset": In(struct(config.offset)),
                "low": In(bits),
                "high": In(bits),
                "code": Out(bits),
            },
            module=f"{config.name}_requantizer_lane",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = self._total(m, self._product(m))
        self._code(m, total)
        return m

    def _product(self, m: Module) -> Signal:
        """Cycles 1 to 3: the operand, with its sign; that shifted; with its second term."""
        scale: Any = self.scale
        bits = self._config.product_bits
        operand, shift, negative = Signal(signed(bits)), Signal(3), Signal()
        second, inverted = Signal(), Signal()
        is_sum = self.step == 0
        wide, moved, sign = Signal(signed(bits)), Signal(bits), Signal()
        m.d.comb += [wide.eq(self.x), sign.eq(scale.first_negative)]
        m.d.sync += shift.eq(scale.first_shift)
        for number in (1, 2):
            far, near = scale[f"add{number}_shift"][3:], scale[f"add{number}_shift"][:3]
            with m.If(self.step == number):
                m.d.comb += sign.eq(scale[f"add{number}_negative"])
                m.d.comb += moved.eq(Mux(scale[f"add{number}"], self.added, 0) << (far * COARSE))
                m.d.sync += shift.eq(near)
        m.d.sync += [
            operand.eq(((wide & is_sum.replicate(bits).as_signed()) | moved) ^ sign.replicate(bits)),
            negative.eq(sign),
            second.eq(is_sum & scale.second),
            inverted.eq(is_sum & (scale.second_negative ^ (scale.second & sign))),
        ]
        # What a shift leaves free is filled with the sign's inversion: as if inverted behind it.
        filled = Signal(signed(bits + 7))
        first, plain, product = Signal(signed(bits)), Signal(signed(bits)), Signal(signed(bits))
        kept, flipped = later(m, "second", second, 1), later(m, "inverted", inverted, 1)
        m.d.comb += filled.eq(Cat(negative.replicate(7), operand).as_signed() << shift)
        m.d.sync += [first.eq(filled[7:]), plain.eq(operand)]
        term = (plain & kept.replicate(bits).as_signed()) ^ flipped.replicate(bits)
        m.d.sync += product.eq(add(first, term, Const(0), bits, logic=True))
        return product

    def _total(self, m: Module, product: Signal) -> Signal:
        """Cycle 4: the sum over all steps."""
        total = Signal(signed(self._config.product_bits))
        begins = later(m, "begins", self.step == 0, 3)
        before = Mux(begins, self.offset.offset, total)
        m.d.sync += total.eq(add(product, before, Const(0), len(total), logic=True))
        return total

    def _code(self, m: Module, total: Signal) -> None:
        """Cycles 5 to 7: shifted by whole COARSE places; by the rest; clipped.

        Of what is above the code's bits only the sign, and whether there is anything, is kept.
        """
        bits = self._config.code_bits
        shift, fine = Signal(5), Signal(3)
        near, value = Signal(bits + COARSE - 1), Signal(bits)
        below, above, above_near = Signal(2), Signal(), Signal()
        m.d.sync += [shift.eq(self.offset.shift), fine.eq(shift[:3])]
        with m.Switch(shift[3:]):
            for far in range(4):
                with m.Case(far):
                    rest = total[far * COARSE : -1]
                    m.d.sync += [near.eq(rest), above.eq(rest[len(near) :].any())]
        m.d.sync += [
            value.eq(near >> fine),
            above_near.eq(above | (near >> fine)[bits:].any()),
            below.eq(Cat(total[-1], below[0])),
        ]
        with m.If(below[1] | (~above_near & (value < self.low))):
            m.d.sync += self.code.eq(self.low)
        with m.Elif(above_near | (value > self.high)):
            m.d.sync += self.code.eq(self.high)
        with m.Else():
            m.d.sync += self.code.eq(value)
