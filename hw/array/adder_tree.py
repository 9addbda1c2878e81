"""Registered adders, in chains and trees, of numbers in ones' complement."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from amaranth import Cat, Const, Module, Shape, Signal, Value

from hw.array.registers import Registers


class Term(NamedTuple):
    """A number for each pixel: ``values[pixel] + carry``.

    A negative number in ones' complement lacks 1; that is `carry`, one bit, for some adder's carry in. Pixels share
    words, and so the carry. The values are signed, and from `low` to `high`.
    """

    values: Sequence[Value]
    carry: Value
    low: int
    high: int

    @property
    def shape(self) -> Shape:
        """The shape of each value."""
        return Shape.cast(range(self.low, self.high + 1))


def pixel_name(name: str, pixel: int) -> str:
    """The name of what pixel `pixel` has of its own."""
    return f"{name}_x{pixel}" if pixel else name


class AdderTree:
    """Adders in a module, with registers after the levels for which `registered` is true.

    A sum is a carry chain; nothing else is in its path but what its second term is a function of.
    """

    def __init__(self, registers: Registers, registered: Callable[[int], bool], suffix: str = ""):
        self._registers = registers
        self._registered = registered
        self._suffix = suffix  # ends the names of the signals

    def chain(self, index: int, terms: Sequence[Term], level: int) -> Term:
        """The sum of `terms`, one after the other; the first adder is of `level`.

        All terms but the first may be functions of registers, as in :func:`add`.
        """
        total, *others = terms
        for step, term in enumerate(others):
            name = f"{step}_{index}{self._suffix}"
            total = add_terms(self._registers.m, f"chain{name}", total, term, logic=True)
            if self._registered(level + step):
                total = register_term(self._registers, f"partial{name}", total)
        return total

    def tree(self, terms: Sequence[Term], level: int = 1, *, logic: bool = False) -> Term:
        """The sum of `terms` in pairs; the first adders are of `level`. A term without a partner passes its level.

        `logic`: the second term of each pair is a function of registers, as in :func:`add`.
        """
        while len(terms) > 1:
            names = [f"{level}_{index}{self._suffix}" for index in range(len(terms))]
            pairs = zip(names, terms[::2], terms[1::2], strict=False)
            sums = [add_terms(self._registers.m, f"tree{name}", x, y, logic=logic) for name, x, y in pairs]
            terms, logic = [*sums, *terms[len(sums) * 2 :]], False
            if self._registered(level):
                held = zip(names, terms, strict=False)
                terms = [register_term(self._registers, f"level{name}", term) for name, term in held]
            level += 1
        return terms[0]


def add_terms(m: Module, name: str, x: Term, y: Term, *, logic: bool) -> Term:
    """``x + y``: the adder takes in the carry of x, which is older in a chain; that of y is passed on."""
    values: list[Value] = []
    total = Term(values, y.carry, x.low + y.low, x.high + y.high + 1)
    for pixel, (one, other) in enumerate(zip(x.values, y.values, strict=True)):
        value = Signal(total.shape, name=pixel_name(name, pixel))
        m.d.comb += add(value, one, other, x.carry, logic=logic)
        values.append(value)
    return total


def register_term(registers: Registers, name: str, term: Term, clear: Value | None = None) -> Term:
    """`term` one cycle later; its values are 0 if `clear` is 1, for which its carry must be 0."""
    values = [
        registers.register(pixel_name(name, pixel), resize(value, term.shape.width).as_signed(), clear)
        for pixel, value in enumerate(term.values)
    ]
    return term._replace(values=values, carry=registers.register(f"{name}_carry", term.carry))


def add(total: Signal, x: Value, y: Value, carry: Value, *, logic: bool, counted: Value | None = None) -> list[Any]:
    """Statements: `total` is ``x + y + carry``, modulo its width, by one carry chain; the carry only if `counted`.

    `logic`: y is a function of registers, not one itself. That is best written as a subtraction of the complement: in
    a subtraction Yosys always lets the plain operand x feed the carry chain, and what is before y costs no LUT of its
    own where a logic cell has inputs left for it. In a sum Yosys picks either (40% of an array's LUTs, measured).
    Where there is nothing to share a cell with, the complement would cost an inverter on ECP5.
    """
    # The carry enters through extra lowest bits; of two bits that are added the carry out is the and.
    x, y = resize(x, len(total)), resize(y, len(total))
    if counted is not None:
        low_x, low_y = Cat(Const(0, 1), carry), Cat(Const(0, 1), counted)
    else:
        low_x, low_y = (Const(0, 1) if logic else carry), carry
    bits = len(low_x) + len(total)
    wide = Signal(bits + 1, name=f"{total.name}_wide")
    result = [wide.eq(Cat(low_x, x) + Cat(low_y, y))]
    if logic:
        complement = Signal(bits, name=f"{total.name}_complement")
        result = [complement.eq(~Cat(low_y, y)), wide.eq(Cat(low_x, x) - complement)]
    return [*result, total.eq(wide[len(low_x) : bits])]


def resize(value: Value, width: int) -> Value:
    """`value` modulo 2^width: its low bits, or all of them and as many copies of its sign (or zeros) as it takes."""
    if len(value) >= width:
        return value[:width]
    top = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, top.replicate(width - len(value)))
