"""The linear quantizer for activations: code = clip(round(x / step) + zero), ties to even, in the format's range.

This is ONNX's QuantizeLinear, and real = step * (code - zero) its DequantizeLinear.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat


def quantize_activations(x: ArrayLike, step: float, fmt: StlqFormat, zero: int = 0) -> NDArray[np.int32]:
    """Activation codes: int32, shape of `x`.  `step` is the real value of code `zero` + 1.

    The division is done in the type of `x` if that is float32 or float64, otherwise in float64.
    Raises ``ValueError`` if a value is not finite, or the step not finite and above 0 in that type.

    >>> quantize_activations([0.0, 0.5, 0.74, 0.75, -99.0], 0.5, StlqFormat(act_bits=8)).tolist()
    [0, 1, 1, 2, -128]
    """
    values = _finite(x)
    with np.errstate(over="ignore"):  # what is too large for the type is clipped, or refused if it is the step
        unit = values.dtype.type(step)
        check_step(float(unit))
        codes = np.rint(values / unit) + zero
    return np.clip(codes, fmt.act_min, fmt.act_max).astype(np.int32)


def dequantize_activations(codes: ArrayLike, step: float, zero: int = 0) -> NDArray[np.float64]:
    """The real values of activation codes: step * (code - zero)."""
    return (np.asarray(codes, np.float64) - zero) * step


def search_step(x: ArrayLike, fmt: StlqFormat) -> float:
    """The step of least squared error for sample activations `x`; 1.0 if they are all 0.

    Searches from the step that clips nothing down to 1/64 of it (clipping rare large values often pays).
    Raises ``ValueError`` for values that are not finite, or none at all.
    """
    values = _finite(x).astype(np.float64).reshape(-1)
    if values.size == 0:
        raise ValueError("there are no activations; allowed: one or more")
    full = max(float(values.max()) / fmt.act_max, float(values.min()) / (fmt.act_min or -np.inf))
    if full <= 0:
        return 1.0

    def error(step: float) -> float:
        return float(np.square(values - quantize_activations(values, step, fmt) * step).sum())

    best = min((full * 2.0 ** (-i / 4) for i in range(25)), key=error)
    return min((best * 2.0 ** (i / 32) for i in range(-7, 8)), key=error)


def _finite(x: ArrayLike) -> NDArray[Any]:
    values = np.asarray(x)
    if values.dtype != np.float32:
        with np.errstate(over="ignore"):  # what float64 cannot hold is infinite there, and refused
            values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("activations hold NaN or infinity; allowed: finite numbers")
    return values


def check_step(step: float) -> None:
    """Raise ``ValueError`` unless a step is finite and above 0."""
    if not 0 < step < np.inf:
        raise ValueError(f"step is {step!r}; allowed: a finite number above 0")
