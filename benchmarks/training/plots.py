"""A campaign's plots: score against cycles, the annealing of v, weights and pictures before and after."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.training.spec import name_of
from benchmarks.training.table import REFERENCE, Result, Row, by_network, label, standard_error
from benchmarks.training.tasks import TASKS
from sw_ref.model import load_model
from sw_ref.tensorfile import TensorFile
from sw_ref.train.methods import METHODS, find_method

DPI = 110
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
BEFORE, AFTER = "#3b6ea5", "#e07b1a"
SHOWN = (("float", 0.0), ("one-word", 0.0), ("stlq", 0.15), ("stlq-cycles", 0.15), ("two-word", 1.0))
"""Methods whose pictures are shown, with their ratios."""
LAYERS_SHOWN = 6


def draw(results: Path, work: Path, rows: Sequence[Row], found: Sequence[Result]) -> None:
    """All plots that the results allow, into the folder `results`; `work` has the models and the pictures."""
    for (task, network), part in by_network(rows).items():
        runs = [result for result in found if (result["run"]["task"], result["run"]["network"]) == (task, network)]
        name = f"{task}-{network}.png"
        _save(cycles(part), results / f"cycles-{name}")
        _save(annealing(runs), results / f"annealing-{name}")
        _save(weights(runs, work), results / f"weights-{name}")
        _save(pictures(runs, work), results / f"pictures-{name}")


def _save(figure: Figure | None, path: Path) -> None:
    if figure is not None:
        figure.savefig(path, metadata={"Software": None}, dpi=DPI)


def cycles(rows: Sequence[Row]) -> Figure | None:
    """The mean score of each method over its cycles, with the standard error over the seeds.

    What is far below all others is named at the lower edge, so that the others can be told apart.
    """
    placed = [row for row in rows if row.cycles is not None]
    if not placed:
        return None
    task = TASKS[placed[0].task]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.5, 5), layout="constrained")
        axis = figure.subplots()
        for method, (color, marker) in _looks(row.method for row in placed).items():
            points = sorted((row for row in placed if row.method == method), key=lambda row: row.cycles or 0)
            _curve(axis, points, color, marker)
        for row in placed:
            if row.method == REFERENCE:
                axis.axhline(row.mean, color="#888888", linewidth=0.8, linestyle="--", zorder=0)
        _zoom(axis, placed)
        axis.set_xlabel("array cycles, as a multiple of one word everywhere (hollow: not words, one cycle a tile)")
        axis.set_ylabel(f"test {task.primary} ({task.unit})")
        axis.set_title(
            f"{placed[0].task}, {placed[0].network}: mean and standard error over the seeds (dashed: R = 100%)"
        )
        axis.grid(alpha=0.25)
        figure.legend(loc="outside right center")
    return figure


def _looks(methods: Iterable[str]) -> dict[str, tuple[Any, str]]:
    """Color and marker of each method: a method looks the same in all plots."""
    shown = list(dict.fromkeys(methods))
    numbers = {name: number for number, name in enumerate(dict.fromkeys([*METHODS, *shown]))}
    colors, markers = mpl.colormaps["tab20"], "os^vDPX*<>hdp8"
    # Of its pairs of a dark and a pale color all dark ones first.
    places = {name: 2 * (number % 10) + number // 10 % 2 for name, number in numbers.items()}
    return {name: (colors(places[name]), markers[numbers[name] % len(markers)]) for name in shown}


def _curve(axis: Axes, points: Sequence[Row], color: Any, marker: str) -> None:
    at = [row.cycles or 0.0 for row in points]
    errors = [standard_error(list(row.scores.values())) for row in points]
    on_array = find_method(points[0].method).exports
    options: Any = {"color": color, "marker": marker, "markersize": 7, "linewidth": 1, "label": points[0].method}
    axis.errorbar(at, [row.mean for row in points], np.nan_to_num(errors), mfc=color if on_array else "none", **options)


def _zoom(axis: Axes, rows: Sequence[Row]) -> None:
    scores = [row.mean for row in rows]
    top, middle = max(scores), float(np.median(scores))
    lowest = top - 3 * (top - middle)
    below = [row for row in rows if row.mean < lowest]
    if below and top > middle:
        axis.set_ylim(lowest, top + 0.5 * (top - middle))
        names = ", ".join(f"{row.label} {row.mean:.1f}" for row in sorted(below, key=lambda row: -row.mean))
        axis.text(0.02, 0.02, f"below: {names}", transform=axis.transAxes)


def annealing(runs: Sequence[Result]) -> Figure | None:
    """Of the first seed's runs that have v: its norm, the share of it that is left, and the loss, by epoch."""
    first = min((result["run"]["seed"] for result in runs), default=0)
    kept = [r for r in runs if r["run"]["seed"] == first and any(epoch.get("v_norm") for epoch in r["history"])]
    if not kept:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        axes = figure.subplots(1, 3)
        panels = (("v_norm", "||v||"), ("share_left", "share of v that is not 0"), ("loss", "training loss"))
        looks, ratios = _looks(r["run"]["method"] for r in kept), sorted({r["run"]["ratio"] for r in kept})
        for axis, (key, title) in zip(axes, panels, strict=True):
            for result in kept:
                run, history = result["run"], result["history"]
                color, marker = looks[run["method"]]
                axis.plot(
                    [e["epoch"] for e in history],
                    [e[key] for e in history],
                    color=color,
                    marker=marker,
                    markersize=4,
                    linestyle=("-", "--", "-.", ":")[ratios.index(run["ratio"]) % 4],
                    label=label(run["method"], run["ratio"]),
                )
            axis.set_title(title)
            axis.set_xlabel("epoch of fine-tuning")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def weights(runs: Sequence[Result], work: Path) -> Figure | None:
    """Histograms of the largest layers' weights: float, and what the first stlq run made of them."""
    result = next((r for r in runs if r["run"]["method"] == "stlq" and _folder(work, r).is_dir()), None)
    if result is None:
        return None
    run = result["run"]
    float_path = work / "floats" / f"{run['task']}-{run['network']}-seed{run['seed']}.safetensors"
    if not float_path.exists():
        return None
    float_file = TensorFile(float_path)
    tensors = load_model(_folder(work, result) / "weights.safetensors")
    largest = sorted(tensors, key=lambda name: -tensors[name].word1.size)[:LAYERS_SHOWN]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 5), layout="constrained")
        for axis, name in zip(figure.subplots(2, LAYERS_SHOWN // 2).flat, largest, strict=False):
            before = float_file.read(f"model.{name}.weight").ravel()
            after = tensors[name].dequantize().ravel()
            limit = float(np.quantile(np.abs(before), 0.999))
            bins: Any = np.linspace(-limit, limit, 81)
            axis.hist(before, bins, color=BEFORE, alpha=0.6, label="float, before")
            axis.hist(after, bins, histtype="step", color=AFTER, label="words, after")
            axis.set_yscale("log")
            axis.set_title(f"layer {name}: {before.size:,} weights")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        figure.supylabel("how many weights", fontsize="medium")
        figure.suptitle(f"Weights of {run['task']}, {run['network']} (stlq, R = {run['ratio']:.0%})", x=0.01, ha="left")
    return figure


def pictures(runs: Sequence[Result], work: Path) -> Figure | None:
    """A held-out example of the first seed: input, what some methods make of it, and the target."""
    shown = list(_shown(runs, work))
    if not shown:
        return None
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.6 * len(shown), 3), layout="constrained")
        figure.supxlabel("scores: of the whole test split", fontsize="medium")
        for axis, (title, pixels) in zip(np.ravel(figure.subplots(1, len(shown))), shown, strict=True):
            axis.imshow(pixels, interpolation="nearest")
            axis.set_title(title)
            axis.axis("off")
    return figure


def _shown(runs: Sequence[Result], work: Path) -> Iterator[tuple[str, Any]]:
    first = min((result["run"]["seed"] for result in runs), default=0)
    by_method = {(r["run"]["method"], r["run"]["ratio"]): r for r in runs if r["run"]["seed"] == first}
    chosen = [by_method[key] for key in SHOWN if key in by_method]
    files = [(r, TensorFile(path)) for r in chosen if (path := _folder(work, r) / "pictures.safetensors").exists()]
    for number, (result, file) in enumerate(files):
        run, task = result["run"], TASKS[result["run"]["task"]]
        if number == 0:
            yield "input", file.read("input")
        name = label(run["method"], run["ratio"])
        yield f"{name}: {result['result']['test'][task.primary]:.1f} {task.unit}", file.read("output")
        if number == len(files) - 1:
            yield "target", file.read("target")


def _folder(work: Path, result: Result) -> Path:
    run = result["run"]
    return work / name_of(run["task"], run["network"], run["method"], run["ratio"], run["seed"])
