"""The baselines' weights, in the form in which streams, simulations and benches handle tensors."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.baseline import AnyBaseline


@dataclass(frozen=True, eq=False)
class BaselineTensor:
    """Codes (O, I) of a baseline's format, cut into tiles like an STLQ tensor whose tiles all have one word."""

    word1: NDArray[np.int16]
    format: AnyBaseline
    tile: tuple[int, int]
    groups: int = 1
    granularity: ClassVar = "tile"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.word1.shape

    @property
    def act_shape(self) -> tuple[int, ...]:
        """The shape of one activation vector."""
        return self.shape[1:]

    @property
    def scale(self) -> NDArray[np.float32]:
        """That of integers."""
        return np.ones((), np.float32)

    @property
    def word2(self) -> NDArray[np.int16]:
        return np.zeros_like(self.word1)

    @property
    def two_word(self) -> NDArray[np.uint8]:
        tiles = [-(-size // step) for size, step in zip(self.shape, self.tile, strict=True)]
        return np.zeros(tiles, np.uint8)

    def integers(self) -> NDArray[np.int64]:
        """The weights; the golden sums are products with these."""
        weights = np.array([self.format.weight(code) for code in self.format.codes])
        return weights[self.word1]
