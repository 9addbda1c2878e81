"""The part of the page that shows what others publish."""

from typing import Any

from benchmarks.array.page import table
from benchmarks.networks.plan import RATIOS
from benchmarks.networks.published import ON_TINY, SIZED, SYNTHESIZED, UTILISED
from benchmarks.networks.results import find

HEAD = """\
## Beside others

No published design without DSP blocks for these networks was found on a device of this class. What follows is what
others publish. Read each line for itself: networks, devices, clocks and widths differ.
"""
TINY_HEAD = """\
Measured for MLPerf Tiny, open division. Each is a pipeline of layers for one network that its makers chose, smaller
than the reference network, with all weights on the chip:
"""


def peers(results: dict[str, Any]) -> list[str]:
    """Tables of others' designs, each with its source; where the same was measured here, beside it."""
    rates = [(p.task, p.design, p.network, f"{p.rate:,.1f}", p.source) for p in ON_TINY]
    sizes = [(p.design, f"{p.macs:,}" if p.macs else "", p.takes, p.does, p.source) for p in SIZED]
    return [
        HEAD,
        *_synthesized(results),
        TINY_HEAD,
        table(("task", "design", "network", "inferences per second", "source"), rates),
        "Engines for networks of any kind:\n",
        table(("engine", "MACs per cycle", "takes", "does", "source"), [*_own(results), *sizes]),
        "Share of useful multiplications:\n",
        table(("engine", "network", "useful", "source"), UTILISED),
    ]


def _own(results: dict[str, Any]) -> list[tuple[str, ...]]:
    """This project's engines, as far as they were measured."""
    rows = []
    for line in sorted(results["area"], key=lambda line: line["side"]):
        if line["target"] == "xilinx":
            side = line["side"]
            takes = f"{line['luts'] + line['memory_luts']:,} LUT, no DSP"
            rows.append((f"`stlq_engine` {side} x {side}, AMD 7 series", f"{side * side}", takes, "", "this page"))
    return rows


def _synthesized(results: dict[str, Any]) -> list[str]:
    """The same networks, synthesized for the same target with the same program."""
    rows = []
    for peer in SYNTHESIZED:
        cost = peer.luts * peer.cycles
        rows.append((peer.network, peer.design, f"{peer.luts:,}", f"{peer.cycles:,}", f"{cost / 1e9:.2f}", peer.source))
        area = find(results["area"], side=8, target="xilinx")
        for ratio in sorted(RATIOS[8]):
            line = find(results["cycles"], network=peer.network, side=8, ratio=ratio)
            if area and line:
                luts = area["luts"] + area["memory_luts"]
                figures = (f"{luts:,}", f"{line['cycles']:,}", f"{luts * line['cycles'] / 1e9:.2f}")
                rows.append((peer.network, f"`stlq_engine` 8 x 8, R = {ratio:.0%}", *figures, "this page"))
    columns = ("network", "design", "AMD LUTs", "cycles", "LUTs x cycles, 10^9", "source")
    return ["The same network, synthesized with Yosys for AMD 7 series without DSP blocks:\n", table(columns, rows)]
