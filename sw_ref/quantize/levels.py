"""From real numbers to words and back: the two quantizers, element by element.

*Literal* follows the paper's formula: q = clip(-round(log2(|x| / U)), 1, m), in float64 with half-even rounding,
q = 0 for x = 0 only.  The *default* takes the nearest level (ties away from zero) and sends what is closer to
zero than to the smallest level to code 0 (dead zone).  m = M - 1 for x > 0 and M for x < 0, so the negative side
has one more, smaller level.

Both are decided by comparing |x| with a few constants per scale, never by a computed logarithm, so that any
other implementation of IEEE arithmetic can reproduce every code to the last bit.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat

SCALE_MIN, SCALE_MAX = 2.0**-100, 2.0**126
"""Allowed scales: inside, every level of every format and every comparison is exact in float32."""


def log_quantize(x: ArrayLike, scale: ArrayLike, fmt: StlqFormat, *, literal: bool = False) -> NDArray[np.int8]:
    """Codes of one word per value: int8, shape of `x`.

    `scale` is U, in the unit of `x`: one number, or an array that broadcasts against `x`.  Literal mode and
    float64 values are decided in float64, all others in float32 (to which U is then rounded).

    Raises ``ValueError`` if a value is not finite or a scale is not within SCALE_MIN..SCALE_MAX.

    >>> log_quantize([0.5, 0.37, 0.06, 0.0, -0.06, -0.9], 1.0, StlqFormat(bits=3)).tolist()
    [1, 2, 0, 0, -4, -1]
    >>> log_quantize([0.5, 0.36, 0.35, 1e-9, -1e-9], 1.0, StlqFormat(bits=3), literal=True).tolist()
    [1, 1, 2, 3, -4]
    """
    values, unit = working(x, scale, literal=literal)
    if not np.isfinite(values).all():
        raise ValueError("values hold NaN or infinity; allowed: finite numbers")
    return _codes(values, unit, fmt.levels, literal)


def log_dequantize(codes: ArrayLike, scale: ArrayLike, fmt: StlqFormat) -> NDArray[Any]:
    """The real values of codes: sign(q) * U * 2^-|q|, or 0; exact, in the float type of `scale`.

    Raises ``ValueError`` if a code is outside -M..M-1 or a scale is not allowed.

    >>> log_dequantize([1, 2, 0, -4], 1.0, StlqFormat(bits=3)).tolist()
    [0.5, 0.25, 0.0, -0.0625]
    """
    checked = np.asarray(codes)
    if checked.dtype.kind not in "iu":
        raise ValueError(f"codes are {checked.dtype}; allowed: integers")
    if checked.size and not (-fmt.levels <= checked.min() and checked.max() < fmt.levels):
        worst = max(int(checked.max()), int(checked.min()), key=abs)
        raise ValueError(f"code is {worst}; allowed: a whole number from {-fmt.levels} to {fmt.levels - 1}")
    unit = np.asarray(scale)
    return _values(checked, check_scale(unit if unit.dtype.kind == "f" else unit.astype(np.float64)), fmt.levels)


def quantize_words(
    x: ArrayLike, scale: ArrayLike, fmt: StlqFormat, two_word: ArrayLike | None = None, *, literal: bool = False
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """First and second words (int8, shape of `x`); the second is 0 where `two_word` is false.

    The second word holds the residual r1 = x - first word, on the scale U * 2^-k.  `two_word` broadcasts against
    `x`; None means everywhere.

    Raises ``ValueError`` as :func:`log_quantize` does, and in literal mode unless k = 0.

    >>> [w.tolist() for w in quantize_words([0.5, 0.56, -0.4], 1.0, StlqFormat(bits=3))]
    [[1, 1, -1], [0, 2, 1]]
    """
    check_literal(fmt, literal)
    values, unit = working(x, scale, literal=literal)
    if not np.isfinite(values).all():
        raise ValueError("values hold NaN or infinity; allowed: finite numbers")
    word1, word2, _, _ = split_words(values, unit, fmt, literal)
    if two_word is not None:
        word2 *= np.asarray(two_word, dtype=bool)
    return word1, word2


def split_words(values: NDArray[Any], unit: NDArray[Any], fmt: StlqFormat, literal: bool) -> tuple[NDArray[Any], ...]:
    """(word1, word2, r1, r2) of finite `values` in their :func:`working` types: the unchecked inner step."""
    word1 = _codes(values, unit, fmt.levels, literal)
    r1 = values - _values(word1, unit, fmt.levels)
    fine = unit * unit.dtype.type(2.0**-fmt.residual_shift)
    word2 = _codes(r1, fine, fmt.levels, literal)
    return word1, word2, r1, r1 - _values(word2, fine, fmt.levels)


def working(x: ArrayLike, scale: ArrayLike, *, literal: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """`x` and the checked `scale` in the type in which the decision is made."""
    values = np.asarray(x)
    wide = literal or values.dtype.kind in "iub" or values.dtype == np.float64
    dtype = np.float64 if wide else np.float32
    return values.astype(dtype, copy=False), check_scale(np.asarray(scale).astype(dtype, copy=False))


def check_scale(scale: NDArray[Any]) -> NDArray[Any]:
    """`scale`, all of it allowed; else ``ValueError`` with the first bad value."""
    good = (scale >= SCALE_MIN) & (scale <= SCALE_MAX)
    if not good.all():
        raise ValueError(f"scale is {scale[~good].flat[0]}; allowed: {SCALE_MIN:.4g} to {SCALE_MAX:.4g}")
    return scale


def check_literal(fmt: StlqFormat, literal: bool) -> None:
    """Literal mode shares U between both words; ``ValueError`` if the format does not."""
    if literal and fmt.residual_shift != 0:
        raise ValueError(f"residual_shift is {fmt.residual_shift}; allowed in literal mode: 0")


def _codes(values: NDArray[Any], unit: NDArray[Any], levels: int, literal: bool) -> NDArray[np.int8]:
    negative = np.signbit(values)
    magnitude = np.abs(values)
    if literal:
        alive = magnitude != 0
        magnitude /= unit
        edges = log_edges(levels)
    else:
        smallest = unit * unit.dtype.type(2.0**-levels)  # half of the positive side's smallest level
        alive = magnitude >= smallest
        alive |= (magnitude >= smallest * unit.dtype.type(0.5)) & negative
        edge = nearest_edge(unit)
        edges = [edge * unit.dtype.type(2.0**-n) for n in range(1, levels)]
    code = np.ones(magnitude.shape, np.int8)
    for edge in edges[:-1]:
        code += magnitude < edge
    code += (magnitude < edges[-1]) & negative  # only the negative side has level M
    code *= alive
    code *= np.int8(1) - np.int8(2) * negative.view(np.int8)
    return code


def _values(codes: NDArray[Any], unit: NDArray[Any], levels: int) -> NDArray[Any]:
    positive = [0.0, *(2.0**-q for q in range(1, levels))]
    negative = [-(2.0**-q) for q in range(levels, 0, -1)]
    # Negative codes index the table from its end, which is just the order of two's complement.
    return np.take(np.array(positive + negative, unit.dtype), codes, mode="wrap") * unit


def nearest_edge(unit: NDArray[Any]) -> NDArray[Any]:
    """Smallest float that is at least 0.75 U: at or above it, U is nearer than U / 2 (tie: U)."""
    half, quarter = unit * unit.dtype.type(0.5), unit * unit.dtype.type(0.25)
    edge = half + quarter
    lost = quarter - (edge - half)  # exact, as half > quarter
    return np.where(lost > 0, np.nextafter(edge, unit.dtype.type(np.inf)), edge)


@cache
def log_edges(levels: int) -> list[float]:
    """For n = 1..M-1, the smallest |x| / U whose -round(log2(|x| / U)) is at most n."""
    edges = []
    for n in range(1, levels):
        edge = 2.0 ** -(n + 0.5)
        while round(-math.log2(edge)) > n:
            edge = math.nextafter(edge, 1.0)
        while round(-math.log2(below := math.nextafter(edge, 0.0))) <= n:
            edge = below
        edges.append(edge)
    return edges
