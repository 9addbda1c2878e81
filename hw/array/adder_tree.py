"""Registered adders, in chains and trees, of numbers in ones' complement."""

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
    """``x + y``: the adder takes in the carry of x, which is older in a chain; that of y is passed on."""
    low, high = x.low + y.low, x.high + y.high + 1
    total = Signal(Shape.cast(range(low, high + 1)), name=name)
    m.d.comb += total.eq(add(x.value, y.value, x.carry, total.shape().width, logic=logic))
    return Term(total, y.carry, low, high)


def add(x: Value, y: Value, carry: Value, width: int, *, logic: bool, counted: Value | None = None) -> Value:
    """``x + y + carry``, modulo 2^width, by one carry chain; the carry only if `counted`.

    `logic`: y is a function of registers, not one itself. That is best written as a subtraction of the complement: in
    a subtraction Yosys always lets the plain operand x feed the carry chain, and what is before y costs no LUT of its
    own where a logic cell has inputs left for it. In a sum Yosys picks either (40% of an array's LUTs, measured).
    Where there is nothing to share a cell with, the complement would cost an inverter on ECP5.
    """
    # The carry enters through extra lowest bits; of two bits that are added the carry out is the and.
    x, y = resize(x, width), resize(y, width)
    if counted is not None:
        low_x, low_y = Cat(Const(0, 1), carry), Cat(Const(0, 1), counted)
    else:
        low_x, low_y = (Const(0, 1) if logic else carry), carry
    total = Cat(low_x, x) - ~Cat(low_y, y) if logic else Cat(low_x, x) + Cat(low_y, y)
    return total[len(low_x) : len(low_x) + width]


def resize(value: Value, width: int) -> Value:
    """`value` modulo 2^width: its low bits, or all of them and as many copies of its sign (or zeros) as it takes."""
    if len(value) >= width:
        return value[:width]
    top = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, top.replicate(width - len(value)))


def adder_chain(
    m: Module, name: str, terms: list[Term], level: int, *, registered: Callable[[int], bool], advance: ValueLike
) -> Term:
    """Sum of `terms`, one after the other, with registers after the adder levels that are `registered`.

    The first adder is of `level`. All terms but the first may be functions of registers, as in :func:`add`. `name`
    ends the names of the signals.
    """
    total, *others = terms
    for index, term in enumerate(others):
        total = add_terms(m, f"chain{index}_{name}", total, term, logic=True)
        if registered(level + index):
            total = register(m, f"partial{index}_{name}", total, advance=advance)
    return total


def adder_tree(
    m: Module,
    terms: list[Term],
    level: int = 1,
    *,
    registered: Callable[[int], bool],
    advance: ValueLike,
    logic: bool = False,
    suffix: str = "",
) -> Term:
    """Sum of `terms` in pairs, with registers after the adder levels that are `registered`.

    The first adders are of `level`. A term without a partner passes its level. `logic`: the second term of each pair
    is, as in :func:`add`. `suffix` ends the names of the signals.
    """
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        sums = [add_terms(m, f"tree{level}_{i}{suffix}", *pair, logic=logic) for i, pair in enumerate(pairs)]
        terms, logic = sums + terms[len(sums) * 2 :], False
        if registered(level):
            terms = [register(m, f"level{level}_{i}{suffix}", term, advance=advance) for i, term in enumerate(terms)]
        level += 1
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
