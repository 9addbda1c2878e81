"""The parameters of an engine: what it refuses, by name, value and what is allowed; what its digest stands for."""

from dataclasses import replace
from typing import Any

import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import HEADER, JOB, STEP, TERM, offset_layout, width
from hw.engine.layouts import outputs_layout
from sw_ref.format import StlqFormat

CONFIG = EngineConfig()
DIGEST = 0xE135C425


def array(*, fmt: dict[str, Any] | None = None, **values: Any) -> ArrayConfig:
    return ArrayConfig(format=StlqFormat(**{"act_signed": False, **(fmt or {})}), **values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bus_bits": 48}, "bus_bits is 48; allowed: 16, 32, 64, 128, 256 or 512"),
        ({"requant_lanes": 3}, "requant_lanes is 3; allowed: 1, 2, 4, 8, 16, 32 or 64"),
        ({"requant_lanes": 16}, "requant_lanes is 16; allowed: divisors of pe, 8"),
        ({"memory_words": 15}, "memory_words is 15; allowed: a whole number from 16"),
        ({"group_beats": 8}, "group_beats is 8; allowed: 16, 32,"),
        ({"name": "8x8"}, "name is '8x8'; allowed:"),
        ({"name": "module"}, "name is 'module'; allowed:"),
        ({"name": "stlq_array"}, "name is 'stlq_array', which is the array's inside; allowed: another name"),
        ({"array": ArrayConfig()}, "act_signed is True; allowed in an engine: False"),
        ({"array": array(pixels=2)}, "pixels is 2; allowed in an engine: 1"),
        ({"array": array(pe=4)}, "pe is 4 and lanes 8; allowed in an engine so far: the same number"),
        ({"array": array(fmt={"act_bits": 16}), "tables": True}, "act_bits is 16; allowed with tables: at most "),
        (
            {"array": array(pe=2, lanes=2), "requant_lanes": 2, "depthwise": True},
            "lanes is 2; allowed with depthwise: at least 3",
        ),
    ],
)
def test_what_no_engine_has_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.")):
        EngineConfig(**values)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"name": "other"}, True),
        ({"array": array(pipeline=4, choices=1, name="macs")}, True),
        ({"bus_bits": 64}, False),
        ({"requant_lanes": 2}, False),
        ({"memory_words": 4096}, False),
        ({"group_beats": 128}, False),
        ({"tables": True}, False),
        ({"depthwise": True}, False),
        ({"array": array(pe=4, lanes=4)}, False),
        ({"array": array(fmt={"bits": 4})}, False),
    ],
)
def test_the_digest_is_that_of_engines_that_run_the_same_programs(change: dict[str, Any], same: bool) -> None:
    assert (replace(CONFIG, **change).digest == CONFIG.digest) is same


def test_the_digest_is_that_of_the_page() -> None:
    assert EngineConfig().digest == DIGEST


def test_sections_are_as_wide_as_their_page_says() -> None:
    assert [width(layout) for layout in (HEADER, JOB, STEP, TERM, offset_layout(38))] == [128, 429, 46, 8, 38 + 5]


def test_the_port_of_outputs_has_a_bit_more_than_a_bus_word() -> None:
    assert outputs_layout(CONFIG).size == CONFIG.bus_bits + 1
