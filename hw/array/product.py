"""Forms of a lane's product: how the last step of the shift, the zero word and the sign become a :class:`Term`."""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth import Cat, Const, Mux, Value

from hw.array.adder_tree import Term, pixel_name, register_term, resize
from hw.array.registers import Registers
from hw.config import NumberFormat


class Option(NamedTuple):
    """One of the magnitudes of a product: ``values[pixel] * 2^places``."""

    values: Sequence[Value]
    places: int


def product_limits(fmt: NumberFormat, largest: int) -> tuple[int, int]:
    """Smallest and largest value of a product with a weight of magnitude up to `largest`.

    A negative product is one below in ones' complement.
    """
    products = [fmt.act_min * largest, fmt.act_max * largest]
    ends = [*products, *(~product for product in products)]
    return min(ends), max(ends)


def sum_limits(fmt: NumberFormat, largest: int, lanes: int) -> tuple[int, int]:
    """Smallest and largest value of a sum of `lanes` such products."""
    low, high = product_limits(fmt, largest)
    return lanes * low, lanes * high + lanes - 1


def signed_product(magnitude: Value, negative: Value) -> Value:
    """`magnitude`, or its complement if `negative`: a negative product that lacks 1, signed."""
    if not magnitude.shape().signed:
        magnitude = Cat(magnitude, Const(0, 1))
    return (magnitude.as_unsigned() ^ negative.replicate(len(magnitude))).as_signed()


def combinational_product(limits: tuple[int, int], magnitudes: Sequence[Value], zero: Value, negative: Value) -> Term:
    """The product in the same cycle."""
    return Term([signed_product(Mux(zero, 0, value), negative) for value in magnitudes], negative, *limits)


def registered_product(
    registers: Registers, name: str, limits: tuple[int, int], magnitudes: Sequence[Value], zero: Value, negative: Value
) -> Term:
    """The complete product one cycle later: one register for each pixel, which the zero word clears."""
    term = Term([signed_product(value, negative) for value in magnitudes], negative, *limits)
    return register_term(registers, f"product{name}", term, registers.clear(f"clear{name}", zero))


def selected_product(
    registers: Registers,
    name: str,
    limits: tuple[int, int],
    options: Sequence[Option],
    cleared: Value,
    negative: Value,
) -> Term:
    """The product one cycle later: a register for each option, at most one of which is not 0.

    `cleared` has a bit for each option: its register becomes 0. That costs a LUT each. To select is then an or of the
    registers' bits, which with the sign fits into the logic cells of the adder behind, if these have six inputs.
    """
    cleared = registers.named(f"cleared{name}", cleared)
    held_negative = registers.register(f"negative{name}", negative)
    shapes = [value.shift_left(option.places).shape() for option in options for value in option.values]
    shape = max(shapes, key=lambda shape: shape.width)
    magnitudes: list[Value] = [Const(0, shape.width)] * len(options[0].values)
    for index, (values, places) in enumerate(options):
        clear = registers.clear(f"clear{name}_{index}", cleared[index])
        for pixel, value in enumerate(values):
            held = registers.register(pixel_name(f"option{name}_{index}", pixel), value, clear)
            either = magnitudes[pixel] | resize(held.shift_left(places), shape.width)
            magnitudes[pixel] = registers.named(pixel_name(f"selected{name}_{index}", pixel), either)
    signed = [
        registers.named(
            pixel_name(f"product{name}", pixel),
            signed_product(value.as_signed() if shape.signed else value, held_negative),
        )
        for pixel, value in enumerate(magnitudes)
    ]
    return Term(signed, held_negative, *limits)
