"""Adders, chains and trees against Python's sum: extremes, carries, registers where the levels say so."""

from itertools import product
from typing import Any

import pytest
from amaranth import Fragment, Module, Shape, Signal, Value

from hw.array import adder_tree
from hw.array.adder_tree import AdderTree, Term, add, add_terms
from hw.array.registers import Registers
from verif.hw.array.bench import dice, simulate, wrapped
from verif.hw.faults import Fault

LOST_CARRY = Fault(adder_tree, "add", lambda right, total, x, y, carry, **o: right(total, x, y, carry & 0, **o))
LIMITS = (-9, 7)


def check(count: int, form: str, *, registered: bool, pixels: int = 2) -> None:
    """A chain or tree of `count` terms, with registers after every adder level or none."""
    m = Module()
    enable = Signal()
    shape = Shape.cast(range(LIMITS[0], LIMITS[1] + 1))
    terms = [Term([Signal(shape) for _ in range(pixels)], Signal(), *LIMITS) for _ in range(count)]
    adders = AdderTree(Registers(m, enable), lambda level: registered)
    total = adders.chain(0, terms, 1) if form == "chain" else adders.tree(terms)
    assert (total.low, total.high) == (count * LIMITS[0], count * LIMITS[1] + count - 1)
    sums = [Signal(Shape.cast(range(total.low, total.high + 2))) for _ in range(pixels)]
    m.d.comb += [one.eq(value + total.carry) for one, value in zip(sums, total.values, strict=True)]
    m.d.sync += Signal().eq(0)  # so that there is a clock
    levels = (count - 1 if form == "chain" else (count - 1).bit_length()) if registered else 0
    rng = dice((count, form))

    async def bench(ctx: Any) -> None:
        # The terms of a chain are added one cycle after the other, so inputs are held until all are.
        for _ in range(25):
            values = [[rng.choice([*LIMITS, rng.randint(*LIMITS)]) for _ in range(pixels)] for _ in terms]
            carries = [rng.randrange(2) for _ in terms]
            for term, numbers, carry in zip(terms, values, carries, strict=True):
                ctx.set(Value.cast(term.carry), carry)
                for signal, number in zip(term.values, numbers, strict=True):
                    ctx.set(signal, number)
            ctx.set(enable, 1)
            for _ in range(levels):
                await ctx.tick()
            ctx.set(enable, 0)
            await ctx.tick().repeat(2)
            for pixel, one in enumerate(sums):
                assert ctx.get(one) == sum(numbers[pixel] for numbers in values) + sum(carries)

    simulate(m, bench)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("form", ["chain", "tree"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_the_sum_of_terms(count: int, form: str, registered: bool) -> None:
    check(count, form, registered=registered)


@pytest.mark.parametrize("form", ["chain", "tree"])
def test_a_lost_carry_is_rejected(form: str) -> None:
    with LOST_CARRY.planted(), pytest.raises(AssertionError):
        check(3, form, registered=False)


@pytest.mark.parametrize("counts", [None, 0, 1])
@pytest.mark.parametrize("logic", [False, True])
def test_one_adder_is_exact_modulo_its_width(logic: bool, counts: int | None) -> None:
    m = Module()
    x, y, total = (Signal(Shape(bits, True)) for bits in (4, 3, 5))
    carry, counted = Signal(), Signal()
    m.d.comb += add(total, x, y, carry, logic=logic, counted=None if counts is None else counted)

    async def bench(ctx: Any) -> None:
        for one, other, bit in product(range(-8, 8), range(-4, 4), range(2)):
            for signal, value in ((x, one), (y, other), (carry, bit), (counted, counts or 0)):
                ctx.set(signal, value)
            assert ctx.get(total) == wrapped(one + other + (bit if counts is None else bit & counts), 5)

    simulate(m, bench)


def test_the_carry_of_the_second_term_is_passed_on() -> None:
    m = Module()
    x, y = (Term([Signal(4)], Signal(), 0, 15) for _ in range(2))
    assert add_terms(m, "sum", x, y, logic=False).carry is y.carry
    Fragment.get(m, None)
