"""Codes as the activation memory keeps them."""

from amaranth import Cat, Const, Value


def kept(codes: Value, bits: int) -> Value:
    """Codes of `bits` bits side by side, each with its top bit inverted; undoes itself.

    So 2^(bits - 1) is taken from each code, and the array's operands are signed: that saves a bit in all of its adders.
    """
    return codes ^ Cat(Const(1 << (bits - 1), bits) for _ in range(0, len(codes), bits))
