"""The demo's pictures: which tiles have two words, and the images that were read wrong."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from demo.digits import Digits
from sw_ref.model import StlqTensor
from sw_ref.network import Network

ONE, TWO, INK = "#3b6ea5", "#e07b1a", "#333333"
DPI = 130
ROWS, COLUMNS = 2, 6
"""Of the wrong images that are shown."""
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


def draw_tiles(network: Network, path: Path) -> None:
    """One panel per layer: every weight as a cell, all to one scale, and the two-word tiles in colour."""
    layers = {node.name: node.weights for node in network.nodes if node.weights is not None}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 7.5), dpi=DPI, layout="constrained")
        heights = [tensor.shape[0] for tensor in layers.values()]
        axes = figure.subplots(len(layers), 1, height_ratios=heights, squeeze=False)[:, 0]
        width = max(tensor.integers()[0].size for tensor in layers.values())
        for axis, (name, tensor) in zip(axes, layers.items(), strict=True):
            _draw_layer(axis, tensor)
            axis.set_xlim(-0.5, width - 0.5)
            axis.set_title(title(name, tensor))
        # The space beside the smaller layers is free.
        axes[-1].legend(
            handles=[Patch(color=ONE, label="one word, one cycle"), Patch(color=TWO, label="two words, two cycles")],
            loc="center right",
            frameon=False,
        )
        pe, lanes = network.tile
        figure.suptitle(
            f"Tiles of {pe} outputs x {lanes} inputs of one kernel position (darker: larger weight)", x=0.01, ha="left"
        )
        _save(figure, path)


def _draw_layer(axis: Axes, tensor: StlqTensor) -> None:
    """Outputs downwards; to the right kernel positions, and of each the inputs."""
    two_word = _flat(tensor.tiling.expand(tensor.two_word)) > 0
    strength = np.abs(_flat(tensor.dequantize()))
    strength = 0.12 + 0.88 * np.sqrt(strength / strength.max())
    colors = np.where(two_word[..., None], to_rgb(TWO), to_rgb(ONE))
    axis.imshow(1 - strength[..., None] * (1 - colors), interpolation="nearest", aspect="equal", origin="upper")
    (outputs, inputs, *_), (pe, lanes) = tensor.shape, tensor.tile
    for row in range(0, outputs, pe):
        for column in range(0, two_word.shape[1], inputs):
            for lane in range(0, inputs, lanes):
                size = (min(lanes, inputs - lane), min(pe, outputs - row))
                corner = (column + lane - 0.5, row - 0.5)
                axis.add_patch(Rectangle(corner, *size, fill=False, edgecolor="white", linewidth=1.4))
    axis.set_axis_off()


def _flat(weights: NDArray[Any]) -> NDArray[Any]:
    """(O, I, *kernel) as (O, kernel positions * I)."""
    return np.moveaxis(weights.reshape(*weights.shape[:2], -1), 1, 2).reshape(len(weights), -1)


def title(name: str, tensor: StlqTensor) -> str:
    """A layer's line in the picture: its shape, and how many of its tiles have two words."""
    count, size = int(tensor.two_word.sum()), tensor.two_word.size
    shape = " x ".join(map(str, tensor.shape))
    return f"{name}, {shape}: {count} of {size} tiles {'has' if count == 1 else 'have'} two words"


def draw_wrong(test: Digits, by_float: NDArray[Any], by_verilog: NDArray[Any], path: Path) -> None:
    """The images of which the float network or the Verilog read another digit than was written."""
    wrong = np.flatnonzero((by_float != test.labels) | (by_verilog != test.labels))[: ROWS * COLUMNS]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 4.2), dpi=DPI, layout="constrained")
        axes = figure.subplots(ROWS, COLUMNS, squeeze=False).ravel()
        for axis in axes:
            axis.set_axis_off()
        for axis, number in zip(axes, wrong, strict=False):
            axis.imshow(test.images[number, 0], cmap="gray_r", interpolation="nearest")
            said = f"float {by_float[number]}\nVerilog {by_verilog[number]}"
            axis.set_title(f"{test.labels[number]}, read as\n{said}", fontsize=9)
        figure.suptitle("Test images that the float network or the Verilog read wrong", x=0.01, ha="left")
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    # Without the library's version in it, the same picture gives the same bytes.
    figure.savefig(path, metadata={"Software": None})
