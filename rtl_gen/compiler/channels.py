"""The requantizer's parameters of a channel, from those of the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sw_ref.network.multiplier import decompose

SHIFT_MAX = 31
Scale = Sequence[Mapping[str, int]]
"""Fields of the engine's terms: the sum's, then the two of the code to add."""

Parameters = tuple[Scale, dict[str, int]]
"""A channel's scale, and the fields of its offset."""


@dataclass(frozen=True, kw_only=True)
class Formula:
    """The code of one channel before clipping, from the sum S and the code r of a tensor that is added:

    ((S + bias) * multiplier + (r - added_zero) * add_multiplier + half >> shift) + zero, with half = 1 << shift >> 1.
    """

    bias: int = 0
    multiplier: int = 0
    shift: int = 0
    add_multiplier: int = 0
    zero: int = 0
    added_zero: int = 0

    def parameters(self, exponent: int = 0) -> Parameters:
        """(scale, offset) so that (S * multiplier + r * add_multiplier + offset) >> shift is the code.

        The offset holds bias, rounding, zero points and a 1 for each negative term, which the hardware makes as a
        ones' complement.  `exponent`: the array's sums are S times 2^exponent, so all else is multiplied by that, too.

        Raises ``ValueError`` if a shift does not fit.
        """
        term, ones = _sum_term(self.multiplier)
        more, added_ones = _added_terms(self.add_multiplier, exponent)
        constant = self.bias * self.multiplier - self.added_zero * self.add_multiplier + (self.zero << self.shift)
        shift = self.shift + exponent
        if shift > SHIFT_MAX:
            raise ValueError(f"shift is {shift}; allowed in an engine: 0 to {SHIFT_MAX}")
        offset = (constant << exponent) + (1 << shift >> 1) + ones + added_ones
        return [term, *more], {"offset": offset, "shift": shift}

    def far_parameters(self, sums: tuple[int, int]) -> Parameters | None:
        """(scale, offset) where no code is added and the sums reach two neighbouring codes at most; None elsewhere.

        `sums`: the least and the greatest S.  A shorter shift tells the two codes apart: if the upper code is Y and B
        its least value of (S + bias) * multiplier + half, the code is
        Y + ((S + bias) * multiplier + half - B >> shorter).  So neither a long shift nor its offset has to fit.
        """
        if self.add_multiplier:
            return None
        constant = self.bias * self.multiplier + (1 << self.shift >> 1)
        ends = sorted(total * self.multiplier + constant for total in sums)
        lower, upper = (end >> self.shift for end in ends)
        if lower == upper:
            return Formula(zero=upper + self.zero).parameters()
        begins = upper << self.shift
        shorter = max(abs(end - begins) for end in ends).bit_length()
        if upper - lower > 1 or shorter > SHIFT_MAX:
            return None
        term, ones = _sum_term(self.multiplier)
        more, _ = _added_terms(0, 0)
        offset = constant - begins + (upper + self.zero << shorter) + ones
        return [term, *more], {"offset": offset, "shift": shorter}


def _sum_term(multiplier: int) -> tuple[dict[str, int], int]:
    terms = decompose(multiplier)
    if not terms.sign:
        # x + ~x is -1.
        return {"shift": 0, "negative": 0, "extra": 1, "extra_negative": 1}, 1
    negative = terms.sign < 0
    extra_negative = terms.s * terms.sign < 0
    term = {
        "shift": terms.d,
        "negative": int(negative),
        "extra": abs(terms.s),
        "extra_negative": int(extra_negative),
    }
    return term, negative + extra_negative


def _added_terms(multiplier: int, exponent: int) -> tuple[list[dict[str, int]], int]:
    terms = decompose(multiplier, add=True)
    signs = (terms.sign, terms.sign * terms.s)
    shifts = (terms.d + terms.e + exponent, terms.e + exponent)
    if terms.sign and shifts[0] > SHIFT_MAX:
        raise ValueError(f"add_multiplier shifts by {shifts[0]}; allowed in an engine: 0 to {SHIFT_MAX}")
    added = [
        {"shift": shift if sign else 0, "negative": int(sign < 0), "extra": abs(sign), "extra_negative": 0}
        for sign, shift in zip(signs, shifts, strict=True)
    ]
    return added, sum(sign < 0 for sign in signs)


def added_terms(scale: Scale) -> int:
    """How many terms the multiplier of the code to add has."""
    return sum(term["extra"] for term in scale[1:])


def with_kept_codes(parameters: tuple[Scale, Mapping[str, int]], weights: int, bits: int) -> Parameters:
    """Parameters for an array that gets codes of `bits` bits less 2^(bits - 1); `weights`: the sum of all weights."""
    scale, offset = parameters
    terms = ((scale[0]["negative"], 1 << scale[0]["shift"]), (scale[0]["extra_negative"], scale[0]["extra"]))
    multiplier = sum(-term if negative else term for negative, term in terms)
    return scale, {**offset, "offset": offset["offset"] + (weights * multiplier << bits - 1)}


def reach(scale: Scale, offset: Mapping[str, int], sums: int, code_max: int) -> int:
    """The largest magnitude of what is shifted, for sums up to `sums`."""
    total = (sums << scale[0]["shift"]) + sums * scale[0]["extra"] + abs(offset["offset"]) + 4
    return total + sum(code_max * term["extra"] << term["shift"] for term in scale[1:])
