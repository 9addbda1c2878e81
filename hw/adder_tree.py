"""A registered adder tree of numbers in ones' complement."""

from collections.abc import Callable
from typing import NamedTuple

from amaranth import Cat, Const, Module, Shape, Signal, Value
from amaranth.hdl import ValueLike


class Term(NamedTuple):
    """The number ``value + carry``: what a negative number lacks in ones' complement waits for an adder's carry in.

    `value` is signed, and within `low` and `high`; `carry` is one bit.
    """

    value: Value
    carry: Value
    low: int
    high: int


def add_terms(m: Module, name: str, x: Term, y: Term, *, logic: bool) -> Term:
    """``x + y``: the adder takes in the carry of y, that of x is passed on; `logic` as in :func:`add`."""
    low, high = x.low + y.low, x.high + y.high + 1
    total = Signal(Shape.cast(range(low, high + 1)), name=name)
    m.d.comb += total.eq(add(x.value, y.value, y.carry, total.shape().width, logic=logic))
    return Term(total, x.carry, low, high)


def add(x: Value, y: Value, carry: Value, width: int, *, logic: bool) -> Value:
    """``x + y + carry``, modulo 2^width, by one carry chain; `logic`: y is a function of registers, not one itself.

    The carry enters through an extra lowest bit. Logic is best written as the subtraction ``x - ~y - ~carry``: in a
    subtraction Yosys always lets the plain operand x feed the carry chain, and what is before y costs no LUT of its own
    where a logic cell has inputs left for it. In a sum Yosys picks either (40% of an array's LUTs, measured). Where
    there is nothing to share a cell with, the complement would cost an inverter on ECP5.
    """
    if logic:
        total = Cat(Const(0, 1), resize(x, width)) - Cat(~carry, ~resize(y, width))
    else:
        total = Cat(carry, resize(x, width)) + Cat(carry, resize(y, width))
    return total[1 : width + 1]


def resize(value: Value, width: int) -> Value:
    """`value` modulo 2^width: its low bits, or all of them and as many copies of its sign (or zeros) as it takes."""
    if len(value) >= width:
        return value[:width]
    top = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, top.replicate(width - len(value)))


def adder_tree(
    m: Module, terms: list[Term], *, registered: Callable[[int], bool], advance: ValueLike, logic: bool = True
) -> Term:
    """Sum of `terms`, with registers after the adder levels (from 1) that are `registered`.

    All registers move only while `advance` is 1. A term without a partner passes its level. `logic`: the second term
    of each pair is, as in :func:`add`.
    """
    level = 0
    while len(terms) > 1:
        level += 1
        pairs = zip(terms[::2], terms[1::2], strict=False)
        sums = [add_terms(m, f"tree{level}_{i}", *pair, logic=logic and level == 1) for i, pair in enumerate(pairs)]
        terms = sums + terms[len(sums) * 2 :]
        if registered(level):
            terms = [register(m, f"level{level}_{i}", term, advance=advance) for i, term in enumerate(terms)]
    return terms[0]


def register(m: Module, name: str, term: Term, *, advance: ValueLike, zero: ValueLike = 0) -> Term:
    """`term` one cycle later, or 0 if `zero`, for which its carry must be 0; its bounds stay."""
    value = Signal(Shape.cast(range(term.low, term.high + 1)), name=name, reset_less=True)
    carry = Signal(name=f"{name}_carry", reset_less=True)
    with m.If(advance):
        m.d.sync += [value.eq(term.value), carry.eq(term.carry)]
    with m.If(zero):
        m.d.sync += value.eq(0)
    return Term(value, carry, term.low, term.high)
