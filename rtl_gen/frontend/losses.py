"""The report on each layer: its shape, and how much of the signal it lost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.sqnr import relative_error


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """The report on a node: its name and operator, shape of the weights, R, and relative squared errors.

    `weight_error`: of the weights; `output_error`: of the output codes, all nodes before it included; `lost`: dB
    between its worst input and its output; `beats`: array cycles per input; `off`: largest relative error of a
    multiplier; `scarce`: its inputs were seen fewer times than an output has weights, so that its words fit these data
    closely.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    ratio: float
    weight_error: float
    output_error: float
    lost: float
    beats: int
    off: float
    scarce: bool

    @property
    def added(self) -> float:
        """The part of `output_error` that is new here."""
        return self.output_error * (1 - 10 ** (-self.lost / 10))


def relative(wanted: NDArray[Any], made: NDArray[Any]) -> float:
    """The relative squared error of an array: see :func:`~rtl_gen.sqnr.relative_error`."""
    # Input by input, so that no copy of the whole in float64 is made.
    error = sum(float(np.square(a - b, dtype=np.float64).sum()) for a, b in zip(wanted, made, strict=True))
    signal = sum(float(np.square(a, dtype=np.float64).sum()) for a in wanted)
    return relative_error(error, signal)
