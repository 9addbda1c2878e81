"""The block diagrams in docs/ are those that the program draws, of the default array."""

import pytest

from hw.config import ArrayConfig
from verif.docs.blocks import flow_diagram
from verif.docs.figures import BLOCKS, IMAGES


@pytest.mark.parametrize("name", BLOCKS)
def test_diagrams_are_what_the_program_draws(name: str) -> None:
    assert (IMAGES / name).read_text() == BLOCKS[name](ArrayConfig()), "`make figures` draws it again"


def test_the_sum_leaves_after_the_latency() -> None:
    config = ArrayConfig()
    # Three beats: the last one is transferred in cycle 2.
    last = 2 + config.latency_cycles
    assert f">{last}</text>" in flow_diagram(config)
    assert f">{last + 1}</text>" not in flow_diagram(config)
