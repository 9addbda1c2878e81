"""Blocks of a weight tensor, and which of them get two words.

A weight tensor is (output channels, input channels, *kernel).  The granularities differ only in the shape of
the block that shares one decision: an element, a filter (one output channel), a tile, the whole layer.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRANULARITIES = ("element", "filter", "tile", "layer")


@dataclass(frozen=True)
class Tiling:
    """A tensor `shape` cut into blocks of shape `block`; the blocks at the upper edges may be ragged.

    >>> tiling = Tiling.of((10, 20, 3, 3), (8, 8))
    >>> tiling.grid, tiling.count
    ((2, 3, 3, 3), 54)
    """

    shape: tuple[int, ...]
    block: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], tile: tuple[int, int], granularity: str = "tile") -> "Tiling":
        """The blocks of a granularity; `tile` is (output, input) channels and matters for "tile" only.

        Raises ``ValueError`` for an unknown granularity or a tile that is not two positive whole numbers.
        """
        outputs, inputs, *kernel = shape
        pe, lanes = check_tile(tile)
        blocks = {
            "element": (1,) * len(shape),
            "filter": (1, inputs, *kernel),
            "tile": (min(pe, outputs), min(lanes, inputs), *(1 for _ in kernel)),
            "layer": tuple(shape),
        }
        return cls(tuple(shape), blocks[check_granularity(granularity)])

    @property
    def grid(self) -> tuple[int, ...]:
        """Blocks along each axis: the shape of one flag per block."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.block, strict=True))

    @property
    def count(self) -> int:
        """Number of blocks."""
        return math.prod(self.grid)

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum of `values` over each block of a tensor of this shape (or of a part that starts at a block)."""
        for axis, step in enumerate(self.block):
            size = values.shape[axis]
            if step >= size > 1:
                values = values.sum(axis=axis, keepdims=True)
            elif step > 1:
                values = np.add.reduceat(values, np.arange(0, size, step), axis=axis)
        return values

    def expand(self, flags: NDArray[Any]) -> NDArray[Any]:
        """One flag per block (shape `grid`) -> one per element (shape `shape`)."""
        for axis, (size, step) in enumerate(zip(self.shape, self.block, strict=True)):
            if step > 1:
                flags = np.repeat(flags, step, axis=axis)[(slice(None),) * axis + (slice(0, size),)]
        return flags

    def any(self, mask: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether any element of each block is true."""
        for axis, step in enumerate(self.block):
            if step > 1:
                mask = np.logical_or.reduceat(mask, np.arange(0, self.shape[axis], step), axis=axis)
        return mask

    def parts(self, elements: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
        """Cut the tensor into parts of about `elements` elements, for work that must stay in the cache.

        Yields (slices of the tensor, slices of the grid).  A part holds whole blocks, or lies in one row of
        blocks that span the axis: sums over the parts may be added to the grid.
        """
        kernel = math.prod(self.shape[2:])
        inputs = self._step(1, elements // kernel)
        outputs = self._step(0, elements // (kernel * min(inputs, self.shape[1])))
        for start in range(0, self.shape[0], outputs):
            for first in range(0, self.shape[1], inputs):
                corner = ((0, start, outputs), (1, first, inputs))
                part = tuple(slice(at, min(at + step, self.shape[axis])) for axis, at, step in corner)
                blocks = tuple(
                    slice(s.start // self.block[axis], (s.stop - 1) // self.block[axis] + 1)
                    for axis, s in enumerate(part)
                )
                yield part, blocks

    def _step(self, axis: int, wanted: int) -> int:
        """Elements along `axis` per part: whole blocks, or (inside a block that is longer) any number."""
        block = self.block[axis]
        if wanted >= block:
            return wanted // block * block
        return block if block < self.shape[axis] else max(wanted, 1)

    def gather(self, values: NDArray[Any], blocks: NDArray[np.intp]) -> NDArray[Any]:
        """The elements of some blocks, by their number in the grid: (len(blocks), elements of a block), 0 outside."""
        index = np.int32 if values.size < 1 << 31 else np.int64  # half the memory where it will do
        position = np.zeros((len(blocks),) + (1,) * len(self.shape), index)
        inside = np.ones_like(position, bool)
        for axis, corner in enumerate(np.unravel_index(blocks, self.grid)):
            step, size = self.block[axis], self.shape[axis]
            along = (np.asarray(corner, index) * index(step))[:, None] + np.arange(step, dtype=index)
            along = along.reshape(len(blocks), *(step if a == axis else 1 for a in range(len(self.shape))))
            position = position * index(size) + np.minimum(along, index(size - 1))
            inside = inside & (along < size)
        found = values.reshape(-1)[position]
        found *= inside
        return found.reshape(len(blocks), -1)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The choice of blocks that get two words: the share `ratio` with the largest residuals, or all above `threshold`.

    `ratio` is 0..1; the count is exactly ratio * blocks, rounded half up, with the ratio taken as the decimal
    that it is written as; of equal residuals the first in C order goes first.  `threshold` is a limit on the
    l2 norm of a block's residual r1, in the unit of the weights; the block must exceed it.

    >>> Selection(ratio=0.5).of(np.array([1.0, 4.0, 4.0, 2.0, 4.0])).tolist()
    [False, True, True, False, True]
    """

    ratio: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if (self.ratio is None) == (self.threshold is None):
            given = "both are" if self.ratio is not None else "neither is"
            raise ValueError(f"of ratio and threshold {given} given; allowed: exactly one")
        if self.ratio is not None and not 0 <= self.ratio <= 1:
            raise ValueError(f"ratio is {self.ratio!r}; allowed: a number from 0 to 1")
        if self.threshold is not None and not 0 <= self.threshold < math.inf:
            raise ValueError(f"threshold is {self.threshold!r}; allowed: a finite number, 0 or more")

    def count(self, blocks: int) -> int:
        """How many of `blocks` blocks the ratio selects."""
        return _share(float(self.ratio or 0), blocks)

    def of(self, energies: NDArray[Any]) -> NDArray[np.bool_]:
        """Flags of the selected blocks, from the squared l2 norms of their residuals; same shape."""
        if self.threshold is not None:
            return np.sqrt(energies) > self.threshold
        return largest(energies, self.count(energies.size))


@lru_cache
def _share(ratio: float, blocks: int) -> int:
    """ratio * blocks, rounded half up. The search for a scale asks the same a hundred times."""
    return int((Decimal(repr(ratio)) * blocks).to_integral_value(ROUND_HALF_UP))


def largest(values: NDArray[Any], count: int) -> NDArray[np.bool_]:
    """Flags of the `count` largest values; of equal ones the first in C order goes first."""
    if count == 0:
        return np.zeros(values.shape, bool)
    flat = values.reshape(-1)
    limit = np.partition(flat, flat.size - count)[flat.size - count]
    chosen = flat > limit
    ties = np.flatnonzero(flat == limit)
    chosen[ties[: count - np.count_nonzero(chosen)]] = True
    return chosen.reshape(values.shape)


def check_granularity(granularity: Any) -> str:
    """`granularity` if it is one; else ``ValueError``."""
    if granularity not in GRANULARITIES:
        raise ValueError(f"granularity is {granularity!r}; allowed: {', '.join(GRANULARITIES)}")
    return granularity


def check_tile(tile: Any) -> tuple[int, int]:
    """`tile` as (pe, lanes); else ``ValueError``."""
    good = isinstance(tile, (tuple, list)) and len(tile) == 2
    if not good or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in tile):
        raise ValueError(f"tile is {tile!r}; allowed: two whole numbers, 1 or more")
    return tile[0], tile[1]
