"""The golden integers: what the hardware must equal, bit for bit.

Sums are exact, as :mod:`sw_ref.windows` takes them.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.windows import correlate, exact_dtype, peak, row_peak, sliding

Weights = StlqTensor | NDArray[Any]


def dot(weights: Weights, acts: ArrayLike) -> NDArray[np.int64]:
    """S = sum of a_i * W_i for each output channel: int64 (..., O).

    `weights`: a quantized tensor, or integers W of shape (O, I, *kernel).  `acts`: integers (..., I, *kernel); for a
    tensor of several groups (..., groups * I, *kernel), each group's output channels with its own input channels.

    Raises ``ValueError`` for activations that are no integers, out of the tensor's format, or of another shape.

    >>> dot(np.array([[1, -2], [3, 4]]), [[10, 1], [-5, 0]]).tolist()
    [[8, 34], [-5, -15]]
    """
    matrix, values = _weights(weights), check_acts(acts, weights)
    groups = weights.groups if isinstance(weights, StlqTensor) else 1
    inner = (groups * matrix.shape[1], *matrix.shape[2:])
    if values.shape[max(values.ndim - len(inner), 0) :] != inner:
        raise ValueError(f"activations have shape {values.shape}; allowed: (..., {', '.join(map(str, inner))})")
    outer = values.shape[: values.ndim - len(inner)]
    flat = matrix.reshape(groups, len(matrix) // groups, -1)
    dtype = exact_dtype(peak(values) * row_peak(flat.reshape(len(matrix), -1)))
    rows = values.reshape(-1, groups, flat.shape[2]).swapaxes(0, 1).astype(dtype)
    sums = rows @ flat.swapaxes(1, 2).astype(dtype)
    return sums.swapaxes(0, 1).astype(np.int64).reshape(*outer, len(matrix))


def conv(
    weights: Weights,
    acts: ArrayLike,
    *,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> NDArray[np.int64]:
    """Convolution (as neural networks mean it: no flip) of a batch, zero-padded: int64 (n, O, *out).

    `weights`: (O, I / groups, *kernel) with one or two kernel axes; `acts`: (n, I, *size).  `stride`, `padding`
    and `dilation`: one number, or one per kernel axis.  Depthwise: groups = I.

    Raises ``ValueError`` as :func:`dot` does, or for an option or size out of range.

    >>> conv(np.array([[[1, 2]]]), [[[1, 0, 3, 4]]], padding=1).tolist()
    [[[2, 1, 6, 11, 4]]]
    """
    matrix, values = _weights(weights), check_acts(acts, weights)
    kernel = matrix.shape[2:]
    strides = _per_axis("stride", stride, len(kernel), low=1)
    pads = _per_axis("padding", padding, len(kernel), low=0)
    steps = _per_axis("dilation", dilation, len(kernel), low=1)
    (groups,) = _per_axis("groups", groups, 1, low=1)
    outputs, inputs = matrix.shape[:2]
    if not kernel or values.ndim != len(kernel) + 2 or values.shape[1] != inputs * groups or outputs % groups:
        raise ValueError(
            f"activations have shape {values.shape} for weights {matrix.shape} in {groups} groups; "
            "allowed: (n, groups * weight inputs, one size per kernel axis), outputs a multiple of groups"
        )
    windows = [
        sliding(n, taps=k, stride=s, dilation=d, padding=(p, p))
        for n, k, s, d, p in zip(values.shape[2:], kernel, strides, steps, pads, strict=True)
    ]
    return correlate(values, matrix, windows, groups=groups).astype(np.int64)


def conv_transpose(
    weights: Weights,
    acts: ArrayLike,
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    output_padding: Sequence[int],
) -> NDArray[np.int64]:
    """Transposed convolution of a batch: int64 (n, O, *out).

    It is a convolution of the input, spread out with zeros, with the flipped kernel.  `weights`: (O, I / groups,
    *kernel); `acts`: (n, I, *size); the options have one number per kernel axis.  Raises ``ValueError`` as
    :func:`conv` does.

    >>> options = dict(stride=[2], padding=[0], dilation=[1], groups=1, output_padding=[0])
    >>> conv_transpose(np.array([[[1, 2]]]), [[[3, 4]]], **options).tolist()
    [[[3, 6, 4, 8]]]
    """
    matrix, values = _weights(weights), check_acts(acts, weights)
    flipped = np.flip(matrix, tuple(range(2, 2 + len(stride))))
    n, inputs, *sizes = values.shape
    edges = [d * (k - 1) - p for d, k, p in zip(dilation, matrix.shape[2:], padding, strict=True)]
    spread = [(size - 1) * s + 1 for size, s in zip(sizes, stride, strict=True)]
    total = [max(e, 0) + m + max(e, 0) + o for e, m, o in zip(edges, spread, output_padding, strict=True)]
    wide = np.zeros((n, inputs, *total), np.int64)
    inner = tuple(slice(max(e, 0), max(e, 0) + m, s) for e, m, s in zip(edges, spread, stride, strict=True))
    wide[(slice(None), slice(None), *inner)] = values
    cut = tuple(slice(max(-e, 0), t - max(-e, 0)) for e, t in zip(edges, total, strict=True))
    return conv(flipped, wide[(slice(None), slice(None), *cut)], dilation=tuple(dilation), groups=groups)


def requantize(
    sums: ArrayLike, *, multiplier: ArrayLike, shift: int, bias: ArrayLike = 0, fmt: StlqFormat
) -> NDArray[np.int32]:
    """Sums to activation codes: ((sums + bias) * multiplier) / 2^shift, rounded half up, clipped to the format.

    All integers; `multiplier` (0 or more) and `bias` (in units of a sum) broadcast against `sums`.  With unsigned
    activations the clipping at 0 is a ReLU.

    Raises ``ValueError`` if something is no integer, out of range, or could overflow 64 bits.

    >>> requantize([100, -100, 3000], multiplier=3, shift=3, bias=4, fmt=StlqFormat()).tolist()
    [39, -36, 127]
    """
    values, factor, offset = (_integers(n, v) for n, v in (("sums", sums), ("multiplier", multiplier), ("bias", bias)))
    if isinstance(shift, bool) or not isinstance(shift, (int, np.integer)) or not 0 <= shift <= 62:
        raise ValueError(f"shift is {shift!r}; allowed: a whole number from 0 to 62")
    if factor.size and factor.min() < 0:
        raise ValueError(f"multiplier is {factor.min()}; allowed: 0 or more")
    half = (1 << int(shift)) >> 1
    if (peak(values) + peak(offset)) * peak(factor) + half >= 1 << 63:
        raise ValueError(f"sums up to {peak(values)} times {peak(factor)} overflow; allowed: below 2^63")
    scaled = ((values + offset) * factor + half) >> int(shift)
    return np.clip(scaled, fmt.act_min, fmt.act_max).astype(np.int32)


def fixed_point(factor: float, bits: int = 15) -> tuple[int, int]:
    """(multiplier, shift) with multiplier / 2^shift nearest to `factor`, the multiplier below 2^bits.

    Raises ``ValueError`` for a factor that is not within 2^-40..2^bits - 1.

    >>> fixed_point(0.3, bits=8)
    (154, 9)
    """
    if not 2.0**-40 <= factor <= 2**bits - 1:
        raise ValueError(f"factor is {factor!r}; allowed: 2^-40 to 2^{bits} - 1")
    shift = max(bits - math.frexp(factor)[1], 0)
    multiplier = round(math.ldexp(factor, shift))
    if multiplier >= 1 << bits:
        multiplier, shift = multiplier >> 1, shift - 1
    return multiplier, shift


def check_acts(acts: ArrayLike, weights: Weights) -> NDArray[np.int64]:
    """`acts` as int64; ``ValueError`` unless they are integers that the tensor's format can hold."""
    values = _integers("activations", acts)
    if isinstance(weights, StlqTensor) and values.size:
        fmt = weights.format
        for extreme in (values.min(), values.max()):
            if not fmt.act_min <= extreme <= fmt.act_max:
                raise ValueError(f"activation is {extreme}; allowed: {fmt.act_min} to {fmt.act_max}")
    return values


def _weights(weights: Weights) -> NDArray[np.int64]:
    if isinstance(weights, StlqTensor):
        return weights.integers().astype(np.int64)
    matrix = _integers("weights", weights)
    if matrix.ndim < 2:
        raise ValueError(f"weights have shape {matrix.shape}; allowed: (O, I, *kernel)")
    return matrix


def _integers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or array.dtype == np.uint64:
        raise ValueError(f"{name} are {array.dtype}; allowed: integers of up to 64 bits, signed")
    return array.astype(np.int64)


def _per_axis(name: str, value: Any, axes: int, low: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    good = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) and v >= low for v in values)
    if len(values) != axes or not good:
        raise ValueError(f"{name} is {value!r}; allowed: a whole number, {low} or more, or one per kernel axis")
    return tuple(int(v) for v in values)
