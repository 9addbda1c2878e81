"""What helps builds that do not fit, by what they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.design import Design
from rtl_gen.engine_build import EngineBuild
from rtl_gen.manifest import Build
from rtl_gen.smaller import smaller
from rtl_gen.targets import TARGETS
from sw_ref.format import StlqFormat

ARRAY = ArrayConfig(format=StlqFormat(act_signed=False), choices=1)
ENGINE = EngineConfig(array=ARRAY, requant_lanes=1, memory_ports=1)
ONE = replace(ARRAY, pe=1, lanes=1)


def build(config: ArrayConfig | EngineConfig) -> Design:
    if isinstance(config, EngineConfig):
        return EngineBuild(folder=Path(), config=config, contents={})
    return Build(folder=Path(), config=config, text="", name="array.v")


@pytest.mark.parametrize(
    ("config", "device", "helps"),
    [
        (ONE, "up5k", "no option makes it smaller"),
        (ARRAY, "up5k", "`stlq generate` makes it smaller with a smaller --pe"),
        (replace(ONE, choices=4), "hx8k", "`stlq generate` makes it smaller with --for ice40"),
        (replace(ONE, pipeline=4), "hx8k", "`stlq generate` makes it smaller with --optimize area"),
        (ENGINE, "up5k", "`stlq compile` makes it smaller with a smaller --pe"),
        (replace(ENGINE, array=ONE, memory_ports=2), "up5k", "`stlq compile` makes it smaller with --memory-ports 1"),
        (replace(ENGINE, array=ONE, memory_ports=2), "hx8k", "no option makes it smaller"),
        (
            replace(ENGINE, array=replace(ARRAY, choices=4, pipeline=4), requant_lanes=4, memory_ports=2),
            "up5k",
            "`stlq compile` makes it smaller with --for ice40, --optimize area, --memory-ports 1, --requant-lanes 1 "
            "or a smaller --pe",
        ),
    ],
)
def test_options_that_help(config: ArrayConfig | EngineConfig, device: str, helps: str) -> None:
    assert smaller(build(config), TARGETS["ice40"], device, []) == helps


def test_larger_devices_help_too() -> None:
    ecp5 = TARGETS["ecp5"]
    assert smaller(build(ONE), ecp5, "25k", ["--device 85k"]) == "--device 85k has more"
    both = "`stlq generate` makes it smaller with a smaller --pe; --board a or --board b has more"
    assert smaller(build(ARRAY), ecp5, "25k", ["--board a", "--board b"]) == both
