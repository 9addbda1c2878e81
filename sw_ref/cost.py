"""The cost of a quantized tensor, in the paper's terms and in the array's."""

from dataclasses import dataclass

import numpy as np

from sw_ref.grouped import diagonal
from sw_ref.model import StlqTensor
from sw_ref.tiling import Tiling

SCALE_BITS = 32


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one tensor, or of several added up.

    `weights`, `words`: how many weights, and words of them (padding not counted).  `tiles`, `two_word_tiles`: that the
    array streams, of a grouped layer those along the diagonal.  `storage_bits`: words * N, one flag per block of the
    granularity, 32 bits per scale.  `fix_ops`: one shift-and-add per word for each use of the weights.  `beats`: array
    cycles without stalls, latency not counted.
    """

    weights: int = 0
    words: int = 0
    tiles: int = 0
    two_word_tiles: int = 0
    storage_bits: int = 0
    fix_ops: int = 0
    beats: int = 0

    @property
    def two_word_ratio(self) -> float:
        """Share of tiles with two words (0 if there are none)."""
        return self.two_word_tiles / self.tiles if self.tiles else 0.0

    @property
    def bits_per_weight(self) -> float:
        return self.storage_bits / self.weights if self.weights else 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


def cost(tensor: StlqTensor, *, uses: int = 1) -> Cost:
    """The cost of `tensor`; `uses` is how often its weights are used: output positions of a convolution, or 1.

    A block of an "element", "filter" or "layer" granularity counts as two-word if any of its second words is not 0.
    """
    blocks = Tiling.of(tensor.shape, tensor.tile, tensor.granularity)
    flags = tensor.two_word if tensor.granularity == "tile" else blocks.any(tensor.word2 != 0)
    weights = tensor.word1.size
    words = weights + int(np.count_nonzero(blocks.expand(flags)))
    streamed, kept = diagonal(tensor)
    tiles, two_word_tiles = int(np.count_nonzero(kept)), int(np.count_nonzero(streamed.two_word[kept]))
    return Cost(
        weights=weights,
        words=words,
        tiles=tiles,
        two_word_tiles=two_word_tiles,
        storage_bits=words * tensor.format.bits + blocks.count + SCALE_BITS * tensor.scale.size,
        fix_ops=words * uses,
        beats=(tiles + two_word_tiles) * uses,
    )
