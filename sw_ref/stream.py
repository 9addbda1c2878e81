"""The beats that the array reads, in the order that it reads them.

For each row of tiles (pe output channels), for each kernel position in C order, for each tile along the input
channels: the first words, then the residual words if the tile has two.  One dot product per row of tiles; sum p of
row o belongs to output channel o * pe + p.  Ragged edges are 0.  An array of several pixels reads as many vectors of
activations with each tile; all tiles once are a *pass*.  A grouped layer streams the tiles along its diagonal.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sw_ref.grouped import diagonal
from sw_ref.model import StlqTensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """Beats of the `tiles` stream: words (beats, pe, lanes) int8, two_word and last (beats,) uint8.

    The flags of a residual beat are 0.
    """

    words: NDArray[np.int8]
    two_word: NDArray[np.uint8]
    last: NDArray[np.uint8]

    def payloads(self, bits: int) -> list[int]:
        """The payload of each beat: words from bit 0, then two_word, then last."""
        size = math.prod(self.words.shape[1:]) * bits
        flags = self.two_word.astype(int) + 2 * self.last.astype(int)
        return [
            pack_fields(words, bits) | int(flag) << size for words, flag in zip(self.words, flags.tolist(), strict=True)
        ]


def tile_stream(tensor: StlqTensor) -> Stream:
    """All beats of a tensor, once: one dot product per row of tiles."""
    pe, lanes = tensor.tile
    tensor, kept = diagonal(tensor)
    streamed = _rows(kept).reshape(-1)
    first, second = (_tiles(words, pe, lanes)[streamed] for words in (tensor.word1, tensor.word2))
    flags = _rows(tensor.two_word).reshape(-1)[streamed]
    last = np.zeros(len(flags), np.uint8)
    last[np.cumsum(kept.reshape(len(kept), -1).sum(axis=1)) - 1] = 1
    # Both words of every tile side by side; the residual beats of one-word tiles drop out.
    sent = np.stack([np.ones_like(flags), flags], axis=1).reshape(-1).astype(bool)

    def beats(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
        return np.stack([one, two], axis=1).reshape(-1, *one.shape[1:])[sent]

    nothing = np.zeros_like(flags)
    return Stream(words=beats(first, second), two_word=beats(flags, nothing), last=beats(last, nothing))


def act_stream(tensor: StlqTensor, acts: ArrayLike) -> NDArray[np.int32]:
    """The activations of each tile: int32 (..., tiles, lanes), for `acts` of shape (..., groups * I, *kernel).

    Every row of tiles of a layer of one group reads the same activations again.  Raises ``ValueError`` for another
    shape.
    """
    values = np.asarray(acts)
    inner = tensor.act_shape
    outer = values.shape[: max(values.ndim - len(inner), 0)]
    if values.shape != (*outer, *inner):
        raise ValueError(f"activations have shape {values.shape}; allowed: (..., {', '.join(map(str, inner))})")
    kept, lanes = diagonal(tensor)[1], tensor.tile[1]
    batch = values.astype(np.int32).reshape(-1, *inner)
    one_row = _tiles(batch, 1, lanes).reshape(len(batch), -1, lanes)
    tiles = [one_row[:, _rows(row[None]).reshape(-1)] for row in kept]
    return np.concatenate(tiles, axis=1).reshape(*outer, -1, lanes)


def act_beats(tensor: StlqTensor, acts: ArrayLike, pixels: int) -> NDArray[np.int32]:
    """The activations of each beat: int32 (passes, tiles, pixels * lanes).

    `acts`: (vectors, groups * I, *kernel).  Pixel x of pass p is vector p * pixels + x; a vector that the last pass
    lacks is 0.  Raises ``ValueError`` for another shape.
    """
    shape = np.shape(acts)
    if not shape or not shape[0] or shape[1:] != tensor.act_shape:
        raise ValueError(
            f"activations have shape {shape}; allowed: (1 or more, {', '.join(map(str, tensor.act_shape))})"
        )
    vectors = act_stream(tensor, acts)
    count, tiles, lanes = vectors.shape
    filled = np.pad(vectors, ((0, -count % pixels), (0, 0), (0, 0)))
    return np.swapaxes(filled.reshape(-1, pixels, tiles, lanes), 1, 2).reshape(-1, tiles, pixels * lanes)


def vector_sums(tensor: StlqTensor, sums: ArrayLike, vectors: int, pixels: int) -> NDArray[Any]:
    """The sums of each vector, (vectors, O), from those of all beats, (beats, pixels * pe): undoes the passes."""
    rows, pe = tensor.two_word.shape[0], tensor.tile[0]
    values = np.swapaxes(np.asarray(sums).reshape(-1, rows, pixels, pe), 1, 2)
    return values.reshape(-1, rows * pe)[:vectors, : tensor.shape[0]]


def pack_fields(values: ArrayLike, width: int) -> int:
    """Fields of `width` bits side by side, the first from bit 0 up; negative values in two's complement.

    >>> bin(pack_fields([1, -1, 2], 3))
    '0b10111001'
    """
    fields = np.asarray(values, np.int64).reshape(-1, 1)
    bits = (fields >> np.arange(width)) & 1
    return int.from_bytes(np.packbits(bits.astype(np.uint8), bitorder="little").tobytes(), "little")


def _rows(grid: NDArray[Any]) -> NDArray[Any]:
    """(outputs, inputs, *kernel) -> (outputs, *kernel, inputs): the order of the stream."""
    return np.moveaxis(grid, 1, -1)


def _tiles(values: NDArray[Any], pe: int, lanes: int) -> NDArray[Any]:
    """(O, I, *kernel) -> (tiles in the order of the stream, pe, lanes), padded with zeros."""
    outputs, inputs, *kernel = values.shape
    rows, columns = -(-outputs // pe), -(-inputs // lanes)
    padded = np.zeros((rows * pe, columns * lanes, math.prod(kernel)), values.dtype)
    padded[:outputs, :inputs] = values.reshape(outputs, inputs, -1)
    cut = padded.reshape(rows, pe, columns, lanes, -1)
    return np.ascontiguousarray(cut.transpose(0, 4, 2, 1, 3)).reshape(-1, pe, lanes)
