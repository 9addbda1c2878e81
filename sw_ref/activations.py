"""The linear quantizer for activations: a = clip(round(x / step)), half up, in the format's range."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.format import StlqFormat


def quantize_activations(x: ArrayLike, step: float, fmt: StlqFormat) -> NDArray[np.int32]:
    """Activation codes: int32, shape of `x`.  `step` is the real value of code 1.

    Raises ``ValueError`` if a value is not finite, or the step not finite and above 0.

    >>> quantize_activations([0.0, 0.5, 0.74, 0.75, -99.0], 0.5, StlqFormat(act_bits=8)).tolist()
    [0, 1, 1, 2, -128]
    """
    values = _finite(x)
    _check_step(step)
    return np.clip(np.floor(values / step + 0.5), fmt.act_min, fmt.act_max).astype(np.int32)


def dequantize_activations(codes: ArrayLike, step: float) -> NDArray[np.float64]:
    """What activation codes stand for: code * step."""
    return np.asarray(codes, np.float64) * step


def search_step(x: ArrayLike, fmt: StlqFormat) -> float:
    """The step of least squared error for sample activations `x`; 1.0 if they are all 0.

    Searches from the step that clips nothing down to 1/64 of it (clipping rare large values often pays).
    Raises ``ValueError`` for values that are not finite, or none at all.
    """
    values = _finite(x).reshape(-1)
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
    values = np.asarray(x, np.float64)
    if not np.isfinite(values).all():
        raise ValueError("activations hold NaN or infinity; allowed: finite numbers")
    return values


def _check_step(step: float) -> None:
    if not 0 < step < np.inf:
        raise ValueError(f"step is {step!r}; allowed: a finite number above 0")
