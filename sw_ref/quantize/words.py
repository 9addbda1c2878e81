"""One pass over a weight tensor at a given scale, in parts that stay in the processor's cache."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import split_words, working
from sw_ref.tiling import Tiling

PART_ELEMENTS = 1 << 15
"""Elements per part: about 1 MiB with all temporaries."""


def encode(
    weight: NDArray[Any], scale: NDArray[np.float32], fmt: StlqFormat, tiling: Tiling, *, literal: bool
) -> tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.float64]]:
    """Both words of every weight, and the squared l2 norm of r1 per block (float64, shape `tiling.grid`).

    `scale` has shape () or (O,).  A block's second words are for the caller to keep or to clear.
    """
    word1, word2 = np.empty(tiling.shape, np.int8), np.empty(tiling.shape, np.int8)
    energies = np.zeros(tiling.grid)
    for part, blocks in tiling.parts(PART_ELEMENTS):
        unit = along_outputs(scale, weight.ndim)[part[0]] if scale.ndim else scale
        values, unit = working(np.ascontiguousarray(weight[part]), unit, literal=literal)
        word1[part], word2[part], r1, _ = split_words(values, unit, fmt, literal)
        energies[blocks] += tiling.sums(np.square(r1, dtype=np.float64))
    return word1, word2, energies


def along_outputs(scale: NDArray[Any], axes: int) -> NDArray[Any]:
    """A scale of shape (O,), made to broadcast against a weight with `axes` axes."""
    return scale.reshape(-1, *(1,) * (axes - 1))


def block_norms(weight: NDArray[Any], tiling: Tiling) -> NDArray[np.float32]:
    """The l2 norm of the weights of each block: float32, shape `tiling.grid`; for rankings only."""
    energies = np.zeros(tiling.grid)
    for part, blocks in tiling.parts(PART_ELEMENTS):
        energies[blocks] += tiling.sums(np.square(weight[part], dtype=np.float64))
    return np.sqrt(energies, out=energies).astype(np.float32)
