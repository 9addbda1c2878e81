"""A few random configurations; `python -m verif.campaign configs` tries hundreds."""

from itertools import islice
from pathlib import Path

import pytest

from hw.config import ArrayConfig
from sw_ref.format import StlqFormat, parameters_of
from verif.campaign.configs import MACS_LIMIT, check, random_configs


@pytest.mark.parametrize("index", range(4))
def test_a_random_configuration_is_right(index: int, seed: int, tmp_path: Path) -> None:
    (config,) = islice(random_configs(seed), index, index + 1)
    found = check(config, seed + index, tmp_path)
    assert (found["warnings"], found["first_wrong_cycle"]) == ("", None), found
    assert found["sums"] > 50


def test_the_configurations_differ_and_reach_both_ends_of_every_range() -> None:
    configs = list(islice(random_configs(1), 400))
    shapes = {(config.format, config.tile, config.depth, config.pipeline) for config in configs}
    assert len(shapes) == 400
    assert max(config.macs_per_cycle for config in configs) <= MACS_LIMIT
    for cls, values in ((StlqFormat, [config.format for config in configs]), (ArrayConfig, configs)):
        for name, rule in parameters_of(cls).items():
            ends = {False, True} if rule.values is None else {rule.values[0], rule.values[-1]}
            assert ends <= {getattr(value, name) for value in values}, name
