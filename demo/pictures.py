"""The demo's pictures: which tiles have two words, and the level that each weight was rounded to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from demo.network import Layer

ONE, TWO, INK = "#3b6ea5", "#e07b1a", "#333333"
DPI = 130
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#888888",
    "text.color": INK,
    "axes.labelcolor": INK,
}


def draw_tiles(layers: Sequence[Layer], path: Path) -> None:
    """One panel per layer: every weight as a cell, all to one scale, and the two-word tiles in colour."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.2), dpi=DPI, layout="constrained")
        widths = [layer.tensor.shape[1] for layer in layers]
        heights = max(layer.tensor.shape[0] for layer in layers)
        axes = figure.subplots(1, len(layers), width_ratios=widths, squeeze=False)[0]
        for axis, layer in zip(axes, layers, strict=True):
            _draw_layer(axis, layer)
            axis.set_ylim(heights - 0.5, -0.5)
        axes[0].set_ylabel("output channel", loc="top")
        # The space below the smaller layers is free.
        axes[-1].legend(
            handles=[Patch(color=ONE, label="one word, one cycle"), Patch(color=TWO, label="two words, two cycles")],
            loc="lower right",
            frameon=False,
        )
        figure.suptitle(
            "Tiles of 8 outputs x 8 inputs that got a second word (darker: larger weight)", x=0.01, ha="left"
        )
        _save(figure, path)


def _draw_layer(axis: Axes, layer: Layer) -> None:
    tensor = layer.tensor
    two_word = tensor.tiling.expand(tensor.two_word) > 0
    strength = np.abs(tensor.dequantize())
    strength = 0.12 + 0.88 * np.sqrt(strength / strength.max())
    colors = np.where(two_word[..., None], to_rgb(TWO), to_rgb(ONE))
    axis.imshow(1 - strength[..., None] * (1 - colors), interpolation="nearest", aspect="equal")
    (outputs, inputs), (pe, lanes) = tensor.shape, tensor.tile
    for row, column in np.ndindex(*tensor.two_word.shape):
        corner = (column * lanes - 0.5, row * pe - 0.5)
        size = (min(lanes, inputs - column * lanes), min(pe, outputs - row * pe))
        axis.add_patch(Rectangle(corner, *size, fill=False, edgecolor="white", linewidth=1.4))
    count = int(tensor.two_word.sum())
    axis.set_title(f"{layer.name}: {outputs} x {inputs}\n{count} of {tensor.two_word.size} tiles")
    axis.set_xlabel("input channel", loc="left")
    axis.xaxis.set_label_position("top")
    for ticks, size, step in ((axis.set_xticks, inputs, lanes), (axis.set_yticks, outputs, pe)):
        # A cell's centre is at its number, so a tile begins half a cell before.
        edges = np.arange(0, size + 1, step)
        ticks(edges - 0.5, labels=edges.astype(str).tolist())
    axis.tick_params(length=0, pad=1, top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=9)
    for spine in axis.spines.values():
        spine.set_visible(False)


def draw_levels(layers: Sequence[Layer], path: Path) -> None:
    """One column per layer: the distribution of the trained weights, and the level that each was rounded to."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 6.4), dpi=DPI, layout="constrained")
        axes = figure.subplots(2, len(layers), height_ratios=(1, 2), sharex="col", squeeze=False)
        for (top, bottom), layer in zip(axes.T, layers, strict=True):
            weight, stored = layer.weight.ravel(), layer.tensor.dequantize().ravel()
            two_word = layer.tensor.tiling.expand(layer.tensor.two_word).ravel() > 0
            _draw_spread(top, weight, two_word)
            top.set_title(layer.name)
            _draw_staircase(bottom, weight, stored, two_word)
        axes[0, 0].set_ylabel("weights")
        axes[1, 0].set_ylabel("level that the hardware multiplies by")
        axes[1, 0].legend(
            handles=[
                Line2D([], [], marker="o", linestyle="", markersize=4, color=ONE, label="one word"),
                Line2D([], [], marker="o", linestyle="", markersize=4, color=TWO, label="two words"),
                Line2D([], [], color="#bbbbbb", linewidth=1, label="no error"),
            ],
            loc="upper left",
            frameon=False,
        )
        figure.suptitle("Trained weights, and the level that each was sent to (3-bit words)", x=0.01, ha="left")
        _save(figure, path)


def _draw_spread(axis: Axes, weight: Any, two_word: Any) -> None:
    bins = np.linspace(weight.min(), weight.max(), 61).tolist()
    axis.hist([weight[~two_word], weight[two_word]], bins=bins, stacked=True, color=[ONE, TWO])
    axis.tick_params(labelbottom=False)


def _draw_staircase(axis: Axes, weight: Any, stored: Any, two_word: Any) -> None:
    limit = float(np.abs(weight).max()) * 1.05
    # The levels of one word: few, and closest together around zero.
    for level in np.unique(stored[~two_word]):
        axis.axhline(level, color=ONE, linewidth=0.5, alpha=0.35, zorder=0)
    axis.plot([-limit, limit], [-limit, limit], color="#bbbbbb", linewidth=1, zorder=1)
    axis.scatter(weight[~two_word], stored[~two_word], s=5, color=ONE, alpha=0.6, linewidths=0, zorder=2)
    axis.scatter(weight[two_word], stored[two_word], s=6, color=TWO, alpha=0.8, linewidths=0, zorder=3)
    axis.set_xlabel("trained weight")
    axis.set_xlim(-limit, limit)


def _save(figure: Figure, path: Path) -> None:
    # Without the library's version in it, the same picture gives the same bytes.
    figure.savefig(path, metadata={"Software": None})
