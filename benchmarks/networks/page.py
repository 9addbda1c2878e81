"""The page of the results: tables, all from the results file and the published figures alone."""

import textwrap
from pathlib import Path
from typing import Any

from benchmarks.array.page import table
from benchmarks.networks.cost import CLOCKED
from benchmarks.networks.large import INPUT
from benchmarks.networks.peers import peers
from benchmarks.networks.plan import RATIOS, SIDES
from benchmarks.networks.results import find
from benchmarks.networks.tiny import FOLDER, SOURCE, TINY, VARIABLE
from rtl_gen.targets import FPGAS
from sw_ref.files import write_atomically

INTRO = """\
# Whole networks on the engine

This page shows how fast `stlq_engine` runs the four reference networks of MLPerf Tiny, and what it costs.
The engine has no multiplier and no DSP block. It is the default one: 3-bit words, 8-bit activations, 4 requantizer
lanes, a 32-bit program stream.
"""
HOW = """\
## How to read it

- **Cycles** are those of the compiler's model. It is exact: simulations of these networks take the predicted cycles, in
  every layer ([verification](../../../docs/verification.md)). Program and inputs come a bus word a cycle.
- **Two-word tiles** are chosen with calibration data: the sample inputs of the reference submissions for anomaly
  detection and keyword spotting, random ones for the others. Other data give other cycles. Without data, keyword
  spotting takes 1.6% fewer cycles at R = 15%.
- **Useful** is the share of the array's multiplications that belong to the network's weights.
- **LUTs** are Yosys's, without DSP blocks; small memories that are made of LUTs count separately.
- **MHz** is nextpnr's for ECP5, speed 6, with one seed of the placer; ports are behind registers.
- **Inferences per second** are one after the other, at that clock. They are divided by the LUTs of an ECP5.
- **LUTs and MHz** belong to the Verilog whose SHA-256 is in [the results](results.json).
- **One engine** of each size serves all networks at all R: only the sizes of its memories depend on them.

The networks are no part of this repository. They are the reference models of
[MLPerf Tiny]({source}), converted from TFLite to ONNX (NCHW), one `NAME.onnx` each:
{names}.
They are looked for in `{folder}` beside the repository, or in the folder that `{variable}` names.

`{command}` wrote this page; {measured} of {planned} measurements were made. The tools:
{tools}.
"""
BARS = """\
## Cycles against beats

An inference takes a cycle for each beat of its tiles, and one for each bus word of its program. The larger number
bounds it. Cycles in which only input or output words move do not count here; program words move beside input words.
The best mapping that is known folds all kernel positions of the first layer into lanes. Its beats are those of
convolutions at R = 0.
"""
GROWTH = """\
## Growth with the array

Four times the array is at most four times as fast. Layers with fewer channels than the array has lanes, and depthwise
ones, leave a larger array idle. Fully connected ones are bound by the program stream.
"""
LARGE = """\
## Large networks

ResNet-18 and MobileNetV2 for inputs of {size}, with random weights (`benchmarks/networks/large.py`).
*Ports* are the cycles in which input or output words move. `--requant-lanes` and `--bus-bits` are options of
`stlq compile`. Memory and weight buffer are as large as the network needs. ResNet-18 with the larger options was
simulated, too: a whole inference in Verilator, with every code right and in the predicted cycles
([verification](../../../docs/verification.md)).

What is lost in ResNet-18: its first layer uses 60% of the array, as 5 pixels of 3 channels share a memory word. Its
max pooling takes a cycle for each memory word of each window, or more with fewer requantizer lanes. In all other
convolutions at least 99.9% of the array is useful, but for two small ones that wait for their weights. MobileNetV2
loses most in depthwise layers, which use one lane in 16.
""".format(size=" x ".join(map(str, INPUT)))
SPEED = ("inferences per second", "for each 1,000 LUTs")
DEFAULT, TYPICAL = SIDES[0], RATIOS[SIDES[0]][0]


def write(results: dict[str, Any], folder: Path) -> None:
    """The page of `results` in `folder`."""
    tools = textwrap.fill(", ".join(f"{name} {version}" for name, version in results["tools"].items()), 118)
    made = {key: results[key] for key in ("command", "measured", "planned")}
    parts = [
        INTRO,
        *_short(results),
        *_bars(results["bars"]),
        *_ratios(results["cycles"]),
        *_cost(results),
        *_growth(results),
        *_large(results["large"]),
        *peers(results),
        HOW.format(
            source=SOURCE,
            folder=FOLDER,
            variable=VARIABLE,
            names=", ".join(f"`{name}`" for name in TINY),
            tools=tools,
            **made,
        ),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "README.md", "\n".join(parts).encode())


def _short(results: dict[str, Any]) -> list[str]:
    """Each network on the default engine, at R = 15%."""
    rows = []
    for name, network in TINY.items():
        line = find(results["cycles"], network=name, side=DEFAULT, ratio=TYPICAL)
        if line:
            figures = f"{line['macs'] / 1e6:.2f} M", f"{line['cycles']:,}", f"{line['utilisation']:.0%}"
            rows.append((network.title, *figures, *_speed(results, line)))
    columns = ("8 x 8, R = 15%", "MACs", "cycles", "useful", *SPEED)
    return ["## In short\n", table(columns, rows)]


def _speed(results: dict[str, Any], line: dict[str, Any]) -> tuple[str, str]:
    """Inferences per second on an ECP5, and for each 1,000 of the engine's LUTs; empty if not measured."""
    area, clock = find(results["area"], side=line["side"], target=CLOCKED), find(results["clock"], side=line["side"])
    if area is None or clock is None:
        return "", ""
    each = clock["mhz"] * 1e6 / line["cycles"]
    return f"{each:,.0f}", f"{1000 * each / area['luts']:,.1f}"


def _bars(bars: list[dict[str, Any]]) -> list[str]:
    """Cycles over what bounds them."""
    rows = [
        (
            f"{TINY[bar['network']].title}, {bar['side']} x {bar['side']}, R = {bar['ratio']:.0%}",
            f"{bar['cycles']:,}",
            f"{bar['bound']:,} {bar['of']}",
            f"{bar['cycles'] / bar['bound']:.4f}",
            f"{bar['cycles'] / bar['best']:.4f}" if bar["best"] else "",
            bar["limit"],
            "pass" if bar["holds"] else "**fail**",
        )
        for bar in bars
        if bar["side"] in (DEFAULT, 4)
    ]
    columns = ("network", "cycles", "of", "ratio", "ratio to the best mapping", "at most", "")
    return [
        BARS,
        table(columns, rows),
    ]


def _ratios(lines: list[dict[str, Any]]) -> list[str]:
    """All cycles of the default engine, by R."""
    rows = []
    for name, network in TINY.items():
        for ratio in sorted(RATIOS[DEFAULT]):
            line = find(lines, network=name, side=DEFAULT, ratio=ratio)
            if line:
                figures = (f"{line[key]:,}" for key in ("beats", "cycles", "inputs", "outputs", "program_words"))
                useful = f"{line['utilisation']:.1%}"
                rows.append((f"{network.title}, R = {ratio:.0%}", *figures, useful, f"{line['memory_words'] * 8:,}"))
    columns = (
        "8 x 8",
        "beats",
        "cycles",
        "of them inputs",
        "outputs",
        "program words",
        "useful",
        "activation memory, bytes",
    )
    return ["## By the share of two-word tiles\n", table(columns, rows)]


def _cost(results: dict[str, Any]) -> list[str]:
    rows = []
    for side in sorted(SIDES):
        found = [find(results["area"], side=side, target=target) for target in FPGAS]
        luts = [f"{line['luts']:,} + {line['memory_luts']}" if line else "" for line in found]
        clock = find(results["clock"], side=side)
        rows.append((f"{side} x {side}", *luts, *((f"{clock['mhz']:.1f}", clock["device"]) if clock else ("", ""))))
    columns = ("engine", *(target.title for target in FPGAS.values()), "MHz on ECP5", "device")
    return ["## What the engine costs\n", "LUTs of logic + LUTs that are small memories:\n", table(columns, rows)]


def _growth(results: dict[str, Any]) -> list[str]:
    """How cycles and inferences per second change with the array's size."""
    rows = []
    for name, network in TINY.items():
        for side in sorted(SIDES):
            line = find(results["cycles"], network=name, side=side, ratio=TYPICAL)
            if line:
                figures = f"{line['cycles']:,}", f"{line['utilisation']:.1%}"
                rows.append((f"{network.title}, {side} x {side}", *figures, *_speed(results, line)))
    columns = ("R = 15%", "cycles", "useful", *SPEED)
    return [
        GROWTH,
        table(columns, rows),
    ]


def _large(lines: list[dict[str, Any]]) -> list[str]:
    rows = [
        (
            f"{line['network']}, {line['requant_lanes']} requantizer lanes, {line['bus_bits']}-bit bus",
            f"{line['macs'] / 1e6:,.0f} M",
            f"{line['cycles']:,}",
            f"{line['inputs'] + line['outputs']:,}",
            f"{line['utilisation']:.1%}",
            f"{line['macs'] / (line['cycles'] - line['inputs'] - line['outputs']) / line['side'] ** 2:.1%}",
            f"{line['memory_words'] * line['side'] / 1024:,.0f}",
            f"{line['group_beats']:,}",
        )
        for line in lines
    ]
    columns = (
        "16 x 16, R = 0",
        "MACs",
        "cycles",
        "ports",
        "useful",
        "but for ports",
        "memory, KiB",
        "beats of a group",
    )
    return [LARGE, table(columns, rows)]
