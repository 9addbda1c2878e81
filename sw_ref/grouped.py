"""Grouped layers on an array that sees all of its lanes' channels: the tiles along the diagonal."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.model import StlqTensor
from sw_ref.tiling import Tiling, check_tile


def diagonal(tensor: StlqTensor) -> tuple[StlqTensor, NDArray[np.bool_]]:
    """The tensor as one of a single group, and which of its tiles the array must stream.

    Its weights are (O, groups * I, *kernel), 0 where an output channel does not see an input channel.  A tile is
    streamed if it holds a weight of the grouped tensor; it has two words if any tile of that one in it has.
    """
    if tensor.groups == 1:
        return tensor, np.ones(tensor.two_word.shape, bool)
    shape = (tensor.shape[0], *tensor.act_shape)
    tiling = Tiling.of(shape, tensor.tile)
    flags = tiling.any(_spread(tensor, tensor.tiling.expand(tensor.two_word)).astype(bool))
    kept = tiling.any(_spread(tensor, np.ones(tensor.shape, np.uint8)).astype(bool))
    words = {part: _spread(tensor, getattr(tensor, part)) for part in ("word1", "word2")}
    return replace(tensor, **words, two_word=flags.astype(np.uint8), groups=1), kept


def _spread(tensor: StlqTensor, values: NDArray[Any]) -> NDArray[Any]:
    """(O, I, *kernel) -> (O, groups * I, *kernel), 0 outside the groups."""
    groups, (outputs, inputs, *kernel) = tensor.groups, tensor.shape
    wide = np.zeros((groups, outputs // groups, groups, inputs, *kernel), values.dtype)
    own = np.arange(groups)
    wide[own, :, own] = values.reshape(groups, outputs // groups, inputs, *kernel)
    return wide.reshape(outputs, groups * inputs, *kernel)


@dataclass(frozen=True, kw_only=True, eq=False)
class Streamed:
    """The tiles that the array streams for a grouped weight.

    `grid`: of the weight's own tiles.  `pairs` (2, n): at each kernel position, streamed tile pairs[0, i] holds weights
    of the weight's tile pairs[1, i].  Without groups the two are the same.
    """

    grid: tuple[int, ...]
    pairs: NDArray[np.intp]

    @classmethod
    def of(cls, shape: tuple[int, ...], tile: tuple[int, int], groups: int) -> "Streamed":
        """For a weight (O, I, *kernel) of `groups` groups."""
        (outputs, inputs), (pe, lanes) = shape[:2], check_tile(tile)
        grid = Tiling.of(shape, tile).grid
        if groups == 1:
            return cls(grid=grid, pairs=np.tile(np.arange(grid[0] * grid[1]), (2, 1)))
        output, channel = np.arange(outputs)[:, None], np.arange(inputs)
        row = output // pe
        column = (output // (outputs // groups) * inputs + channel) // lanes
        both = np.stack([row * groups * inputs + column, row * grid[1] + channel // lanes]).reshape(2, -1)
        pairs = np.unique(both, axis=1)
        pairs[0] = np.unique(pairs[0], return_inverse=True)[1].reshape(-1)
        return cls(grid=grid, pairs=pairs)

    @property
    def count(self) -> int:
        """How many tiles are streamed."""
        return (int(self.pairs[0].max()) + 1) * math.prod(self.grid[2:])

    @property
    def costs(self) -> NDArray[np.int64]:
        """How many streamed tiles get a second word with each tile of the weight: int64, in its grid."""
        each = np.bincount(self.pairs[1]).reshape(*self.grid[:2], *(1 for _ in self.grid[2:]))
        return np.broadcast_to(each, self.grid).astype(np.int64)

    def second(self, two_word: NDArray[Any]) -> int:
        """How many streamed tiles have two words if `two_word` tiles of the weight have."""
        flags = np.asarray(two_word, bool).reshape(self.grid[0] * self.grid[1], -1)
        streamed = np.zeros((int(self.pairs[0].max()) + 1, flags.shape[1]), bool)
        np.logical_or.at(streamed, self.pairs[0], flags[self.pairs[1]])
        return int(np.count_nonzero(streamed))
