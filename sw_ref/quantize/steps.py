"""Steps and zero points of activations, from samples: the least squared error, not the extremes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat

FINEST = 1 / 16
"""Octaves between the steps that are tried."""
OCTAVES = 4
ZEROS = 9
"""Zero points that are tried for each step, around the middle between the clipped ends."""


def search(
    samples: NDArray[Any], fmt: StlqFormat, steps: Iterable[float] | None = None, *, reach: float = 1.0
) -> tuple[float, int]:
    """(step, zero) of unsigned codes with the least squared error for `samples`; `fmt` gives their bits.

    `steps`: those that are allowed (default: all, from the one that clips nothing down).  `reach`: how much further
    than the samples other data may go: the error is that of the samples and of `reach` times the samples.  The zero
    point is 0 where no sample is negative, and some code always stands for the value 0.

    >>> search(np.array([0.0, 1.0, 2.0, 3.0]), StlqFormat(act_bits=2, act_signed=False))
    (1.0, 0)
    """
    values = np.asarray(samples, np.float64).reshape(-1)
    if reach > 1:
        values = np.concatenate([values, reach * values])
    low, high = min(float(values.min(initial=0)), 0.0), max(float(values.max(initial=0)), 0.0)
    full = full_step(values, fmt)
    if steps is None:
        steps = (full * 2.0 ** (-FINEST * i) for i in range(round(OCTAVES / FINEST)))
    found = [(step, zero) for step in steps for zero in _zeros(low / step, high / step, fmt.act_max)]
    return min(found, key=lambda scale: _error(values, *scale, fmt.act_max))


def full_step(values: NDArray[Any], fmt: StlqFormat) -> float:
    """The smallest step that clips no value; 1 over the largest code if all are 0."""
    width = max(float(values.max(initial=0)), 0.0) - min(float(values.min(initial=0)), 0.0)
    return width / fmt.act_max or 1.0 / fmt.act_max


def _zeros(low: float, high: float, act_max: int) -> list[int]:
    """Zero points worth trying for values from `low` to `high` steps."""
    if low >= 0:
        return [0]
    if high <= 0:
        return [act_max]
    first, last = max(round(act_max - high), 0), min(round(-low), act_max)
    first, last = min(first, last), max(first, last)
    return sorted({min(max(round(z), 0), act_max) for z in np.linspace(first, last, ZEROS)})


def _error(values: NDArray[np.float64], step: float, zero: int, act_max: int) -> float:
    made = np.clip(np.rint(values / step), -zero, act_max - zero) * step
    return float(np.square(values - made).mean()) if values.size else 0.0
