"""Independent scalar transcriptions, one value at a time: the paper's formulas, and "nearest level" by fractions."""

import math
from fractions import Fraction


def log_q(x: float, unit: float, bits: int) -> int:
    """LogQuant: clip(-round(log2(|x| / U)), 1, M - 1 or M), 0 for 0."""
    levels = 2 ** (bits - 1)
    if x == 0:
        return 0
    exponent = -round(math.log2(abs(x) / unit))
    if x > 0:
        return min(max(exponent, 1), levels - 1)
    return -min(max(exponent, 1), levels)


def log_dq(code: int, unit: float) -> float:
    """LogDequant: sign(q) * 2^-|q|, times U."""
    if code == 0:
        return 0.0
    return math.copysign(unit * 2.0 ** -abs(code), code)


def two_words(x: float, unit: float, bits: int) -> tuple[int, int]:
    """STLQ: the word of x, then the word of what remains."""
    first = log_q(x, unit, bits)
    return first, log_q(x - log_dq(first, unit), unit, bits)


def nearest(x: float, unit: float, bits: int) -> int:
    """The code whose value is nearest, exactly; of two the one of larger magnitude."""
    levels = 2 ** (bits - 1)
    if x == 0:
        return 0
    sign, deepest = (1, levels - 1) if x > 0 else (-1, levels)
    codes = [0, *range(deepest, 0, -1)]  # by rising magnitude: of equally near ones the last wins
    distance = {q: abs(abs(Fraction(x)) - (Fraction(unit) / 2**q if q else 0)) for q in codes}
    best = min(distance.values())
    return sign * [q for q in codes if distance[q] == best][-1]
