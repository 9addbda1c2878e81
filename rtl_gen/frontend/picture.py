"""A picture of what each layer does to the signal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtl_gen.drawing import check_drawing, label, saved
from rtl_gen.frontend.losses import LayerReport
from rtl_gen.options import check_file
from rtl_gen.sqnr import decibels
from sw_ref.files import write_atomically


def check_picture(path: Path) -> None:
    """Raises :class:`UsageError` or :class:`CheckError` if no picture can be drawn to `path`."""
    check_file("--picture", path, (".png", ".svg"))
    check_drawing()


def draw_layers(path: Path, layers: Sequence[LayerReport]) -> None:
    """Output and weight SQNR along the network; the same layers give the same bytes.  Raises ``OSError``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6, 0.3 * len(layers)), 4), layout="constrained")
    axes = figure.add_subplot()
    for name, errors in (
        ("output, all layers before it included", [layer.output_error for layer in layers]),
        ("weights", [layer.weight_error for layer in layers]),
    ):
        axes.plot(np.array([decibels(max(error, 1e-12)) for error in errors], float), marker="o", label=name)
    axes.set_xticks(range(len(layers)), [label(layer.name) for layer in layers], rotation=90)
    axes.set_ylabel("SQNR (dB)")
    axes.legend()
    write_atomically(path, saved(figure, path.suffix[1:].lower(), "layers"))
