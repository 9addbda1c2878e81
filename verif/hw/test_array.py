"""The array on every configuration: all in-simulator tests must run, and pass."""

from pathlib import Path

import pytest

from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS, verilog_of
from verif.hw.trained import Network, train, write_trained

TESTS = (
    "random_tiles_random_flags",
    "trained_weights",
    "extremes_at_full_depth",
    "one_word_two_word_and_alternating",
    "one_tile_dot_products",
    "reset_in_the_middle",
    "cycles_are_beats_plus_latency",
    "one_tile_dot_products_back_to_back",
    "stalls_lose_repeat_and_reorder_nothing",
    "sums_wait_until_taken",
    "acts_early_and_late",
)


@pytest.fixture(scope="session")
def network() -> Network:
    return train()


@pytest.mark.parametrize("name", CONFIGS)
def test_array(name: str, simulator: str, seed: int, network: Network, tmp_path: Path) -> None:
    config = CONFIGS[name]
    sim.build(simulator, config, verilog_of(name), tmp_path)
    write_trained(network, config, tmp_path)
    result = sim.run(simulator, config, tmp_path, "verif.hw.tb_array", seed=seed)
    assert result.failures == {}
    assert sorted(result.ran) == sorted(TESTS)
