"""Grouped layers on an array that sees all of its lanes' channels: the tiles along the diagonal."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.model import StlqTensor
from sw_ref.tiling import Tiling


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
