"""The study of depthwise layers: beats of each form by hand; its prototypes do what they are counted for."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.networks.cycles import engine
from benchmarks.networks.depthwise.cycles import cycles_of, skewed
from benchmarks.networks.depthwise.prototypes import Skew
from sw_ref.network import Conv
from verif.hw.array.bench import packed, simulate
from verif.rtl_gen.compiler.networks import convolution_network

LANES = 4
CONFIG = engine(LANES, memory_words=1 << 10)


@pytest.mark.parametrize(
    ("stride", "wanted"),
    # 8 channels of 5 x 9 are two groups of 9 beats. A window takes three beats for each of 11 columns, or of 7 rows; a
    # channel's word gives two outputs with stride 1, and one with stride 2, of 3 x 5.
    [(1, (810, 2 * 5 * 11 * 3, 8 * 5 * 5 * 3)), (2, (270, 2 * 3 * 11 * 3, 8 * 3 * 5 * 3))],
)
def test_beats_are_those_by_hand(stride: int, wanted: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    options = Conv(padding=(1, 1, 1, 1), stride=(stride, stride), groups=8)
    network = convolution_network(CONFIG, rng, (8, 5, 9), (8, 1, 3, 3), options)
    for node in network.nodes:
        assert node.weights is not None
        node.weights.word2[:] = 0
        node.weights.two_word[:] = 0
    window = replace(CONFIG, depthwise=True)
    found = [cycles_of(network, CONFIG), cycles_of(network, window), cycles_of(network, CONFIG, skewed)]
    assert [beats for _, beats in found] == list(wanted)
    assert found[1][0] < found[0][0]


def test_a_skewed_memory_gives_a_channel_of_neighbouring_columns() -> None:
    skew: Any = Skew(CONFIG)
    columns = 12  # one group of channels, one row
    banks = np.zeros((LANES, columns), int)
    for channel in range(LANES):
        for column in range(columns):
            banks[(channel + column) % LANES, column] = 16 * channel + column

    async def bench(ctx: Any) -> None:
        for channel in range(LANES):
            for first in range(columns - LANES):
                ctx.set(skew.a_address, first)
                ctx.set(skew.a_turn, channel)
                ctx.set(skew.a_one_channel, 1)
                places = ctx.get(skew.a_banks)
                bits = CONFIG.address_bits
                at = [places >> (bits * bank) & ((1 << bits) - 1) for bank in range(LANES)]
                codes = [int(banks[bank, place]) for bank, place in enumerate(at)]
                assert sorted(codes) == [16 * channel + first + lane for lane in range(LANES)]
                # Lane 0 gets the first column.
                ctx.set(skew.a_turn, -(channel + first) % LANES)
                ctx.set(skew.a_word, packed(codes, 8))
                await ctx.tick()
                assert ctx.get(skew.acts) == packed([16 * channel + first + lane for lane in range(LANES)], 8)

    simulate(skew, bench)
