"""The sum of two tensors: `add`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.network.operator import Arithmetic, Range, Shape


@dataclass(frozen=True, kw_only=True)
class Add(Arithmetic):
    """S = the first input's code; the second input is the tensor r that the requantizer adds."""

    op: ClassVar[str] = "add"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        return shapes[0]

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        return acts

    def sum_range(self, shape: Shape, weights: NDArray[np.int32], act_max: int) -> Range:
        return np.zeros(shape[0], np.int64), np.full(shape[0], act_max, np.int64)
