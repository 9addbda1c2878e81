"""What the search for an invariant takes for control."""

from dataclasses import replace
from operator import attrgetter

import pytest

from hw.array.array import Array
from hw.config import ArrayConfig
from verif.campaign.induction import CONTROL_OF_PE, CONTROL_OF_SEQUENCER, is_control
from verif.hw.inside import Inside

SMALL = ArrayConfig(pe=1, lanes=1)
ARRAYS = [SMALL, replace(SMALL, pipeline=4)]


def test_the_components_have_these_registers() -> None:
    paths = {f"pe0.{name}" for name in CONTROL_OF_PE} | {f"control.ping_pong.{name}" for name in CONTROL_OF_SEQUENCER}
    found = set()
    for config in ARRAYS:
        inside = Inside.of(Array(config))
        for path in paths:
            try:
                attrgetter(path)(inside)
            except AttributeError:
                continue
            found.add(path)
    assert found == paths


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("gold.alignment.issue", True),
        ("gold.control.beat0", True),
        ("gold.control.ping_pong.enable", True),
        ("gold.control.ping_pong.turn", False),
        ("gold.pe0.accumulators.beat", True),
        ("gold.pe12.accumulators.ping_pong.enable", True),
        ("gold.pe0.accumulators.ping_pong.turn", False),
        ("gold.pe0.operands.carry", False),
    ],
)
def test_registers_of_data_are_none(name: str, control: bool) -> None:
    assert is_control(name) == control
