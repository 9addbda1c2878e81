"""The page's plots as SVG, for papers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rtl_gen.drawing import check_drawing, label, saved
from rtl_gen.errors import UsageError
from rtl_gen.explore.front_format import check_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = Mapping[str, Any]
PLAIN, BEST = "#3b6ea5", "#b35900"
"""The page's colours on white: points, and those on the front."""
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Cost:
    """What a plot has along its horizontal axis, ``{logic}`` in its label; `better`: 1 where more is better, or -1."""

    label: str
    better: int
    of: Callable[[Point], float | None]


COSTS = {
    "front-by-cost.svg": Cost("{logic} x cycles per inference", -1, lambda point: point["luts"] * point["cycles"]),
    "front-by-rate.svg": Cost("inferences per second", 1, lambda point: point["inferences_per_second"]),
}
QUALITIES = {"accuracy": "accuracy (%)", "sqnr_db": "output SQNR (dB)", "agreement": "agreement with float (%)"}
"""In the order in which `explore` judges by them: the first that somebody measured is drawn."""
LOOKS: tuple[tuple[str, bool, bool, dict[str, Any]], ...] = (
    ("measured, on the front", True, True, {"marker": "o", "color": BEST, "zorder": 4}),
    ("measured", True, False, {"marker": "o", "color": PLAIN, "alpha": 0.75}),
    ("estimate", False, False, {"marker": "D", "facecolors": "none", "edgecolors": PLAIN}),
    ("estimate, on the front", False, True, {"marker": "D", "facecolors": "none", "edgecolors": BEST, "zorder": 4}),
)
"""Of points: label, whether measured, whether on the front, and how they are drawn."""


def front_plots(front: Mapping[str, Any]) -> dict[str, bytes]:
    """SVG by file name: accuracy, or without labels SQNR, over LUTs (gates) x cycles, and over the rate.

    There is no plot over the rate where nobody measured one. The same front gives the same bytes.
    Raises :class:`UsageError` as :func:`check_front`, and :class:`CheckError` without matplotlib.
    """
    check_front(front)
    quality = next((q for q in QUALITIES if any(_is_drawn(point[q]) for point in front["points"])), "sqnr_db")
    drawn = {}
    for name, cost in COSTS.items():
        points = [point for point in front["points"] if _is_drawn(cost.of(point)) and _is_drawn(point[quality])]
        if points:
            named = replace(cost, label=cost.label.format(logic=front["logic"]))
            drawn[name] = _svg(lambda figure, p=points, c=named: _scatter(figure, p, c, quality), (5.5, 4))
    return drawn


def all_plots(front: Mapping[str, Any]) -> dict[str, bytes]:
    """:func:`front_plots`, and for each point on the front its :func:`layer_plot` as ``layers-ID.svg``."""
    ids = [str(point["id"]) for point in front["points"] if point["front"]]
    return front_plots(front) | {f"layers-{point_id}.svg": layer_plot(front, point_id) for point_id in ids}


def layer_plot(front: Mapping[str, Any], point_id: str | int) -> bytes:
    """SVG: for each layer of one point its cycles, its SQNR, and when it runs.  Raises as :func:`front_plots`."""
    check_front(front)
    point = next((point for point in front["points"] if str(point["id"]) == str(point_id)), None)
    if point is None:
        raise UsageError(f"point is {point_id!r:.80}; allowed: an id of the front's points")
    size = (10, 1 + 0.22 * max(6, len(front["layers"])))
    return _svg(lambda figure: _layers(figure, front["layers"], point), size)


def _svg(draw: Callable[["Figure"], None], size: tuple[float, float]) -> bytes:
    check_drawing()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        return saved(figure, "svg", "explore")


def unbeaten(places: Sequence[tuple[float, float]], better: int) -> list[tuple[float, float]]:
    """The (x, y) that no other one beats on both axes, from the best x on; `better`: 1 where a larger x is better."""
    found: list[tuple[float, float]] = []
    for x, y in sorted(places, key=lambda place: (-better * place[0], -place[1])):
        if not found or y > found[-1][1]:
            found.append((x, y))
    return found


def _scatter(figure: "Figure", points: Sequence[Point], cost: Cost, quality: str) -> None:
    axis = figure.add_subplot()
    factor = 1 if quality == "sqnr_db" else 100
    places = [(cost.of(point) or 0, factor * point[quality]) for point in points]
    steps = unbeaten([place for place, point in zip(places, points, strict=True) if point["measured"]], cost.better)
    axis.plot([x for x, _ in steps], [y for _, y in steps], color=BEST, drawstyle="steps-post", linewidth=1)
    for name, measured, on_front, look in LOOKS:
        kept = [i for i, point in enumerate(points) if (point["measured"], point["front"]) == (measured, on_front)]
        if kept:
            axis.scatter([places[i][0] for i in kept], [places[i][1] for i in kept], s=22, label=name, **look)
    is_log = _scale(axis, [x for x, _ in places])
    axis.set(xlabel=f"{cost.label} (logarithmic)" if is_log else cost.label, ylabel=QUALITIES[quality])
    axis.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)


def _scale(axis: "Axes", costs: Sequence[float]) -> bool:
    """Scale the horizontal axis as the page does; whether it is logarithmic."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    is_log = min(costs) > 0 and max(costs) > 4 * min(costs)
    if is_log:
        axis.set_xscale("log")
        # Below a decade there are few round numbers.
        marks = (1, 2, 5) if max(costs) > 10 * min(costs) else (1, 1.5, 2, 3, 5, 7)
        axis.xaxis.set_major_locator(LogLocator(subs=marks))
        axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(EngFormatter())
    return is_log


def _layers(figure: "Figure", layers: Sequence[str], point: Point) -> None:
    cycles, sqnr, time = figure.subplots(1, 3, sharey=True, width_ratios=[2, 2, 3])
    starts = [sum(point["layer_cycles"][:number]) for number in range(len(layers))]
    rows = range(len(layers))
    cycles.barh(rows, point["layer_cycles"], color=PLAIN)
    known = {row: value for row, value in enumerate(point["layer_sqnr_db"]) if _is_drawn(value)}
    sqnr.barh(list(known), list(known.values()), color=PLAIN)
    time.barh(rows, point["layer_cycles"], left=starts, color=PLAIN)
    for axis, title in ((cycles, "cycles"), (sqnr, "SQNR (dB)"), (time, "cycles, from the start")):
        _label(axis, title)
    for row in set(rows) - set(known):
        text = point["layer_sqnr_db"][row] or "not measured"
        sqnr.text(0, row, f" {text}", va="center", style="italic", fontsize=8)
    cycles.set_yticks(rows, [label(name) for name in layers])
    cycles.invert_yaxis()


def _is_drawn(value: Any) -> bool:
    """Whether it is a number: not null, and not "exact"."""
    return isinstance(value, int | float)


def _label(axis: "Axes", title: str) -> None:
    axis.set_xlabel(title)
    axis.set_axisbelow(True)
    axis.grid(axis="x", alpha=0.3)
    axis.locator_params(axis="x", nbins=5)
