"""The plots of the results page."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.array.designs import RATIOS, STLQ_FORM
from benchmarks.array.published import PEERS
from benchmarks.array.results import compared, cost, per_mac, smallest
from rtl_gen.targets import FPGAS

KINDS = ("stlq3", "apot3", "apot4", "two3", "int3", "int4", "int8")
COLOURS = dict(zip(KINDS, mpl.color_sequences["tab10"], strict=False))


def draw(results: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write all plots that have data as SVG; returns caption by file name."""
    area = results["area"]
    targets = [target for target in FPGAS if any(line["target"] == target for line in compared(area))]
    pictures = {
        "cost-by-ratio.svg": (_cost_by_ratio, "LUT x cycles per multiply over the share R of two-word tiles"),
        "forms.svg": (_forms, "LUTs per MAC of every form, 8-bit activations; dotted: published peers"),
        "formats.svg": (_formats, "LUT x cycles per multiply at R = 15% over the activation's width"),
        "growth.svg": (_growth, "LUTs per MAC of the default array as it grows"),
    }
    drawn = {}
    for name, (draw_one, caption) in pictures.items():
        figure = Figure(figsize=(4.2 * len(targets), 3.6), layout="constrained")
        axes = figure.subplots(1, len(targets), squeeze=False)[0] if targets else []
        for axis, target in zip(axes, targets, strict=True):
            draw_one(axis, area, target)
            axis.set_title(target)
            axis.set_ylim(bottom=0)
            axis.grid(axis="y", alpha=0.3)
        if targets:
            _save(figure, folder / name)
            drawn[name] = caption
    return drawn


def _save(figure: Figure, path: Path) -> None:
    # The same results give the same bytes.
    with mpl.rc_context({"svg.hashsalt": "stlq", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _cost_by_ratio(axis: Any, area: list[dict[str, Any]], target: str) -> None:
    for kind in KINDS:
        best = smallest(area, kind, target, 8)
        if best is not None:
            style = "o-" if best["residual_beats"] else "--"
            costs = [cost(best, ratio) for ratio in RATIOS]
            axis.plot([100 * r for r in RATIOS], costs, style, color=COLOURS[kind], label=f"{kind} {best['form']}")
    axis.set(xlabel="R in %", ylabel="LUT x cycles per multiply")
    axis.legend(fontsize=6)


def _forms(axis: Any, area: list[dict[str, Any]], target: str) -> None:
    lines = [line for line in compared(area) if (line["target"], line["act_bits"]) == (target, 8)]
    lines = [line for line in lines if line["kind"] in KINDS]
    labels = [f"{line['kind']} {line['form']}" for line in lines]
    axis.bar(labels, [per_mac(line) for line in lines], color=[COLOURS[line["kind"]] for line in lines])
    axis.tick_params("x", rotation=90, labelsize=6)
    axis.set_ylabel("LUTs per MAC")
    if target in ("xilinx", "ice40"):
        for peer in PEERS:
            axis.axhline(getattr(peer, target) / peer.macs, color="grey", linestyle=":", linewidth=0.6)


def _formats(axis: Any, area: list[dict[str, Any]], target: str) -> None:
    kinds = dict.fromkeys(line["kind"] for line in compared(area))
    axis.set_prop_cycle(color=mpl.color_sequences["tab20"])
    for kind in kinds:
        best = {act_bits: smallest(area, kind, target, act_bits) for act_bits in (4, 6, 8)}
        points = {act_bits: cost(line, 0.15) for act_bits, line in best.items() if line}
        style = "o-" if kind.startswith("stlq") else "x--"
        axis.plot(list(points), list(points.values()), style, markersize=4, label=kind)
    axis.set(xlabel="bits of an activation", ylabel="LUT x cycles per multiply, R = 15%")
    axis.legend(fontsize=6, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def _growth(axis: Any, area: list[dict[str, Any]], target: str) -> None:
    default = ("stlq3", STLQ_FORM, 8, target)
    own = [line for line in area if (line["kind"], line["form"], line["act_bits"], line["target"]) == default]
    one_pixel = [line for line in own if line["pixels"] == 1]
    for label, chosen in (
        ("pe = lanes", [line for line in one_pixel if line["pe"] == line["lanes"]]),
        ("pe, 8 lanes", [line for line in one_pixel if line["lanes"] == 8]),
        ("lanes, 8 PEs", [line for line in one_pixel if line["pe"] == 8]),
        ("pixels, 8 x 8", [line for line in own if (line["pe"], line["lanes"]) == (8, 8)]),
    ):
        macs = {line["pe"] * line["lanes"] * line["pixels"]: per_mac(line) for line in chosen}
        axis.plot(sorted(macs), [macs[count] for count in sorted(macs)], "o-", label=label)
    axis.set(xlabel="MACs per cycle", ylabel="LUTs per MAC", xscale="log")
    axis.legend(fontsize=6)
