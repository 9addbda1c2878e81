"""Fixed, weighted samples of a weight tensor, for searches that need not look at every weight.

A sample holds all elements of the most energy, so that rare outliers count. The rest is drawn evenly, and each of
these stands for several.  The same tensor gives the same sample.  Values are divided by a power of two, so that
their squares in float32 neither overflow nor vanish.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.tiling import Selection, Tiling, largest

BLOCKS = 1 << 16
"""Most blocks of a sample: small ones cost time and memory by their number."""
HEAVY_SHARE = 8
"""One in so many of a sample is there for its energy."""


@dataclass(frozen=True, kw_only=True)
class BlockSample:
    """Whole blocks: `values` (blocks, elements of a block) float32, and how many blocks each stands for."""

    values: NDArray[np.float32]
    weights: NDArray[np.float64]
    total: int

    @classmethod
    def of(cls, weight: NDArray[Any], unit: float, tiling: Tiling, norms: NDArray[Any], elements: int) -> "BlockSample":
        """A sample of about `elements` elements of `weight` / `unit`; `norms` holds a number per block."""
        wanted = max(min(elements // math.prod(tiling.block), BLOCKS), HEAVY_SHARE)
        if tiling.count <= wanted:
            numbers, weights = np.arange(tiling.count), np.ones(tiling.count)
        else:
            heavy = largest(norms, wanted // HEAVY_SHARE)
            numbers, weights = _draw(np.flatnonzero(heavy), np.flatnonzero(~heavy), wanted)
        return cls(values=_scaled(tiling.gather(weight, numbers), unit), weights=weights, total=tiling.count)

    def select(self, selection: Selection, energies: NDArray[Any]) -> NDArray[np.bool_]:
        """The selection on the sample that stands for the selection on the tensor."""
        if selection.threshold is not None or len(self.weights) == self.total:
            return selection.of(energies)
        order = np.argsort(-energies, kind="stable")
        flags = np.empty(len(order), bool)
        flags[order] = np.cumsum(self.weights[order]) <= selection.count(self.total) * (1 + 1e-9)
        return flags


@dataclass(frozen=True, kw_only=True)
class RowSample:
    """Some elements of every row: `values` (rows, S) float32, and how many elements each of the S columns stands for.

    `columns`: where they come from, (rows, S); None if the sample is the whole matrix.
    """

    values: NDArray[np.float32]
    columns: NDArray[np.intp] | None
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[Any], unit: NDArray[Any], wanted: int) -> "RowSample":
        """`wanted` elements of each row of `rows`, divided by the row's `unit`."""
        size = rows.shape[1]
        if size <= wanted:
            return cls(values=_scaled(rows, unit[:, None]), columns=None, weights=np.ones(size))
        border = size - wanted // HEAVY_SHARE
        places, weights = _draw(np.arange(border, size), np.arange(border), wanted)
        columns = np.argpartition(np.abs(rows), border, axis=1)[:, places]
        return cls(
            values=_scaled(np.take_along_axis(rows, columns, axis=1), unit[:, None]), columns=columns, weights=weights
        )

    def pick(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """The elements of another matrix of the same shape, from the same places."""
        return matrix if self.columns is None else np.take_along_axis(matrix, self.columns, axis=1)


def _scaled(values: NDArray[Any], unit: Any) -> NDArray[np.float32]:
    # Narrowed last: float64 weights, and units, may be too small for a float32.
    return (values / unit).astype(np.float32, copy=False)


def _draw(heavy: NDArray[Any], light: NDArray[Any], wanted: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """`wanted` numbers and their weights: all of `heavy`, and one at random from each of equal strata of `light`."""
    strata = wanted - len(heavy)
    places = (np.arange(strata) + np.random.default_rng(0).random(strata)) * (len(light) / strata)
    drawn = light[np.minimum(places.astype(np.intp), len(light) - 1)]
    weights = np.concatenate([np.ones(len(heavy)), np.full(strata, len(light) / strata)])
    return np.concatenate([heavy, drawn]), weights
