"""One lane of the requantizer: a sum, and the code that is added to it, to a code."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.layouts import struct

COARSE = 8  # binary places of the coarse steps of a shift


class RequantizerLane(Component):
    """code = clip((x * 2^first_shift + second * x + ... + offset) >> shift): shifts and additions, no multiplier.

    The steps of one code follow each other, one a cycle: first the sum with its multiplier, then the code to add with
    each term of its own. Negative terms are ones' complements; the compiler has the missing 1s in `offset`.

    Latency: 6 cycles from `x` to `code`. Throughput: one step a cycle.

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
        The limits, five cycles after those.
    code : Out(code_bits)
        Six cycles after the last step's operand.
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
        total = self._products(m)
        self._codes(m, total)
        return m

    def _products(self, m: Module) -> Signal:
        """Cycles 1 to 4: operand, its two terms, their sum, the sum over all steps."""
        scale: Any = self.scale
        bits = self._config.product_bits
        operand = Signal(signed(bits))
        shift, negative = Signal(3), Signal()
        second, second_negative = Signal(), Signal()
        m.d.sync += [negative.eq(0), second.eq(0), second_negative.eq(0)]
        with m.If(self.step == 0):
            m.d.sync += [operand.eq(self.x), shift.eq(scale.first_shift), negative.eq(scale.first_negative)]
            m.d.sync += [second.eq(scale.second), second_negative.eq(scale.second_negative)]
        for number in (1, 2):
            coarse, fine = scale[f"add{number}_shift"][3:], scale[f"add{number}_shift"][:3]
            with m.If(self.step == number):
                moved = Mux(scale[f"add{number}"], self.added, 0) << (coarse * COARSE)
                m.d.sync += [operand.eq(moved), shift.eq(fine), negative.eq(scale[f"add{number}_negative"])]

        first_term, second_term, product = Signal(signed(bits)), Signal(signed(bits)), Signal(signed(bits))
        m.d.sync += [
            first_term.eq((operand << shift) ^ negative.replicate(bits)),
            second_term.eq(
                (operand & second.replicate(bits).as_signed()) ^ second_negative.replicate(bits).as_signed()
            ),
            product.eq(first_term + second_term),
        ]
        begins = later(m, "begins", self.step == 0, 3)
        total = Signal(signed(bits))
        m.d.sync += total.eq(Mux(begins, self.offset.offset, total) + product)
        return total

    def _codes(self, m: Module, total: Signal) -> None:
        """Cycles 5 and 6: the shift in two parts, the second with the limits."""
        config = self._config
        shift, fine = Signal(5), Signal(3)
        coarse = Signal(signed(config.product_bits))
        m.d.sync += [shift.eq(self.offset.shift), coarse.eq(total >> (shift[3:] * COARSE)), fine.eq(shift[:3])]
        value = Signal(signed(config.product_bits))
        m.d.comb += value.eq(coarse >> fine)
        with m.If(value < Cat(self.low, 0).as_signed()):
            m.d.sync += self.code.eq(self.low)
        with m.Elif(value > Cat(self.high, 0).as_signed()):
            m.d.sync += self.code.eq(self.high)
        with m.Else():
            m.d.sync += self.code.eq(value)
