"""The problem of quantizing one layer: which weights see which inputs, and how these inputs are distributed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Rows of a layer's weights that see the same inputs: `places` as :class:`Part` has them, and their windows."""

    places: NDArray[np.intp]
    windows: tuple[Window, Window]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A layer to be quantized: operator, weights (O, I, *kernel), pieces, and statistics of each."""

    options: Operator
    weight: NDArray[np.float32]
    pieces: list[Piece]
    moments: list[Moments]

    @property
    def groups(self) -> int:
        """Groups of channels that do not see each other."""
        return getattr(self.options, "groups", 1)

    @cached_property
    def parts(self) -> list[Part]:
        """The pieces as the quantizer takes them."""
        return [
            Part(places=piece.places, target=moments.target(), spread=Spread.of(moments.spread))
            for piece, moments in zip(self.pieces, self.moments, strict=True)
        ]

    def offset(self, held: NDArray[np.float64]) -> NDArray[np.float64]:
        """The correction of each output channel that has the weights `held`: with it, its mean is the float one."""
        made = held.reshape(-1)
        found = [
            moments.offset(made[piece.places]).reshape(-1)
            for piece, moments in zip(self.pieces, self.moments, strict=True)
        ]
        sizes = [math.prod(window.outputs for window in piece.windows) for piece in self.pieces]
        return np.average(found, axis=0, weights=sizes)


def as_layer(node: FloatNode, channels: int) -> tuple[Operator, NDArray[np.float32]]:
    """The operator and the weights of a node as the integer network has them: affines are depthwise 1 x 1."""
    assert node.weight is not None
    if node.op in WEIGHTED:
        return node.options, node.weight
    return Conv(groups=channels), node.weight.reshape(-1, 1, 1, 1)


def pieces_of(options: Operator, shape: Shape, weights: tuple[int, ...]) -> Iterator[Piece]:
    """The rows of weights (O, I, *kernel) that see the same inputs, for an input (C, H, W)."""
    groups = getattr(options, "groups", 1)
    kernel = (1, 1, *weights[2:])[-2:]
    numbers = np.arange(math.prod(weights)).reshape(*weights[:2], *kernel)
    if isinstance(options, ConvTranspose):
        for phase in options.phases(shape, weights):
            places = numbers[(slice(None), slice(None), *phase.taps)]
            if places.size:
                yield Piece(places=places.reshape(groups, weights[0] // groups, -1), windows=phase.windows)
        return
    layer = Conv() if isinstance(options, Linear) else options
    assert isinstance(layer, Conv)
    windows = layer.windows(shape, (*weights[:2], *kernel))
    yield Piece(places=numbers.reshape(groups, weights[0] // groups, -1), windows=windows)


def gather(
    acts: NDArray[np.float32], floats: NDArray[np.float32], piece: Piece, weight: NDArray[np.float32]
) -> Moments:
    """Statistics of a piece's inputs: real values (n, C, H, W) of the quantized and of the float network."""
    found = Moments(weight=weight.reshape(-1)[piece.places])
    groups, _, size = piece.places.shape
    count = len(acts) * math.prod(window.outputs for window in piece.windows)
    most = min(WORK // size**2, PLACES, COLUMNS // (groups * size))
    places = chosen_places(count, max(most, LEAST * size))
    width = max(CHUNK // (groups * size), 1)
    for start in range(0, len(places), width):
        some = places[start : start + width]
        x = columns(acts, piece.windows, groups, some)
        found.add(x, x if floats is acts else columns(floats, piece.windows, groups, some))
    return found
