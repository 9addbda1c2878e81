"""Integer parameters from real scales: what turns a node's sums into its output's codes."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.function import Function
from rtl_gen.frontend.scales import Scale
from sw_ref.activations import quantize_activations
from sw_ref.format import StlqFormat
from sw_ref.network import Requantizer
from sw_ref.network.multiplier import nearest, with_added
from sw_ref.network.requantizer import code_dtype

LARGEST = float(np.finfo(np.float32).max)
EXACT = 1e-6
"""Largest relative error of a multiplier that counts as none: that of a scale in float32."""


def requantizer(
    factors: NDArray[np.float64],
    bias: NDArray[np.float64],
    fmt: StlqFormat,
    scales: tuple[Scale, Scale],
    function: Function,
    added: float | None = None,
) -> tuple[Requantizer, float]:
    """The parameters of y = factor * (S + bias) in units of the output's step, and the largest error of a multiplier.

    `factors`: (C,) or (rows, C), real value of 1 in S over the step before the function.  `bias`: (C,), in units of S.
    `scales`: before the function, and of the output.  `added`: the same factor for the tensor that is added.

    Raises :class:`UsageError` for a factor or a bias that no parameter reaches.
    """
    multiplier, shift = _multipliers(factors)
    errors = [_error(multiplier, shift, factors)]
    low, high, table = _limits(fmt, scales, function)
    if table is not None:
        # y + z_out is the code before the function: the table undoes the difference of zero points.
        bias = bias + (scales[0][1] - scales[1][1]) / factors.reshape(-1, factors.shape[-1])[0]
    add_multiplier = None
    if added is not None:
        try:
            multiplier, shift, add_multiplier = with_added(multiplier, shift, added)
        except ValueError as error:
            raise UsageError(str(error)) from error
        errors += [_error(add_multiplier, shift, added), _error(multiplier, shift, factors)]
    parts = Requantizer(
        bias=_rounded(bias),
        multiplier=multiplier.astype(np.int32),
        shift=shift.astype(np.uint8),
        add_multiplier=None if add_multiplier is None else add_multiplier.astype(np.int32),
        low=low,
        high=high,
        table=table,
    )
    return parts, max(errors)


def _multipliers(factors: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The nearest (multiplier, shift) of each factor."""
    pairs = np.array([nearest(factor) for factor in factors.reshape(-1)])
    multiplier, shift = (part.reshape(factors.shape) for part in pairs.T)
    if not multiplier.all() or not np.isfinite(_error(multiplier, shift, factors)):
        raise UsageError(
            f"its sums have units of {factors.min():.3g} to {factors.max():.3g} of a step of its output; "
            f"allowed: 2^-47 to 129"
        )
    return multiplier, shift


def _error(multiplier: NDArray[Any], shift: NDArray[Any], factor: NDArray[np.float64] | float) -> float:
    """The largest relative difference between multiplier / 2^shift and the factor that it stands for."""
    return float(np.abs(multiplier / 2.0**shift / factor - 1).max())


def _rounded(bias: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bias in whole units of its sum, rounded half up."""
    whole = np.floor(bias + 0.5)
    if np.abs(whole).max(initial=0) >= 2.0**47:
        raise UsageError(f"a bias is {np.abs(whole).max():.3g} units of its sum; allowed: below 2^47")
    return whole.astype(np.int64)


def _limits(fmt: StlqFormat, scales: tuple[Scale, Scale], function: Function) -> tuple[int, int, NDArray[Any] | None]:
    """Lowest and highest code, and the table where the function is no clipping."""
    (step, zero), (step_out, zero_out) = scales
    if function.bounds is not None:
        low, high = (
            min(max(math.floor(bound / step_out + 0.5) + zero_out, 0), fmt.act_max) if math.isfinite(bound) else end
            for bound, end in zip(function.bounds, (0, fmt.act_max), strict=True)
        )
        return low, high, None
    codes = np.arange(fmt.act_max + 1)
    table = quantize_activations(_defined(function(step * (codes - zero))), step_out, fmt, zero_out)
    return 0, fmt.act_max, table.astype(code_dtype(fmt.act_bits))


def _defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A function's values of all codes; where it has none, as the root of less than 0, that of the nearest code."""
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        raise UsageError("its function has no value for any code; allowed: one that is defined where its input lies")
    at = np.rint(np.interp(np.arange(len(values)), known, np.arange(len(known)))).astype(np.intp)
    return np.clip(values[known[at]], -LARGEST, LARGEST)
