"""One lane of the requantizer: a sum, and the code that is added to it, to a code."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import add, resize
from hw.array.registers import Registers
from hw.component import Component
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.kept import kept
from hw.engine.latency import OFFSET_CYCLES
from hw.engine.layouts import struct

NEAR_BITS = 2
NEAR = 1 << NEAR_BITS  # binary places: a shift to the left is a multiple of it, then what is left
COARSE = 8  # the same to the right


class RequantizerLane(Component):
    """code = clip((x * 2^first_shift + second * x + ... + offset) >> shift): shifts and additions, no multiplier.

    The steps of one code follow each other, one a cycle: first the sum with its multiplier, then the code to add with
    each term of its own. Negative terms are ones' complements; the compiler has the missing 1s in `offset`.

    Latency: 9 cycles from `x` to `code`. Throughput: one step a cycle.

    Members
    -------
    x : In(signed(acc_bits)), added : In(code_bits)
        The sum, 0 in other steps than its own; the code to add, as it is kept (:func:`kept`).
    adds : In(1)
        The step is one of the code to add, not that of the sum.
    scale : In(struct(TERM))
        What it is multiplied by.
    offset : In(struct)
        OFFSET_CYCLES after those.
    low, high : In(code_bits)
        The limits, `low` not above `high`; seven cycles after those.
    least, most : In(code_bits)
        The same a cycle later.
    fill : In(1)
        In the next cycle but one the code is `least` of the next cycle, whatever the sum.
    store : In(1), stored : In(code_bits)
        In the next cycle but one the code is `stored` of the next cycle, whatever the sum.
    code : Out(code_bits)
        Nine cycles after the last step's operand, as it is kept.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        bits = config.code_bits
        super().__init__(
            {
                "x": In(signed(config.core.acc_bits)),
                "added": In(bits),
                "adds": In(1),
                "scale": In(struct(encoding.TERM)),
                "offset": In(struct(config.offset)),
                "low": In(bits),
                "high": In(bits),
                "least": In(bits),
                "most": In(bits),
                "fill": In(1),
                "store": In(1),
                "stored": In(bits),
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
        """Cycles 1 to 4: what to shift; that shifted by whole NEAR places; by the rest; its second term."""
        bits, data, scale = self._config.product_bits, Registers(m, 1), self.scale
        shift = Value.cast(scale.shift)
        placed = self._placed(data, shift[NEAR_BITS:], scale.extra & self.adds)
        x, far = data.register("x1", self.x), data.register("far1", shift[NEAR_BITS])
        negative1 = data.register("negative1", scale.negative)
        # x is 0 in other steps.
        wide = Signal(signed(bits))
        m.d.comb += wide.eq(Mux(far, x << NEAR, x))
        operand = data.register("operand", (wide | placed) ^ negative1.replicate(bits))
        # What a shift leaves free is filled with the sign's inversion: as if inverted behind it.
        negative = data.register("negative", negative1)
        filled = Cat(negative.replicate(NEAR - 1), operand)
        first = data.register("first", self._near(data, filled, shift[:NEAR_BITS]))
        # The sum once more: nothing, if it has no second term.
        alone = data.delay("alone", ~scale.extra, 2)
        again = data.register("again", data.register("x2", x), clear=alone)
        inverted = data.delay("inverted", scale.extra_negative, 3)
        term = resize(again, bits) ^ inverted.replicate(bits)
        product = Signal(signed(bits), name="product_next")
        m.d.comb += add(product, first, term, Const(0), logic=True)
        return data.register("product", product)

    def _near(self, data: Registers, filled: Value, near: Value) -> Value:
        """The operand shifted by `near` of two cycles ago, with what fills it below.

        On LUTs of six inputs, places 0 and 3 share a multiplexer, and 1 and 2. So no two bits have one in common, and
        each bit is one LUT. Elsewhere the first of two layers is shared.
        """
        bits = self._config.product_bits
        zero, one, two, three = (filled[NEAR - 1 - places :][:bits] for places in range(NEAR))
        if self._config.array.choices > 1:
            middle, low = data.delay("near", Cat(near[0] ^ near[1], ~near[1]), 2)
            return Mux(middle, Mux(low, one, two), Mux(low, zero, three))
        high, low = data.delay("near", Cat(near[1], near[0]), 2)
        return Mux(high, Mux(low, three, two), Mux(low, one, zero))

    def _placed(self, data: Registers, far: Value, present: Value) -> Value:
        """The code to add, shifted by `far` * NEAR places: its parts of NEAR bits rotated, and all but they masked."""
        bits = self._config.product_bits
        parts = 1 << (-(-self._config.code_bits // NEAR) - 1).bit_length()
        code = resize(kept(self.added, len(self.added)), parts * NEAR)
        rotated: Value = code
        for step in range(1, parts):
            rotated = Mux(far[: (parts - 1).bit_length()] == step, code.rotate_left(step * NEAR), rotated)
        shown = [
            present & Cat(far == at - part for part in range(parts) if 0 <= at - part < 1 << len(far)).any()
            for at in range(-(-bits // NEAR))
        ]
        rotated, mask = data.register("rotated", rotated), data.register("mask", Cat(shown))
        return Cat(rotated.word_select(at % parts, NEAR) & mask[at].replicate(NEAR) for at in range(len(mask)))[:bits]

    def _total(self, m: Module, product: Signal) -> Signal:
        """Cycle 5: the sum over all steps."""
        total = Signal(signed(self._config.product_bits))
        total_next = Signal(signed(self._config.product_bits))
        begins = Registers(m, 1).delay("begins", ~self.adds, OFFSET_CYCLES)
        before = Mux(begins, self.offset.offset, total)
        m.d.comb += add(total_next, product, before, Const(0), logic=True)
        m.d.sync += total.eq(total_next)
        return total

    def _code(self, m: Module, total: Signal) -> None:
        """Cycles 6 to 9: shifted by whole COARSE places; by the rest; compared with the limits; clipped.

        Of what is above the code's bits only the sign, and whether there is anything, is kept.
        """
        bits = self._config.code_bits
        shift = Signal(5)
        fine = Signal(3)
        near = Signal(bits + COARSE - 1)
        value = Signal(bits)
        below = Signal(2)
        above = Signal()
        above_near = Signal()
        m.d.sync += [shift.eq(self.offset.shift), fine.eq(shift[:3])]
        with m.Switch(shift[3:]):
            for far in range(4):
                with m.Case(far):
                    # Nothing is left of a narrow total.
                    rest = total[min(far * COARSE, len(total) - 1) : -1]
                    m.d.sync += [near.eq(rest), above.eq(rest[len(near) :].any())]
        m.d.sync += [
            value.eq(near >> fine),
            above_near.eq(above | (near >> fine)[bits:].any()),
            below.eq(Cat(total[-1], below[0])),
        ]
        # Compared in one cycle, selected in the next one.
        data = Registers(m, 1)
        too_high = ~self.fill & ~below[1] & (above_near | (value > self.high))
        too_low = self.fill | below[1] | (~above_near & (value < self.low))
        upper, lower = data.register("upper", self.store | too_high), data.register("lower", self.store | too_low)
        inside = data.register("inside", value)
        # One of four, selected by two bits; `low` is not above `high`.
        code = Mux(upper, Mux(lower, self.stored, self.most), Mux(lower, self.least, inside))
        m.d.sync += self.code.eq(kept(code, bits))
