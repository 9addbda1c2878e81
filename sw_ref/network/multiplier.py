"""The multipliers that need no multiplier: two shifts and an addition.

A `multiplier` is 0, or plus or minus (2^d + s) with d = 0..7 and s = -1, 0 or 1.  An `add_multiplier` is such a number
times 2^e, e = 0..23.  Quantizer, checks, compiler and engine all ask this module which integers are allowed.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

D_MAX = 7
E_MAX = 23
SHIFT_MAX = 47


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A multiplier in parts: sign * (2^d + s) * 2^e; sign 0 stands for the multiplier 0."""

    sign: int
    d: int
    s: int
    e: int = 0

    @property
    def value(self) -> int:
        """The integer."""
        return self.sign * ((1 << self.d) + self.s) << self.e


# The shortest shifts that make each magnitude.
_TERMS = {
    terms.value: terms for d in range(D_MAX, -1, -1) for s in (-1, 1, 0) if (terms := Terms(sign=1, d=d, s=s)).value
}
_ADD_TERMS = {
    terms.value: terms
    for e in range(E_MAX, -1, -1)
    for part in _TERMS.values()
    if (terms := Terms(sign=1, d=part.d, s=part.s, e=e)).value
}
MAGNITUDES = tuple(sorted(_TERMS))
ADD_MAGNITUDES = tuple(sorted(_ADD_TERMS))
MULTIPLIERS = tuple(sorted({sign * magnitude for magnitude in MAGNITUDES for sign in (-1, 0, 1)}))
MANTISSAS = tuple(sorted({m / 2.0 ** math.floor(math.log2(m)) for m in MAGNITUDES}))
"""The multipliers, divided by powers of two into 1 <= m < 2."""
ADD_MULTIPLIERS = tuple(sorted({sign * magnitude for magnitude in ADD_MAGNITUDES for sign in (-1, 0, 1)}))


def decompose(value: int, *, add: bool = False) -> Terms:
    """The parts of a multiplier (or, with `add`, of an add_multiplier), with the smallest e, then the smallest d.

    Raises ``ValueError`` for an integer that is none.

    >>> decompose(-9), decompose(96, add=True)
    (Terms(sign=-1, d=3, s=1, e=0), Terms(sign=1, d=1, s=1, e=5))
    """
    value = int(value)
    if value == 0:
        return Terms(sign=0, d=0, s=0)
    found = (_ADD_TERMS if add else _TERMS).get(abs(value))
    if found is None:
        raise ValueError(f"{'add_' * add}multiplier is {value}; allowed: {allowed(add=add)}")
    return found if value > 0 else Terms(sign=-1, d=found.d, s=found.s, e=found.e)


def allowed(*, add: bool = False) -> str:
    """The allowed integers in words, for error messages."""
    text = f"0 or +-(2^d + s), d = 0 to {D_MAX}, s = -1, 0 or 1"
    return f"{text}, times 2^e, e = 0 to {E_MAX}" if add else text


def are_allowed(values: ArrayLike, *, add: bool = False) -> NDArray[np.bool_]:
    """Whether integers are multipliers (or add_multipliers): bool, shape of `values`."""
    return np.isin(np.asarray(values), ADD_MULTIPLIERS if add else MULTIPLIERS)


def nearest(factor: float) -> tuple[int, int]:
    """(multiplier, shift) with multiplier / 2^shift nearest to `factor`, the multiplier as small as possible.

    Raises ``ValueError`` for a factor that is not finite.  A factor out of reach gives the end of the range.

    >>> nearest(0.375), nearest(-1 / 9)
    ((3, 3), (-7, 6))
    """
    if not np.isfinite(factor):
        raise ValueError(f"factor is {factor!r}; allowed: a finite number")
    at = bisect_left(_FACTORS, abs(factor))
    best = min(_FACTORS[max(at - 1, 0) : at + 1], key=lambda value: (abs(value - abs(factor)), value))
    multiplier, shift = _PAIRS[best]
    return (multiplier if factor >= 0 else -multiplier), shift


def nearest_add(factor: float, shift: int) -> int:
    """The add_multiplier with add_multiplier / 2^shift nearest to `factor`.

    Raises ``ValueError`` for a factor that is not finite.
    """
    if not np.isfinite(factor):
        raise ValueError(f"factor is {factor!r}; allowed: a finite number")
    wanted = abs(factor) * 2.0**shift
    candidates = (0, *ADD_MAGNITUDES)
    at = bisect_left(candidates, wanted)
    best = min(candidates[max(at - 1, 0) : at + 1], key=lambda value: abs(value - wanted))
    return best if factor >= 0 else -best


# Every factor multiplier / 2^shift, with its smallest multiplier.
_PAIRS = {
    magnitude / 2.0**shift: (magnitude, shift)
    for magnitude in (0, *reversed(MAGNITUDES))
    for shift in range(SHIFT_MAX, -1, -1)
}
_FACTORS = sorted(_PAIRS)


EXACT, NEAR = 1e-6, 0.11
"""Relative errors of an add_multiplier that counts as exact (of a step in float32), and of the nearest within reach."""


def with_added(multiplier: NDArray[Any], shift: NDArray[Any], added: float) -> tuple[NDArray[np.int64], ...]:
    """Multipliers, shifts and add_multipliers with add_multiplier / 2^shift = `added`, or near it, per channel.

    A multiplier takes a power of two and a larger shift if that helps.  Where the sum is so small beside what is added
    that no add_multiplier fits its shift, it loses bits, or all.  Raises ``ValueError`` if nothing fits.
    """
    best = [np.zeros_like(shift, np.int64)] * 3
    open_ = np.full(shift.shape, True)
    more, less = range(8), range(-1, -SHIFT_MAX - 1, -1)
    for moves, limit in ((more, EXACT), (less, EXACT), (more, NEAR), (less, NEAR)):
        for move in moves:
            scaled, deeper = np.rint(multiplier * 2.0**move).astype(np.int64), shift + move
            factor = _ADD_FACTORS[np.searchsorted(_ADD_MIDDLES, added * 2.0**deeper)]
            good = are_allowed(scaled) & (deeper >= 0) & (deeper <= SHIFT_MAX)
            good &= open_ & (np.abs(factor / 2.0**deeper / added - 1) < limit)
            best = [np.where(good, new, old) for new, old in zip((scaled, deeper, factor), best, strict=True)]
            open_ &= ~good
    if open_.any():
        raise ValueError(f"a sum needs the factor {added:.6g} at shift {shift.max()}; allowed: 0 or (2^d + s) * 2^e")
    return best[0], best[1], best[2]


_ADD_FACTORS = np.array(ADD_MAGNITUDES)
_ADD_MIDDLES = (_ADD_FACTORS[1:] + _ADD_FACTORS[:-1]) / 2
