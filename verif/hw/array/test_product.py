"""The forms of a product, alone: magnitudes and signs at both ends of their ranges, zero words, stalls."""

from itertools import product
from typing import Any

import pytest
from amaranth import Cat, Module, Shape, Signal

from hw.array import product as products
from hw.array.product import Option, product_limits, sum_limits
from hw.array.registers import Registers
from sw_ref.format import StlqFormat
from verif.hw.array.bench import FORMATS, IDS, dice, simulate
from verif.hw.faults import Fault

FORMS = ("combinational", "registered", "selected")
PLACES = (0, 2)
FMT = StlqFormat(bits=3, act_bits=4)
LOST_SIGN = Fault(products, "signed_product", lambda right, magnitude, negative: right(magnitude, negative & 0))


def check(fmt: StlqFormat, form: str) -> None:
    m = Module()
    enable, zero, negative, near = Signal(), Signal(), Signal(), Signal()
    act = Signal(Shape(fmt.act_bits, signed=fmt.act_signed))
    limits = product_limits(fmt, 1 << PLACES[1])
    registers = Registers(m, enable)
    if form == "combinational":
        term = products.combinational_product(limits, [act], zero, negative)
    elif form == "registered":
        term = products.registered_product(registers, "0", limits, [act], zero, negative)
    else:
        options, cleared = [Option([act], place) for place in PLACES], Cat(zero | ~near, zero | near)
        term = products.selected_product(registers, "0", limits, options, cleared, negative)
    total = Signal(Shape.cast(range(limits[0], limits[1] + 2)))
    m.d.comb += total.eq(term.values[0] + term.carry)
    m.d.sync += Signal().eq(0)  # so that there is a clock
    rng = dice(form)

    async def bench(ctx: Any) -> None:
        wanted = 0
        cases = list(product((fmt.act_min, 1, fmt.act_max), (False, True), (False, True), (False, True)))
        rng.shuffle(cases)
        for value, is_zero, is_negative, is_near in cases:
            # As a decoder has it, the zero word is not negative.
            for signal, bit in ((zero, is_zero), (negative, is_negative and not is_zero), (near, is_near)):
                ctx.set(signal, bit)
            ctx.set(act, value)
            moves = rng.random() < 0.7
            ctx.set(enable, moves)
            if form != "combinational":
                await ctx.tick()
            far = form == "selected" and not is_near
            if moves or form == "combinational":
                wanted = 0 if is_zero else (-1 if is_negative else 1) * value << (PLACES[1] if far else PLACES[0])
            assert ctx.get(total) == wanted

    simulate(m, bench)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_a_product_is_signed_and_held(fmt: StlqFormat, form: str) -> None:
    check(fmt, form)


@pytest.mark.parametrize("form", FORMS)
def test_a_lost_sign_is_rejected(form: str) -> None:
    with LOST_SIGN.planted(), pytest.raises(AssertionError):
        check(FMT, form)


@pytest.mark.parametrize("fmt", FORMATS, ids=IDS)
def test_limits_are_those_of_all_products(fmt: StlqFormat) -> None:
    magnitudes = [act << place for act in (fmt.act_min, fmt.act_max, 0) for place in range(fmt.levels)]
    values = [*magnitudes, *(~magnitude for magnitude in magnitudes)]
    assert product_limits(fmt, fmt.term_max) == (min(values), max(values))
    # Every carry but that of the last adder is in the sum.
    assert sum_limits(fmt, fmt.term_max, 3) == (3 * min(values), 3 * max(values) + 2)
