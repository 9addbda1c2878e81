"""The beats, replayed one by one as the array does, give the golden sums."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.cost import cost
from sw_ref.format import StlqFormat
from sw_ref.grouped import Streamed
from sw_ref.integer import dot
from sw_ref.model import StlqTensor
from sw_ref.stream import act_beats, act_stream, pack_fields, tile_stream, vector_sums
from verif.sw_ref.random_model import random_tensor

SHAPES = [(8, 6), (10, 7), (1, 1), (3, 17), (9, 5, 4), (5, 1, 3, 3), (6, 4, 2, 3)]


def replay(tensor: StlqTensor, acts: NDArray[Any]) -> list[int]:
    """What an array of PEs does with the beats, in Python integers."""
    stream, fmt, pe = tile_stream(tensor), tensor.format, tensor.tile[0]
    pending = iter(act_stream(tensor, acts).tolist())
    sums: list[int] = []
    total, lanes, second, last = [0] * pe, [0], False, False
    for words, two_word, ends in zip(
        stream.words.tolist(), stream.two_word.tolist(), stream.last.tolist(), strict=True
    ):
        shift = 0 if second else fmt.residual_shift
        if second:
            assert (two_word, ends) == (0, 0)
        else:
            lanes, last = next(pending), bool(ends)
        for p in range(pe):
            total[p] += sum((fmt.term(q) << shift) * a for q, a in zip(words[p], lanes, strict=True))
        second = bool(two_word) and not second
        if last and not second:
            sums += total
            total, last = [0] * pe, False
    assert not second
    assert next(pending, None) is None
    return sums


@pytest.mark.parametrize("tile", [(4, 3), (1, 1), (8, 8), (3, 5)])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_replayed_beats_give_the_golden_sums(shape: tuple[int, ...], ratio: float, tile: tuple[int, int]) -> None:
    tensor = random_tensor(StlqFormat(), shape, seed=21, tile=tile, ratio=ratio)
    acts = np.random.default_rng(22).integers(-128, 128, shape[1:])
    sums = replay(tensor, acts)
    rows = -(-shape[0] // tile[0])
    assert len(sums) == rows * tile[0]
    assert sums[: shape[0]] == dot(tensor, acts).tolist()
    assert not any(sums[shape[0] :])
    assert len(tile_stream(tensor).words) == tensor.two_word.size + tensor.two_word.sum()


@pytest.mark.parametrize("tile", [(4, 3), (1, 1), (8, 8), (3, 5)])
@pytest.mark.parametrize(
    ("shape", "groups"), [((8, 1, 3, 3), 8), ((12, 4), 3), ((10, 3, 2), 5), ((6, 8, 1, 1), 2), ((9, 2), 9)]
)
def test_grouped_layers_stream_their_diagonal(shape: tuple[int, ...], groups: int, tile: tuple[int, int]) -> None:
    """The golden is each group's convolution alone; a dense stream would give other sums."""
    tensor = replace(random_tensor(StlqFormat(), shape, seed=25, tile=tile, ratio=0.5), groups=groups)
    acts = np.random.default_rng(26).integers(-128, 128, tensor.act_shape)
    sums = replay(tensor, acts)[: shape[0]]
    each = shape[0] // groups
    weights = tensor.integers().astype(int)
    expected = [
        int((weights[o] * acts[o // each * shape[1] : (o // each + 1) * shape[1]]).sum()) for o in range(shape[0])
    ]
    assert sums == expected == dot(tensor, acts).tolist()
    found = cost(tensor)
    assert len(tile_stream(tensor).words) == found.beats == found.tiles + found.two_word_tiles
    streamed = Streamed.of(shape, tile, groups)
    assert (streamed.count, streamed.second(tensor.two_word)) == (found.tiles, found.two_word_tiles)
    alone = np.eye(tensor.two_word.size, dtype=bool).reshape(-1, *tensor.two_word.shape)
    assert [streamed.second(flags) for flags in alone] == streamed.costs.reshape(-1).tolist()
    # A tile of the whole matrix is streamed where a channel of its rows sees a channel of its columns.
    own = np.arange(shape[0])[:, None] // each == np.arange(groups * shape[1]) // shape[1]
    rows, columns = (range(0, size, step) for size, step in zip(own.shape, tile, strict=True))
    met = sum(bool(own[row : row + tile[0], column : column + tile[1]].any()) for row in rows for column in columns)
    assert found.tiles == met * math.prod(shape[2:])


def test_order_by_hand() -> None:
    tensor = StlqTensor(
        word1=np.array([[[1, 2], [3, -1]], [[-2, -3], [-4, 0]]], np.int8),
        word2=np.array([[[0, 0], [1, 0]], [[0, 0], [2, 0]]], np.int8),
        two_word=np.array([[[0, 0], [1, 0]]], np.uint8),
        scale=np.array(1, np.float32),
        format=StlqFormat(bits=3),
        tile=(2, 1),
    )
    stream = tile_stream(tensor)
    assert stream.words.reshape(-1, 2).tolist() == [[1, -2], [3, -4], [1, 2], [2, -3], [-1, 0]]
    assert stream.two_word.tolist() == [0, 1, 0, 0, 0]
    assert stream.last.tolist() == [0, 0, 0, 0, 1]
    assert act_stream(tensor, [[10, 20], [30, 40]]).tolist() == [[10], [30], [20], [40]]
    # From bit 0 up: 3 bits per word, then two_word, then last.
    assert stream.payloads(3) == [0b00_110_001, 0b01_100_011, 0b00_010_001, 0b00_101_010, 0b10_000_111]


def test_last_comes_on_the_first_beat_of_the_last_tile() -> None:
    tensor = random_tensor(StlqFormat(), (4, 6), seed=1, tile=(4, 3), ratio=1.0)
    stream = tile_stream(tensor)
    assert (stream.last.dtype, stream.two_word.dtype) == (np.uint8, np.uint8)
    assert stream.last.tolist() == [0, 0, 1, 0]
    assert stream.two_word.tolist() == [1, 0, 1, 0]


def test_a_batch_of_activations_is_each_by_itself() -> None:
    tensor = random_tensor(StlqFormat(), (9, 5, 2, 3), seed=1)
    acts = np.random.default_rng(2).integers(-128, 128, (2, 4, 5, 2, 3))
    batch = act_stream(tensor, acts)
    assert batch.shape == (2, 4, tensor.two_word.size, 3)
    assert all((batch[at] == act_stream(tensor, acts[at])).all() for at in np.ndindex(2, 4))


@pytest.mark.parametrize("pixels", [1, 2, 3, 8])
def test_pixels_share_beats(pixels: int) -> None:
    """Beats and sums of a loop over passes, rows of tiles and pixels."""
    tensor = random_tensor(StlqFormat(), (9, 5, 2), seed=1)
    pe, lanes = tensor.tile
    rows, tiles = tensor.two_word.shape[0], tensor.two_word.size
    acts = np.random.default_rng(2).integers(-128, 128, (7, 5, 2))
    beats = act_beats(tensor, acts, pixels)
    passes = -(-7 // pixels)
    assert beats.shape == (passes, tiles, pixels * lanes)
    sums = np.full((passes * rows, pixels * pe), -1)
    for vector in range(passes * pixels):
        group, pixel = divmod(vector, pixels)
        expected = act_stream(tensor, acts[vector]) if vector < 7 else np.zeros((tiles, lanes))
        assert (beats[group, :, pixel * lanes : (pixel + 1) * lanes] == expected).all()
        for channel in range(9 if vector < 7 else 0):
            row, p = divmod(channel, pe)
            sums[group * rows + row, pixel * pe + p] = 100 * vector + channel
    expected = 100 * np.arange(7)[:, None] + np.arange(9)
    assert vector_sums(tensor, sums, 7, pixels).tolist() == expected.tolist()


@pytest.mark.parametrize("width", [1, 3, 8, 16, 40])
def test_pack_fields_equals_shifts(width: int) -> None:
    values = np.random.default_rng(3).integers(-(1 << (width - 1)), 1 << (width - 1), (5, 7))
    expected = 0
    for place, value in enumerate(values.ravel().tolist()):
        expected |= (value & ((1 << width) - 1)) << (place * width)
    assert pack_fields(values, width) == expected
    assert pack_fields([], width) == 0


def test_activations_of_another_shape_are_refused() -> None:
    tensor = random_tensor(StlqFormat(), (4, 6), seed=1)
    with pytest.raises(ValueError, match=r"activations have shape \(5,\); allowed: \(..., 6\)"):
        act_stream(tensor, np.zeros(5, int))
    for shape in ((6,), (0, 6), (2, 2, 6), (2, 5), ()):
        with pytest.raises(ValueError, match=r"activations have shape .*; allowed: \(1 or more, 6\)"):
            act_beats(tensor, np.zeros(shape, int), 2)
