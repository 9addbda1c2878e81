"""The arrays that the frontier compares: for each kind of weight and each target the one that costs least."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.array import area
from benchmarks.array.designs import BUFFERED, Design, baseline, stlq
from benchmarks.array.results import compared, origin, write
from benchmarks.places import ROOT
from hw.config import ArrayConfig
from rtl_gen.runner import Runner
from rtl_gen.targets import FPGAS, TARGETS

Line = dict[str, Any]
Arrays = dict[str, dict[str, Line | None]]
"""The best array for each target and each kind of weights, None if it is not known."""

RECORDED, OWN = ROOT / "benchmarks/array/results/results.json", ROOT / "benchmarks/frontier/results/arrays.json"
ENERGY = OWN.with_name("energy.json")
COMMAND = "python -m benchmarks.frontier --measure"
BITS, ACT_BITS = 3, 6
"""Of words, and of all activations: those of the trained networks."""
WORDS = f"stlq{BITS}"
KINDS = (WORDS, "int3", "int4", "int8", "apot3", "apot4")
SWITCHED = (*((WORDS, ratio) for ratio in (0.0, 0.15, 1.0)), *((kind, 0.0) for kind in KINDS[1:]))
"""The kinds whose energy is measured, and the shares of two-word tiles."""
SELECTS = (WORDS, "apot3")
"""Kinds whose lanes select among several registers, or have one (`--choices`)."""
DEFAULT = ArrayConfig.choices


def variants(kind: str) -> list[Design]:
    """A kind of array in all its forms."""
    choices = (DEFAULT, 1) if kind in SELECTS else (DEFAULT,)
    return [design for number in choices for design in _of(kind, number)]


def _of(kind: str, choices: int) -> list[Design]:
    values: dict[str, Any] = {"act_bits": ACT_BITS, "choices": choices}
    return [stlq(BITS, **values)] if kind == WORDS else baseline(kind, **values)


def measure(running: Runner) -> None:
    """Synthesize what the benchmark of arrays leaves out, and write it; goes on where it was stopped."""
    plan = [
        (design, target)
        for target in TARGETS
        for kind in KINDS
        for design in variants(kind)
        if target not in FPGAS or design.config.choices != DEFAULT
    ]
    made = running.map(area.AREA, [area.unit(*pair) for pair in plan])
    found = [
        area.line(design, target, result) | {"choices": design.config.choices}
        for (design, target), result in zip(plan, made, strict=True)
        if result
    ]
    write({**origin(COMMAND, {"area": found}, len(plan)), "area": found}, OWN)


def recorded() -> list[Line]:
    """The measurements of the arrays that are compared; `choices` is there in each."""
    both = [*json.loads(RECORDED.read_text())["area"], *(json.loads(OWN.read_text())["area"] if OWN.exists() else [])]
    lines = [{"choices": DEFAULT} | line for line in compared(both)]
    return [line for line in lines if line["act_bits"] == ACT_BITS and line["form"] != BUFFERED]


def switched() -> dict[tuple[str, float], Line]:
    """What was measured of the energy of :data:`SWITCHED`."""
    return {(line["kind"], line["ratio"]): line for line in json.loads(ENERGY.read_text())["energy"]}


def best_arrays(lines: Sequence[Line]) -> Arrays:
    """By target and kind."""
    return {target: {kind: best(lines, kind, target) for kind in KINDS} for target in TARGETS}


def best(lines: Iterable[Line], kind: str, target: str) -> Line | None:
    """The array of a kind that takes least logic; None unless all its forms were measured."""
    found = [line for line in lines if (line["kind"], line["target"]) == (kind, target)]
    wanted = {(design.form, design.config.choices) for design in variants(kind)}
    missing = wanted - {(line["form"], line["choices"]) for line in found}
    return None if missing else min(found, key=logic)


def logic(line: Line) -> int:
    """LUTs; transistors if the target is gates."""
    return line["luts"] if TARGETS[line["target"]].is_fpga else line["transistors"]


def per_mac(line: Line) -> float:
    """Logic for each multiplication in a cycle."""
    return logic(line) / (line["pe"] * line["lanes"])


def form(line: Line) -> str:
    """How the array is built, in short."""
    return f"`--choices {line['choices']}`" if line["kind"] in SELECTS else line["form"]
