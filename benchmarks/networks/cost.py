"""What the engine costs: LUTs on each target, and its clock after place and route on ECP5."""

from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.array.clock import FREQ, PLACED, SPEED
from hw.engine.config import EngineConfig
from rtl_gen.compile import engine_text
from rtl_gen.engine_build import EngineBuild, engine_config_of
from rtl_gen.manifest import verilog_name
from rtl_gen.pnr import place_and_route
from rtl_gen.targets import TARGETS
from rtl_gen.work import Work
from sw_ref.files import digest_of

CLOCKED, SEED = "ecp5", 1
DEVICES = {4: "25k", 8: "25k"}
"""Devices by the side of the array, if not the largest."""
LARGEST_DEVICE = "85k"


def area_unit(config: EngineConfig, target: str) -> dict[str, Any]:
    """The arguments of :data:`benchmarks.array.area.AREA` that measure an engine."""
    flow = TARGETS[target].script(config.name)
    return {"verilog": text_of(config), "top": config.name, "target": target, "flow": flow}


def area_line(config: EngineConfig, target: str, found: dict[str, Any]) -> dict[str, Any]:
    """What the results tell of an engine on a target; `verilog` is the text's digest."""
    resources = {name: found[name] for name in ("luts", "flip_flops", "memories", "memory_luts", "seconds")}
    return {"side": config.array.pe, "target": target, "verilog": _digest(config), **resources}


def placed(*, verilog: str, config: dict[str, Any], device: str) -> dict[str, Any]:
    """Clock of an engine on a device, ports behind registers, with one seed of the placer."""
    engine = engine_config_of(config)
    build = EngineBuild(folder=Path(), config=engine, contents={verilog_name(engine): verilog.encode()})
    found = place_and_route(build, CLOCKED, device, speed=SPEED, freq=FREQ, seed=SEED)
    return {key: found[key] for key in ("mhz", "utilisation", "critical_path")}


CLOCK = Work(function=placed, **PLACED)


def clock_unit(config: EngineConfig) -> dict[str, Any]:
    """The arguments that measure an engine's clock in the smallest ECP5 that holds it."""
    return {"verilog": text_of(config), "config": config.to_dict(), "device": _device(config)}


def clock_line(config: EngineConfig, found: dict[str, Any]) -> dict[str, Any]:
    """What the results tell of an engine's clock; `verilog` is the text's digest."""
    about = {"side": config.array.pe, "device": _device(config), "speed": SPEED, "seed": SEED}
    return {**about, "verilog": _digest(config), **found}


def _device(config: EngineConfig) -> str:
    return DEVICES.get(config.array.pe, LARGEST_DEVICE)


def _digest(config: EngineConfig) -> str:
    return digest_of(text_of(config).encode())


@cache
def text_of(config: EngineConfig) -> str:
    """The engine's Verilog, made once for all targets."""
    return engine_text(config)
