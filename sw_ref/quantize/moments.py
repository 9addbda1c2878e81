"""Statistics of inputs for the quantization of a layer: their second moments, gathered part by part.

Two networks run side by side: the float one, whose outputs are wanted, and the quantized one, whose inputs the layer
will really see.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.quantize.compensate import loaded
from sw_ref.windows import Window, surround

TARGET_DAMPING = 0.01
"""How far a layer makes up for the errors of the layers before it: less with more damping.

This is with many positions: inputs / positions are added to it.
"""


@dataclass(kw_only=True, eq=False)
class Moments:
    """Statistics of a layer's inputs, columns x (quantized network) and f (float network), and of its float outputs.

    `weight`: the real weights, float32 (groups, R, size).  All columns are taken relative to a `shift` (groups, size),
    the mean of the first ones: squares of large means would leave no digits for what varies.
    """

    weight: NDArray[np.float32]
    count: int = 0
    shift: NDArray[np.float32] = field(init=False)
    sum_x: NDArray[np.float64] = field(init=False)
    sum_f: NDArray[np.float64] = field(init=False)
    xx: NDArray[np.float64] = field(init=False)
    wx: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        groups, _, size = self.weight.shape
        self.shift = np.zeros((groups, size), np.float32)
        self.sum_x, self.sum_f = np.zeros((2, groups, size))
        self.xx, self.wx = np.zeros((groups, size, size)), np.zeros(self.weight.shape)

    @property
    def size(self) -> int:
        """Weights of an output."""
        return self.weight.shape[2]

    def add(self, x: NDArray[np.float32], f: NDArray[np.float32]) -> None:
        """Add columns of both networks at the same positions: (groups, positions, size) each."""
        if not self.count:
            self.shift = x.mean(axis=1, dtype=np.float64).astype(np.float32)
        # Products are of values below 1, in float32: division by a power of two loses nothing.
        unit, heavy = power_above(x, f, self.shift), power_above(self.weight)
        shift, weight = (self.shift / unit)[:, None], self.weight / heavy
        own: NDArray[Any] = x / unit - shift
        wanted: NDArray[Any] = own if f is x else f / unit - shift
        self.count += x.shape[1]
        self.sum_x += own.sum(axis=1, dtype=np.float64) * unit
        self.sum_f += wanted.sum(axis=1, dtype=np.float64) * unit
        xx = own.transpose(0, 2, 1) @ own
        wx = weight @ xx if f is x else outputs_by_inputs(weight, own, wanted.transpose(0, 2, 1))
        square = np.square(unit, dtype=np.float64)
        self.xx += xx * square
        self.wx += wx * (square * heavy)

    def release(self) -> None:
        """Give back the memory of all products: the means and :meth:`offset` are left."""
        self.xx = self.wx = np.zeros((0, 0, 0))

    @property
    def means(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means of the inputs in the quantized and in the float network: (groups, size) each."""
        count = max(self.count, 1)
        return self.shift + self.sum_x / count, self.shift + self.sum_f / count

    @property
    def spread(self) -> NDArray[np.float64]:
        """H: the covariance of the quantized network's inputs, (groups, size, size)."""
        count = max(self.count, 1)
        mean = self.sum_x / count
        return self.xx / count - mean[:, :, None] * mean[:, None, :]

    def target(self, damping: float | None = None) -> NDArray[np.float64]:
        """The weights (groups, R, size) that bring the quantized network's inputs closest to the float outputs.

        Least squares, damped towards `weight` itself: W (C + l I) (H + l I)^-1, C the covariance of both inputs.
        `damping`: l as a share of the mean energy.  By default it grows with the inputs per position, as the variance
        of least squares does (Hoerl, Kennard and Baldwin, 1975).
        """
        count, moments = max(self.count, 1), self.spread
        means = self.weight @ (self.sum_f / count)[:, :, None] * (self.sum_x / count)[:, None, :]
        energy = np.trace(moments, axis1=1, axis2=2) / self.size
        share = TARGET_DAMPING + self.size / count if damping is None else damping
        load = share * np.where(energy > 0, energy, 1.0)
        right = self.wx / count - means + self.weight * load[:, None, None]
        found = np.linalg.solve(loaded(moments, load), right.transpose(0, 2, 1)).transpose(0, 2, 1)
        return found.astype(np.float64, copy=False)

    def offset(self, quantized: NDArray[Any]) -> NDArray[np.float64]:
        """The correction of each output (groups, R) of `quantized` weights: with it, the means of the outputs agree."""
        mean_x, mean_f = self.means
        return np.einsum("grn,gn->gr", self.weight, mean_f) - np.einsum("grn,gn->gr", quantized, mean_x)


def power_above(*arrays: NDArray[np.float32]) -> np.float32:
    """The least power of two above all magnitudes, as far as float32 has one; 1 if all are 0."""
    largest = max(float(end) for array in arrays for end in (array.max(), -array.min()))
    return np.float32(2.0 ** min(np.frexp(largest)[1], 127))


def outputs_by_inputs(weight: NDArray[Any], x: NDArray[Any], f: NDArray[Any]) -> NDArray[Any]:
    """W f x^T, in the order that takes fewer multiplications."""
    return (weight @ f) @ x if 2 * weight.shape[1] < weight.shape[2] else weight @ (f @ x)


def columns(
    acts: NDArray[np.float32], windows: tuple[Window, Window], groups: int, places: NDArray[np.intp]
) -> NDArray[np.float32]:
    """The inputs that a convolution multiplies at some outputs: (groups, places, inputs of a group * taps).

    `acts`: real inputs (n, C, H, W), 0 outside.  `places`: outputs, counted in C order over (n, rows, columns).
    """
    rows, cols = windows
    image, row, col = np.unravel_index(places, (len(acts), rows.outputs, cols.outputs))
    first = int(image.min())
    padded = surround(acts[first : int(image.max()) + 1], windows, 0)
    height, width = padded.shape[2:]
    # All channels of a position side by side: each tap of each place is one copy of a row.
    positions = np.ascontiguousarray(padded.transpose(0, 2, 3, 1)).reshape(-1, acts.shape[1])
    corner = ((image - first) * height + row * rows.stride) * width + col * cols.stride
    taps = np.add.outer(np.arange(rows.taps) * rows.dilation * width, np.arange(cols.taps) * cols.dilation)
    found = positions[np.add.outer(corner, taps.reshape(-1))].reshape(len(places), taps.size, groups, -1)
    return np.ascontiguousarray(found.transpose(2, 0, 3, 1)).reshape(groups, len(places), -1)


def chosen_places(count: int, wanted: int) -> NDArray[np.intp]:
    """All of `count` places, or a fixed random choice of `wanted` of them, in order."""
    if count <= wanted:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, wanted, replace=False))
