"""Statistics of inputs for the quantization of a layer: their second moments, gathered part by part.

Two networks run side by side: the float one, whose outputs are wanted, and the quantized one, whose inputs the layer
will really see.
"""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.windows import Window, surround, taps_of

TARGET_DAMPING = 0.01
"""How far a layer makes up for the errors of the layers before it: less with more damping."""


@dataclass(kw_only=True)
class Moments:
    """Sums over positions of columns x (quantized network) and f (float network), each of `groups` x `size` inputs."""

    groups: int
    size: int
    count: int = 0
    sum_x: NDArray[np.float64] = field(init=False)
    sum_f: NDArray[np.float64] = field(init=False)
    xx: NDArray[np.float64] = field(init=False)
    fx: NDArray[np.float64] = field(init=False)
    ff: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.sum_x, self.sum_f = (np.zeros((self.groups, self.size)) for _ in range(2))
        self.xx, self.fx = (np.zeros((self.groups, self.size, self.size)) for _ in range(2))
        self.ff = np.zeros((self.groups, self.size))

    def add(self, x: NDArray[np.float32], f: NDArray[np.float32]) -> None:
        """Add columns of both networks at the same positions: (groups, positions, size) each."""
        self.count += x.shape[1]
        self.sum_x += x.sum(axis=1, dtype=np.float64)
        self.sum_f += f.sum(axis=1, dtype=np.float64)
        self.ff += np.square(f, dtype=np.float64).sum(axis=1)
        self.xx += x.transpose(0, 2, 1) @ x
        self.fx += f.transpose(0, 2, 1) @ x

    @property
    def means(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means of the inputs in the quantized and in the float network: (groups, size) each."""
        count = max(self.count, 1)
        return self.sum_x / count, self.sum_f / count

    @property
    def spread(self) -> NDArray[np.float64]:
        """H: the covariance of the quantized network's inputs, (groups, size, size)."""
        mean = self.means[0]
        return self.xx / max(self.count, 1) - mean[:, :, None] * mean[:, None, :]

    @property
    def noise(self) -> NDArray[np.float64]:
        """How far rounding may move eigenvalues of H, (groups,): much where means are large beside what varies.

        Products are added in float32, so their error goes with the squares that the means are then taken from.
        """
        return np.finfo(np.float32).eps * np.trace(self.xx, axis1=1, axis2=2) / max(self.count, 1)

    def target(self, weight: NDArray[Any], damping: float | None = None) -> NDArray[np.float64]:
        """The weights (groups, R, size) that bring the quantized network's inputs closest to the float outputs.

        Least squares, damped towards `weight` itself: W C (H + l I)^-1 with C the covariance of both inputs.
        """
        mean_x, mean_f = self.means
        cross = self.fx / max(self.count, 1) - mean_f[:, :, None] * mean_x[:, None, :]
        moments = self.spread
        energy = np.trace(moments, axis1=1, axis2=2) / self.size
        share = TARGET_DAMPING if damping is None else damping
        loads = np.maximum(share * np.where(energy > 0, energy, 1.0), self.noise)
        load = loads[:, None, None] * np.eye(self.size)
        right = (weight @ (cross + load)).transpose(0, 2, 1)
        return np.linalg.solve(moments + load, right).transpose(0, 2, 1).astype(np.float64)

    def offset(self, weight: NDArray[Any], quantized: NDArray[Any]) -> NDArray[np.float64]:
        """The correction of each output (groups, R) of `quantized` weights: with it, the means of the outputs agree."""
        mean_x, mean_f = self.means
        return np.einsum("grn,gn->gr", weight, mean_f) - np.einsum("grn,gn->gr", quantized, mean_x)


def columns(
    acts: NDArray[np.float32], windows: tuple[Window, Window], groups: int, places: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The inputs that a convolution multiplies at some outputs: (groups, places, inputs of a group * taps).

    `acts`: real inputs (n, C, H, W), 0 outside.  `places`: outputs, counted in C order over (n, rows, columns).
    """
    rows, cols = windows
    image, row, col = np.unravel_index(places, (len(acts), rows.outputs, cols.outputs))
    padded = surround(acts, windows, 0)
    taps = list(product(range(rows.taps), range(cols.taps)))
    found = np.empty((len(places), acts.shape[1], len(taps)), np.float32)
    for number, tap in enumerate(taps):
        found[:, :, number] = taps_of(padded, windows, tap)[image, :, row, col]
    return np.ascontiguousarray(found.reshape(len(places), groups, -1).transpose(1, 0, 2))


def chosen_places(count: int, wanted: int) -> NDArray[np.intp]:
    """All of `count` places, or a fixed random choice of `wanted` of them, in order."""
    if count <= wanted:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, wanted, replace=False))
