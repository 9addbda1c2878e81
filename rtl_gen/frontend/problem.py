"""The problem of quantizing one layer: which weights see which inputs, and how these inputs are distributed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.graph import WEIGHTED, FloatNode
from sw_ref.network import Conv, ConvTranspose, Linear
from sw_ref.network.operator import Operator, Shape
from sw_ref.quantize.compensate import Spread
from sw_ref.quantize.layer import Part
from sw_ref.quantize.moments import Moments, chosen_places, columns
from sw_ref.windows import Window

WORK, PLACES = 1 << 33, 1 << 16
"""Most multiplications for the statistics of one group's inputs, and most output positions that they are taken from."""
COLUMNS, CHUNK = 1 << 26, 1 << 22
"""Most elements of the columns of all groups, and how many of them at a time."""
LEAST = 4
"""So many positions for each input are taken in any case, if there are as many."""
WHOLE, BLOCK = 8192, 2048
"""Most inputs of an output, without groups, whose errors are made up for all together; of more, so many at a time."""
ALIGNED = 64
"""Blocks hold whole tiles: a multiple of so many channels."""
TRIED = 4
"""Most blocks of a layer that its scales are tried on."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows of a layer's weights that see the same inputs: `places` and `tried` as :class:`Part` has them, their
    windows, and the `channels` of each group that they read.
    """

    places: NDArray[np.intp]
    windows: tuple[Window, Window]
    channels: slice
    tried: bool = True


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A layer to be quantized: operator, weights (O, I, *kernel), pieces, and of each one the statistics of its inputs
    and what the quantizer takes of them.
    """

    options: Operator
    weight: NDArray[np.float32]
    pieces: list[Piece]
    moments: list[Moments]
    parts: list[Part]

    @classmethod
    def of(
        cls, options: Operator, weight: NDArray[np.float32], shape: Shape, inputs: tuple[NDArray[Any], NDArray[Any]]
    ) -> "Problem":
        """The problem of a layer with an input (C, H, W), from real `inputs` (n, C, H, W): those of the quantized
        network and those of the float network.
        """
        pieces, statistics, parts = list(pieces_of(options, shape, weight.shape)), list[Moments](), list[Part]()
        for piece in pieces:
            moments = gather(*inputs, piece, weight)
            spread = Spread.of(moments.spread)
            parts.append(Part(places=piece.places, target=moments.target(), spread=spread, tried=piece.tried))
            moments.release()
            statistics.append(moments)
        return cls(options=options, weight=weight, pieces=pieces, moments=statistics, parts=parts)

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return getattr(self.options, "groups", 1)

    def offset(self, held: NDArray[np.float64]) -> NDArray[np.float64]:
        """The correction of each output channel that has the weights `held`: with it, its mean is the float one."""
        made = held.reshape(-1)
        found = [
            moments.offset(made[piece.places]).reshape(-1)
            for piece, moments in zip(self.pieces, self.moments, strict=True)
        ]
        sizes = [math.prod(window.outputs for window in piece.windows) for piece in self.pieces]
        # Outputs of different phases have a mean, and the blocks of one add up.
        return np.average(found, axis=0, weights=sizes) * len({piece.channels.start for piece in self.pieces})


def as_layer(node: FloatNode, channels: int) -> tuple[Operator, NDArray[np.float32]]:
    """The operator and the weights of a node as the integer network has them: affines are depthwise 1 x 1."""
    assert node.weight is not None
    if node.op in WEIGHTED:
        return node.options, node.weight
    return Conv(groups=channels), node.weight.reshape(-1, 1, 1, 1)


def pieces_of(options: Operator, shape: Shape, weights: tuple[int, ...]) -> Iterator[Piece]:
    """The rows of weights (O, I, *kernel) that see the same inputs, for an input (C, H, W), block by block."""
    blocks = blocks_of(weights[1], math.prod(weights[2:]), getattr(options, "groups", 1))
    apart = math.ceil(len(blocks) / TRIED)
    for piece in _whole_pieces(options, shape, weights):
        taps = piece.places.shape[2] // weights[1]
        for number, some in enumerate(blocks):
            places = piece.places[..., some.start * taps : some.stop * taps]
            yield Piece(places=places, windows=piece.windows, channels=some, tried=number % apart == 0)


def _whole_pieces(options: Operator, shape: Shape, weights: tuple[int, ...]) -> Iterator[Piece]:
    """The same with all inputs in one block."""
    groups, every = getattr(options, "groups", 1), slice(0, weights[1])
    kernel = (1, 1, *weights[2:])[-2:]
    numbers = np.arange(math.prod(weights)).reshape(*weights[:2], *kernel)
    if isinstance(options, ConvTranspose):
        for phase in options.phases(shape, weights):
            places = numbers[(slice(None), slice(None), *phase.taps)]
            if places.size:
                places = places.reshape(groups, weights[0] // groups, -1)
                yield Piece(places=places, windows=phase.windows, channels=every)
        return
    layer = Conv() if isinstance(options, Linear) else options
    assert isinstance(layer, Conv)
    windows = layer.windows(shape, (*weights[:2], *kernel))
    yield Piece(places=numbers.reshape(groups, weights[0] // groups, -1), windows=windows, channels=every)


def blocks_of(channels: int, taps: int, groups: int) -> list[slice]:
    """The channels of a group in blocks whose errors are made up for together: all, or about BLOCK / `taps` each.

    Statistics of all groups take no more memory than those of WHOLE inputs without groups.  Raises
    :class:`UsageError` for kernels that are too large for that.
    """
    most = math.isqrt(WHOLE**2 // groups)
    if taps > most:
        raise UsageError(f"its kernels have {taps} positions in each of {groups} groups; allowed: {most}")
    if channels * taps <= most:
        return [slice(0, channels)]
    width = math.ceil(channels / math.ceil(channels * taps / min(BLOCK, most)))
    if width > ALIGNED:
        width = math.ceil(width / ALIGNED) * ALIGNED
    return [slice(start, min(start + width, channels)) for start in range(0, channels, width)]


def _read(values: NDArray[np.float32], groups: int, channels: slice) -> NDArray[np.float32]:
    """Some channels of each group of `values` (n, C, H, W)."""
    count, _, *plane = values.shape
    return values.reshape(count, groups, -1, *plane)[:, :, channels].reshape(count, -1, *plane)


def gather(
    acts: NDArray[np.float32], floats: NDArray[np.float32], piece: Piece, weight: NDArray[np.float32]
) -> Moments:
    """Statistics of a piece's inputs: real values (n, C, H, W) of the quantized and of the float network."""
    found, same = Moments(weight=weight.reshape(-1)[piece.places]), floats is acts
    groups, _, size = piece.places.shape
    acts, floats = (_read(values, groups, piece.channels) for values in (acts, floats))
    count = len(acts) * math.prod(window.outputs for window in piece.windows)
    most = min(WORK // size**2, PLACES, COLUMNS // (groups * size))
    places = chosen_places(count, max(most, LEAST * size))
    width = max(CHUNK // (groups * size), 1)
    for start in range(0, len(places), width):
        some = places[start : start + width]
        x = columns(acts, piece.windows, groups, some)
        found.add(x, x if same else columns(floats, piece.windows, groups, some))
    return found
