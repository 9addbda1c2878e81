"""The plot of a network: loss against cost, a panel for each target."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.frontier.points import OTHERS, OWN, TITLES, Field
from benchmarks.training.table import standard_error
from benchmarks.training.tasks import TASKS
from rtl_gen.targets import TARGETS

COLOURS = dict(zip(OTHERS, mpl.color_sequences["tab10"][1:], strict=False))
OURS = mpl.color_sequences["tab10"][0]


def draw(fields: Sequence[Field], path: Path) -> None:
    """Write the plot as SVG; the same results give the same bytes."""
    figure = Figure(figsize=(4.2 * len(fields), 3.8), layout="constrained")
    for axis, field in zip(figure.subplots(1, len(fields), squeeze=False)[0], fields, strict=True):
        _panel(axis, field)
    with mpl.rc_context({"svg.hashsalt": "stlq", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _panel(axis: Any, field: Field) -> None:
    front = sorted(field.front, key=lambda point: field.costs[point])
    costs, losses = [field.costs[point] for point in front], [point.loss for point in front]
    axis.step(costs, losses, where="post", color="0.8", linewidth=5, zorder=0, label="front")
    own = field.only(OWN)
    for points, label, style, colour in (
        (own, "words", "o-", OURS),
        *(([point], TITLES[point.weights.array], "s", COLOURS[point.weights]) for point in field.only(OTHERS)),
    ):
        places, heights = [field.costs[point] for point in points], [point.loss for point in points]
        errors = [standard_error(list(point.losses.values())) for point in points]
        axis.errorbar(places, heights, errors, fmt=style, color=colour, label=label, capsize=2, markersize=5)
    for point in own:
        place = field.costs[point], point.loss
        axis.annotate(f"{point.weights.ratio:.0%}", place, (3, -10), textcoords="offset points", fontsize=7)
    target, task = TARGETS[field.target], TASKS[field.network.task]
    axis.set_title(target.title)
    logic = "LUT" if target.is_fpga else "transistor"
    axis.set(xlabel=f"{logic} x cycles per multiplication", ylabel=f"{task.primary} less R = 100% ({task.unit})")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower right")
