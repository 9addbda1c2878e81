"""The accumulator's width, by exact integers: enough for every input, and one bit less would not be."""

from itertools import product

import pytest

from sw_ref.format import StlqFormat
from verif.hw.configs import CONFIGS

FORMATS = [
    StlqFormat(bits=bits, act_bits=act_bits, act_signed=signed, residual_shift=shift)
    for bits, act_bits, signed, shift in product(range(2, 6), range(2, 17), (True, False), range(5))
]


@pytest.mark.parametrize("depth", [1, 2, 3, 63, 64, 4096, (1 << 20) - 1, 1 << 20])
def test_acc_bits_is_the_smallest_width_without_overflow(depth: int) -> None:
    """A sum is extreme when every product is, so the extreme product of all words and activations decides."""
    for fmt in FORMATS:
        weights = [fmt.weight(word1, word2) for word1, word2 in product(fmt.codes, repeat=2)]
        products = [weight * act for weight in (min(weights), max(weights)) for act in (fmt.act_min, fmt.act_max)]
        low, high = depth * min(products), depth * max(products)
        assert fits(low, high, fmt.acc_bits(depth)), fmt
        assert not fits(low, high, fmt.acc_bits(depth) - 1), fmt


def fits(low: int, high: int, width: int) -> bool:
    return -(1 << (width - 1)) <= low and high < 1 << (width - 1)


def test_the_configurations_reach_every_extreme() -> None:
    formats = [config.format for config in CONFIGS.values()]
    assert len(CONFIGS) >= 12
    assert {fmt.bits for fmt in formats} == {2, 3, 4, 5}
    assert {2, 16} <= {fmt.act_bits for fmt in formats if fmt.act_signed}
    assert {2, 16} <= {fmt.act_bits for fmt in formats if not fmt.act_signed}
    assert {fmt.residual_shift for fmt in formats} == {0, 1, 2, 3, 4}
    assert {1, 64} <= {config.pe for config in CONFIGS.values()}
    assert {1, 64} <= {config.lanes for config in CONFIGS.values()}
    assert {(3, 5), (7, 9), (1, 1)} <= {config.tile for config in CONFIGS.values()}
    assert {1, 1 << 20} <= {config.depth for config in CONFIGS.values()}
