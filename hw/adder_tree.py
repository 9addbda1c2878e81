"""A registered adder tree that never negates a lane."""

from typing import NamedTuple

from amaranth import Module, Shape, Signal, Value
from amaranth.hdl import ValueLike


class Signed(NamedTuple):
    """A number whose sign is kept apart: ``-magnitude if negative else magnitude``.

    `low` and `high` bound `magnitude`, which may itself be below zero.
    """

    magnitude: Value
    negative: Value
    low: int
    high: int


def add_pair(m: Module, name: str, x: Signed, y: Signed) -> Signed:
    """``x + y`` with the sign of x factored out, so that one adder serves as adder and subtractor.

    ``x + y = sign(x) * (x.magnitude +- y.magnitude)``, and a subtraction is the addition of the ones'
    complement with a carry in: no more logic than the sum alone.
    """
    differ = Signal(name=f"{name}_differ")
    m.d.comb += differ.eq(x.negative ^ y.negative)
    low, high = x.low + min(y.low, -y.high), x.high + max(y.high, -y.low)
    shape = Shape.cast(range(low, high + 1))
    # The flipped operand is a signal of its own, so that synthesis sees the other one, which is plain, as
    # the operand that feeds the carry chain.
    flipped = Signal(shape, name=f"{name}_flipped")
    m.d.comb += flipped.eq(y.magnitude ^ differ.replicate(shape.width).as_signed())
    total = Signal(shape, name=f"{name}_sum")
    m.d.comb += total.eq(x.magnitude + flipped + differ)
    return Signed(total, x.negative, low, high)


def adder_tree(m: Module, terms: list[Signed], *, advance: ValueLike) -> Signed:
    """Sum of `terms`, one register per level, all moving only while `advance` is 1.

    Latency: ``(len(terms) - 1).bit_length()`` cycles.  A term without a partner passes its level in a register.
    """
    level = 0
    while len(terms) > 1:
        level += 1
        sums = [add_pair(m, f"tree{level}_{i}", *pair) for i, pair in enumerate(zip(terms[::2], terms[1::2]))]
        sums += terms[len(sums) * 2 :]
        terms = [register(m, f"level{level}_{i}", term, advance=advance) for i, term in enumerate(sums)]
    return terms[0]


def register(m: Module, name: str, term: Signed, *, advance: ValueLike) -> Signed:
    """`term` one cycle later; its bounds stay."""
    magnitude = Signal(Shape.cast(range(term.low, term.high + 1)), name=name, reset_less=True)
    negative = Signal(name=f"{name}_negative", reset_less=True)
    with m.If(advance):
        m.d.sync += [magnitude.eq(term.magnitude), negative.eq(term.negative)]
    return Signed(magnitude, negative, term.low, term.high)
