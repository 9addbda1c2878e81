"""What the engine costs: LUTs on each target, and its clock after place and route on ECP5."""

import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.array.area import counted
from benchmarks.array.cache import Cache
from benchmarks.array.clock import FREQ, SPEED, TOOLS
from hw.engine.config import EngineConfig
from rtl_gen.compile import engine_text
from rtl_gen.engine_build import EngineBuild
from rtl_gen.manifest import verilog_name
from rtl_gen.parts import check_memories
from rtl_gen.pnr import place_and_route
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import YOSYS, Flow, mapped
from sw_ref.files import digest_of

CLOCKED, SEED = "ecp5", 1
DEVICES = {8: "25k"}
"""Devices by the side of the array, if not the largest: of the 4 x 4 in a 25k the placer came to no end."""
LARGEST_DEVICE = "85k"


def area(kept: Cache, config: EngineConfig, target: str) -> dict[str, Any] | None:
    """Resources of an engine on a target; `memory_luts`: LUTs that are small memories, not among `luts`.

    `verilog` is the text's digest; `seconds` is how long the synthesis took.
    """
    verilog, flow = text_of(config), TARGETS[target].script(config.name)

    def synthesize() -> dict[str, Any]:
        begin = time.monotonic()
        found = mapped(verilog, config.name, Flow(passes=flow))
        check_memories(found.memories)
        used = counted(found, target, config.array.size)
        resources = {key: used[key] for key in ("luts", "flip_flops", "memories")}
        seconds = round(time.monotonic() - begin, 1)
        return {
            **resources,
            "memory_luts": TARGETS[target].count_memory(found.after["num_cells_by_type"]),
            "seconds": seconds,
        }

    found = kept.get(["engine area", verilog, flow, YOSYS, metadata.version(YOSYS)], synthesize)
    return found and {"side": config.array.pe, "target": target, "verilog": digest_of(verilog.encode()), **found}


def clock(kept: Cache, config: EngineConfig) -> dict[str, Any] | None:
    """Clock of an engine in the smallest ECP5 that holds it, ports behind registers, with one seed of the placer."""
    verilog, device = text_of(config), DEVICES.get(config.array.pe, LARGEST_DEVICE)

    def route() -> dict[str, Any]:
        build = EngineBuild(folder=Path(), config=config, contents={verilog_name(config): verilog.encode()})
        found = place_and_route(build, CLOCKED, device, speed=SPEED, freq=FREQ, seed=SEED)
        return {key: found[key] for key in ("mhz", "utilisation", "critical_path")}

    versions = {name: metadata.version(name) for name in TOOLS}
    found = kept.get(["engine clock", verilog, CLOCKED, device, SPEED, FREQ, SEED, versions], route)
    about = {"side": config.array.pe, "device": device, "speed": SPEED, "seed": SEED}
    return found and {**about, "verilog": digest_of(verilog.encode()), **found}


@cache
def text_of(config: EngineConfig) -> str:
    """The engine's Verilog, made once for all targets."""
    return engine_text(config)
