"""The logarithmic quantizer on tensors: the same values as :mod:`sw_ref.quantize.levels`, to the last bit.

The default quantizer works on the bits of float32 numbers.  Magnitudes of floats order as their bits do, and a
step of 2^23 in the bits is a factor of 2: so the distance of |x| from the edge between the two largest levels,
rounded down to such steps, says how many levels below the largest one x is, exactly.  (Comparisons that give booleans
are several times slower on a CPU.)
"""

import torch
from torch import Tensor

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_edges

SIGN, EXPONENT, ONE = -(1 << 31), -(1 << 23), 1 << 23
"""Bits of a float32 as an int32: the sign; the exponent and the sign; one step of the exponent, a factor of 2."""


def log_q(x: Tensor, unit: Tensor, fmt: StlqFormat, *, literal: bool = False) -> Tensor:
    """The value of one word for each element of `x`: log_dequantize(log_quantize(x)), in the type of `x`.

    `unit` is U, float32, and broadcasts against `x`.  `x` is float32; in literal mode it may be float64, and the
    decision is taken in float64.
    """
    return word(x, marks(unit, fmt, literal), fmt, literal)


def marks(unit: Tensor, fmt: StlqFormat, literal: bool) -> Tensor:
    """Thresholds by which words are found, for a scale U: made once, and given to :func:`word` as often as needed."""
    return unit if literal else bounds(unit, fmt.levels)


def word(x: Tensor, marks: Tensor, fmt: StlqFormat, literal: bool) -> Tensor:
    """:func:`log_q`, with the :func:`marks` of its scale."""
    return _literal(x, marks, fmt.levels) if literal else _nearest(x, marks, fmt.levels)


def bounds(unit: Tensor, levels: int) -> Tensor:
    """Thresholds and levels of the default quantizer, for a scale U: int32, (7, *shape of `unit`).

    As the bits of floats: the edge between the levels U / 2 and U / 4; the level U / 2; the positive side's lowest
    level, and the last float in its dead zone.  Then three constants: a number of Python's would become a tensor anew
    at each use, which takes longer than the use.
    """
    half = unit * 0.5
    edge, largest = nearest_edge(half).view(torch.int32), half.view(torch.int32)
    lowest = largest - (levels - 2) * ONE
    constants = [torch.full_like(edge, bits) for bits in (~SIGN, EXPONENT, 31)]
    return torch.stack([edge, largest, lowest, lowest - ONE - 1, *constants])


def nearest_edge(unit: Tensor) -> Tensor:
    """Smallest float32 that is at least 0.75 U: from there on U is nearer than U / 2."""
    half, quarter = unit * 0.5, unit * 0.25
    edge = half + quarter
    lost = quarter - (edge - half)
    return torch.where(lost > 0, torch.nextafter(edge, torch.full_like(edge, torch.inf)), edge)


def _nearest(x: Tensor, bounds: Tensor, levels: int) -> Tensor:
    """The nearest level for each element, with the :func:`bounds` of its scale."""
    edge, largest, lowest, dead, unsigned, exponent, top = bounds.unbind()
    bits = x.contiguous().view(torch.int32)
    magnitude, negative = bits & unsigned, bits >> top  # negative is -1, or 0
    found = (magnitude - edge).bitwise_and_(exponent).add_(largest)
    # Only the negative side has level M, and its dead zone is half as wide.
    torch.clamp(found, torch.add(lowest, negative, alpha=ONE), largest, out=found)
    found.view(torch.float32).copysign_(x)
    # Outside of the dead zone the difference is negative and keeps all bits.
    alive = torch.add(dead, negative, alpha=ONE).sub_(magnitude).bitwise_right_shift_(top)
    return found.bitwise_and_(alive).view(torch.float32)


def _literal(x: Tensor, unit: Tensor, levels: int) -> Tensor:
    wide, scale = x.double(), unit.double()
    ratio = wide.abs() / scale
    value = torch.full_like(ratio, 0.5)
    edges = log_edges(levels)
    for edge in edges[:-1]:
        value = torch.where(ratio < edge, value * 0.5, value)
    value = torch.where((ratio < edges[-1]) & (wide < 0), value * 0.5, value)
    return (value * scale * wide.sign()).to(x.dtype)
