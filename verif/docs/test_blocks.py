"""The block diagrams in docs/ are those that the program draws."""

import pytest

from hw.config import ArrayConfig
from verif.docs.blocks import flow_diagram
from verif.docs.figures import BLOCKS, DEFAULT, FAST, IMAGES


@pytest.mark.parametrize("name", BLOCKS)
def test_diagrams_are_what_the_program_draws(name: str) -> None:
    draw, config = BLOCKS[name]
    assert (IMAGES / name).read_text() == draw(config), "`make figures` draws it again"


@pytest.mark.parametrize("config", [DEFAULT, FAST])
def test_the_sum_leaves_after_the_latency(config: ArrayConfig) -> None:
    # Three beats: the last one is transferred in cycle 2.
    last = 2 + config.latency_cycles
    assert f">{last}</text>" in flow_diagram(config)
    assert f">{last + 1}</text>" not in flow_diagram(config)
