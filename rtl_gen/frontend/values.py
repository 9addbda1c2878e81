"""Tensors of the file in terms of tensors of the network: which one, seen in which order, with which function."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.function import Function
from sw_ref.network import Flatten, Permute, PixelShuffle, Slice
from sw_ref.network.operator import Operator, Shape


class Refusal(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A node that cannot be imported: the reason, and what would be needed."""


def single(products: NDArray[np.float64]) -> NDArray[np.float32]:
    """Products of constants as float32.  Raises :class:`Refusal` if all of them are too small for it."""
    largest, least = float(np.abs(products).max(initial=0)), float(np.finfo(np.float32).tiny)
    if 0 < largest < least:
        raise Refusal(f"its constants have products of at most {largest:.3g}; needed: {least:.3g}, which float32 holds")
    return products.astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Value:
    """A tensor of the file: `function` of the elements of `tensor`.

    `shape`: in the file, batch first.  `index`: for each element the place of its original, counted in C order over
    the batch of `tensor`; None: the same order.  `whole`: it holds integers; `codes` says which quantizer (scale,
    zero point) made them.  `sources`: the nodes of the file that the function stands for.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    index: NDArray[np.int64] | None = None
    function: Function = field(default_factory=Function)
    whole: bool = False
    codes: tuple[Any, Any] | None = None
    sources: tuple[str, ...] = ()

    def places(self) -> NDArray[np.int64]:
        """`index`, also where it is None."""
        return np.arange(math.prod(self.shape)).reshape(self.shape) if self.index is None else self.index

    def seen(self, index: NDArray[np.int64]) -> "Value":
        """The same elements in another order."""
        ordered = np.array_equal(index.reshape(-1), np.arange(math.prod(self.shape)))
        return replace(self, shape=index.shape, index=None if ordered else index)

    def moved(self, axis: int, to: int) -> "Value":
        """With one axis at another place."""
        return self if axis == to else self.seen(np.moveaxis(self.places(), axis, to))

    def same_place(self, other: "Value") -> bool:
        """Whether both are functions of the same elements, one by one."""
        if self.tensor != other.tensor or self.shape != other.shape:
            return False
        return (self.index is other.index is None) or np.array_equal(self.places(), other.places())


def standard(shape: tuple[int, ...]) -> Shape:
    """(C, H, W) of a tensor (batch, C), (batch, C, W) or (batch, C, H, W). Raises :class:`Refusal` for others."""
    if not 1 <= len(shape) <= 4:
        raise Refusal(f"its tensor has {len(shape)} axes; needed: 1 to 4, batch first")
    if math.prod(shape) == 0:
        raise Refusal(f"its tensor has shape {list(shape)}; needed: no empty axis")
    channels, *size = shape[1:] or (1,)
    height, width = (*(1,) * (2 - len(size)), *size)
    return channels, height, width


def moves(index: NDArray[np.int64], base: Shape) -> list[Operator] | None:
    """The operators that make `index` (C', H', W') from a tensor (C, H, W); None if none of ours do."""
    channels, height, width = base
    places = np.arange(channels * height * width).reshape(base)
    if index.shape == (places.size, 1, 1) and np.array_equal(index.reshape(-1), places.reshape(-1)):
        return [Flatten()]
    box = _slice(index, places)
    if box is not None:
        return box
    if index.shape[1:] == (1, 1) and height * width > 1:
        rest = moves(index, (places.size, 1, 1))
        return None if rest is None else [Flatten(), *rest]
    return _shuffle(index, base)


def _slice(index: NDArray[np.int64], places: NDArray[np.int64]) -> list[Operator] | None:
    """A box of positions with some channels in any order, as a permutation, then a slice."""
    first = np.unravel_index(int(index.reshape(-1)[0]), places.shape)
    start, size = (0, int(first[1]), int(first[2])), index.shape
    chosen = index[:, 0, 0] // places[0].size
    rows, columns = slice(start[1], start[1] + size[1]), slice(start[2], start[2] + size[2])
    if places[chosen][:, rows, columns].shape != size or not np.array_equal(places[chosen][:, rows, columns], index):
        return None
    order, count = chosen, len(places)
    contiguous = np.array_equal(chosen, np.arange(chosen[0], chosen[0] + size[0]))
    if contiguous:
        start = (int(chosen[0]), *start[1:])
    elif len(np.unique(chosen)) < size[0]:
        return None  # a channel twice
    else:
        order = np.concatenate([chosen, np.setdiff1d(np.arange(count), chosen)])
    steps: list[Operator] = [] if contiguous else [Permute(order=tuple(map(int, order)))]
    stop = tuple(a + n for a, n in zip(start, size, strict=True))
    if size != places.shape:
        steps.append(Slice(start=start, stop=(stop[0], stop[1], stop[2])))
    return steps


def _shuffle(index: NDArray[np.int64], base: Shape) -> list[Operator] | None:
    """A pixel shuffle of channels in some order."""
    height, width = base[1:]
    block = index.shape[1] // height
    if block < 2 or index.shape[1:] != (height * block, width * block):
        return None
    cut = index.reshape(index.shape[0], height, block, width, block)
    for order, axes in (("CRD", (0, 2, 4, 1, 3)), ("DCR", (2, 4, 0, 1, 3))):
        first = moves(cut.transpose(axes).reshape(-1, height, width), base)
        # Any other order of channels is the first of these after a permutation.
        if first is not None and (not first or order == "DCR"):
            return [*first, PixelShuffle(block=block, order=order)]
    return None
