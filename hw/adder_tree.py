"""A registered adder tree that never negates a lane."""

from typing import NamedTuple

from amaranth import Cat, Const, Module, Shape, Signal, Value
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
    total = Signal(shape, name=f"{name}_sum")
    m.d.comb += total.eq(add_or_subtract(x.magnitude, y.magnitude, differ, shape.width))
    return Signed(total, x.negative, low, high)


def add_or_subtract(x: Value, y: Value, subtract: Value, width: int) -> Value:
    """``x - y if subtract else x + y``, modulo 2^width, by one carry chain.

    Written as the subtraction ``x - (y ^ ~subtract) - ~subtract``, whose last term borrows through an extra lowest bit:
    in a subtraction Yosys always lets the plain operand x feed the carry chain, and the flipped one costs no LUT of its
    own. In a sum it picks either, and one flipped bit more costs one LUT more (40% of an array's LUTs, measured).
    """
    add = ~subtract
    minuend = Cat(Const(0, 1), resize(x, width))
    subtrahend = Cat(add, resize(y, width) ^ add.replicate(width))
    return (minuend - subtrahend)[1 : width + 1]


def resize(value: Value, width: int) -> Value:
    """`value` modulo 2^width: its low bits, or all of them and as many copies of its sign (or zeros) as it takes."""
    if len(value) >= width:
        return value[:width]
    top = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, top.replicate(width - len(value)))


def adder_tree(m: Module, terms: list[Signed], *, advance: ValueLike) -> Signed:
    """Sum of `terms`, one register per level, all moving only while `advance` is 1.

    Latency: ``(len(terms) - 1).bit_length()`` cycles.  A term without a partner passes its level in a register.
    """
    level = 0
    while len(terms) > 1:
        level += 1
        sums = [
            add_pair(m, f"tree{level}_{i}", *pair) for i, pair in enumerate(zip(terms[::2], terms[1::2], strict=False))
        ]
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
