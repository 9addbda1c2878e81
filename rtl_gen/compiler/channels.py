"""The requantizer's parameters of a channel, from those of the network."""

from sw_ref.network.multiplier import decompose


def channel_parameters(
    *, bias: int, multiplier: int, shift: int, add_multiplier: int, zero: int, added_zero: int, product_bits: int
) -> tuple[dict[str, int], dict[str, int]]:
    """(scale, offset) so that (S * multiplier + r * add_multiplier + offset) >> shift is the code before clipping.

    `zero`: of the output, `added_zero`: of the tensor that is added.  The offset holds bias, rounding, zero points and
    a 1 for each negative term, which the hardware makes as a ones' complement.

    Raises ``ValueError`` if shift or offset do not fit.
    """
    scale, ones = _sum_terms(multiplier)
    more, added_ones = _added_terms(add_multiplier)
    half = (1 << shift) >> 1
    offset = bias * multiplier + half - added_zero * add_multiplier + (zero << shift) + ones + added_ones
    if shift > 31:
        raise ValueError(f"shift is {shift}; allowed in an engine: 0 to 31")
    limit = 1 << (product_bits - 1)
    if not -limit <= offset < limit:
        raise ValueError(f"bias, rounding and zero points come to {offset}; allowed: {product_bits} bits, signed")
    return {**scale, **more}, {"offset": offset, "shift": shift}


def _sum_terms(multiplier: int) -> tuple[dict[str, int], int]:
    terms = decompose(multiplier)
    if not terms.sign:
        # x + ~x is -1.
        return {"first_shift": 0, "first_negative": 0, "second": 1, "second_negative": 1}, 1
    negative = terms.sign < 0
    second_negative = terms.s * terms.sign < 0
    scale = {
        "first_shift": terms.d,
        "first_negative": int(negative),
        "second": abs(terms.s),
        "second_negative": int(second_negative),
    }
    return scale, negative + second_negative


def _added_terms(multiplier: int) -> tuple[dict[str, int], int]:
    terms = decompose(multiplier, add=True)
    signs = (terms.sign, terms.sign * terms.s)
    shifts = (terms.d + terms.e, terms.e)
    fields = {}
    for number, (sign, shift) in enumerate(zip(signs, shifts, strict=True), 1):
        fields |= {
            f"add{number}": abs(sign),
            f"add{number}_shift": shift if sign else 0,
            f"add{number}_negative": int(sign < 0),
        }
    return fields, sum(sign < 0 for sign in signs)
