"""What an exploration found, as plain data: ``front.json``."""

import json
import platform
import shlex
from collections.abc import Mapping
from importlib import metadata
from statistics import median
from typing import Any

from rtl_gen.explore.exploration import Exploration
from rtl_gen.explore.front_format import SCHEMA
from rtl_gen.explore.points import Point
from rtl_gen.explore.units import AREA, INPUTS, OUTPUTS, QUANTIZED, clock_of
from sw_ref.files import digest_of

FIGURES = 4
"""Digits after the point of measures that are no whole numbers."""
MEMORY = ("memory_words", "group_beats", "memory_ports", "bus_bits", "tables", "requant_lanes")


def content(exploration: Exploration, *, network: str, command: str, convert: str) -> dict[str, Any]:
    """All points, the front first, and how they were found; `convert`: the command of all points, but its own options.

    docs/explore.md says what each field means.  The same exploration gives the same content.
    """
    front = exploration.front
    points = [*exploration.points.values()]
    order = sorted(points, key=lambda p: (p not in front, not p.measured, -p.quality, p.luts, p.cycles, _id(p)))
    first = next(iter(points)).quantized
    return {
        "schema": SCHEMA,
        "network": network,
        "command": command,
        "logic": exploration.task.target.logic,
        "versions": _versions(exploration),
        "layers": [INPUTS, *first["nodes"], OUTPUTS],
        "points": [_point(exploration, point, point in front, convert) for point in order],
    }


def to_json(found: Mapping[str, Any]) -> str:
    """One line for each point."""
    head = {name: value for name, value in found.items() if name != "points"}
    lines = ",\n".join(json.dumps(point) for point in found["points"])
    return f'{json.dumps(head, indent=1)[:-2]},\n "points": [\n{lines}\n]}}\n'


def about(exploration: Exploration) -> dict[str, Any]:
    """What no point tells: the technology, the inputs that were compared, what was refused, and how estimates held.

    `estimates`: median relative error of LUTs and MHz against what was measured after them.
    """
    task, first = exploration.task, next(iter(exploration.points.values())).quantized
    errors: dict[str, float | None] = {}
    for name in ("luts", "mhz"):
        pairs = [(point.estimated[name], getattr(point, name)) for point in exploration.measured]
        off = [abs(estimate / value - 1) for estimate, value in pairs if estimate and value]
        errors[name] = round(median(off), FIGURES) if off else None
    return {
        "target": task.target.name,
        "device": task.device,
        "inputs": first["inputs"],
        "float_accuracy": first["float_accuracy"],
        "estimates": errors,
        "refused": [{"config": choice.to_dict(), "reason": why} for choice, why in exploration.refused.items()],
        "units_done": exploration.runner.done,
    }


def _point(exploration: Exploration, point: Point, is_front: bool, convert: str) -> dict[str, Any]:
    found, layers = point.quantized, [INPUTS, *point.quantized["nodes"], OUTPUTS]
    return {
        "id": _id(point),
        "front": is_front,
        "measured": point.measured,
        "config": _config(point),
        "luts": point.luts,
        "memories": point.memories,
        "mhz": point.mhz,
        "cycles": point.cycles,
        **{name: _rounded(found[name]) for name in ("accuracy", "agreement", "sqnr_db")},
        "inferences_per_second": point.rate,
        "layer_cycles": [point.compiled["layer_cycles"].get(name, 0) for name in layers],
        "layer_sqnr_db": [_rounded(found["layer_sqnr_db"].get(name)) for name in layers],
        "build_command": build_command(exploration, point, convert),
    }


def _config(point: Point) -> dict[str, Any]:
    """Every parameter of a point's network and engine."""
    array, engine = point.config.array, point.config.to_dict()
    words = {"residual_shift": array.residual_shift, "ratio": point.choice.ratio, "budget": point.choice.budget}
    shape = {"pe": array.pe, "lanes": array.lanes, "bits": array.format.bits, "act_bits": array.format.act_bits}
    pipeline = {"optimize": point.choice.optimize, "pipeline": array.pipeline, "choices": array.choices}
    window = {"depthwise": True} if point.config.depthwise else {}
    return {**shape, **words, **pipeline, **{name: engine[name] for name in MEMORY}, **window}


def _id(point: Point) -> str:
    return digest_of(json.dumps(_config(point), sort_keys=True).encode())[:8]


def build_command(exploration: Exploration, point: Point, convert: str) -> str:
    """The commands that make the network and the engine of a point."""
    choice, config, name = point.choice, point.config, _id(point)
    file = f"{name}.safetensors"
    words = [
        *("--bits", choice.bits, "--act-bits", choice.act_bits, "--ratio", choice.ratio, "--budget", choice.budget),
        *("--tile", f"{choice.side}x{choice.side}", "--out", file),
    ]
    engine = [
        *("--for", exploration.task.target.array_for, "--optimize", choice.optimize),
        *("--requant-lanes", choice.requant_lanes, "--memory-ports", choice.memory_ports),
        *("--bus-bits", config.bus_bits, *(["--tables"] if config.tables else [])),
        *(*(["--depthwise"] if config.depthwise else []), "--out", f"{name}/"),
    ]
    return f"{convert} {shlex.join(map(str, words))} && {shlex.join(['stlq', 'compile', file, *map(str, engine)])}"


def _rounded(value: Any) -> Any:
    return round(value, FIGURES) if isinstance(value, float) else value


def _versions(exploration: Exploration) -> dict[str, str]:
    """The versions of all that results depend on."""
    kinds = [QUANTIZED, AREA]
    if exploration.task.device is not None:
        kinds.append(clock_of(exploration.task.target.name))
    packages = sorted({"stlq", "optuna", *(name for kind in kinds for name in kind.packages)})
    return {**{name: metadata.version(name) for name in packages}, "python": platform.python_version()}
