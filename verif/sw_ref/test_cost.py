"""Cost figures, counted by hand."""

import numpy as np
import pytest

from sw_ref.cost import Cost, cost
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.stream import tile_stream
from verif.sw_ref.distributions import make
from verif.sw_ref.random_model import random_tensor


def test_a_ragged_tensor_by_hand() -> None:
    # 3 x 3 weights in 2 x 2 tiles: 4, 2, 2 and 1 weights; the second tile and the last have two words.
    tensor = StlqTensor(
        word1=np.ones((3, 3), np.int8),
        word2=np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], np.int8),
        two_word=np.array([[0, 1], [0, 1]], np.uint8),
        scale=np.ones(3, np.float32),
        format=StlqFormat(bits=3),
        tile=(2, 2),
    )
    expected = Cost(
        weights=9, words=12, tiles=4, two_word_tiles=2, storage_bits=12 * 3 + 4 + 3 * 32, fix_ops=12, beats=6
    )
    assert cost(tensor) == expected
    assert cost(tensor).two_word_ratio == 0.5
    assert cost(tensor).bits_per_weight == (36 + 4 + 96) / 9
    used = cost(tensor, uses=10)
    assert (used.fix_ops, used.beats, used.storage_bits) == (120, 60, expected.storage_bits)


def test_beats_are_those_of_the_stream() -> None:
    tensor = random_tensor(StlqFormat(), (10, 7, 3, 3), seed=5)
    assert cost(tensor).beats == len(tile_stream(tensor).words)


@pytest.mark.parametrize(("granularity", "blocks"), [("element", 320), ("filter", 16), ("layer", 1), ("tile", 6)])
def test_one_flag_per_block_of_the_granularity(granularity: str, blocks: int) -> None:
    tensor = quantize_tensor(make("gauss", (16, 20)), StlqFormat(), ratio=0.25, granularity=granularity)
    found = cost(tensor)
    assert found.storage_bits == found.words * 3 + blocks + 32
    if granularity == "element":
        assert found.words == 320 + 80


def test_costs_add_up() -> None:
    one, two = (cost(random_tensor(StlqFormat(), (5, 5), seed=s)) for s in (1, 2))
    assert (one + two).storage_bits == one.storage_bits + two.storage_bits
    assert sum([one, two], Cost()) == one + two
    assert (Cost().two_word_ratio, Cost().bits_per_weight) == (0, 0)
