"""A picture of what each layer does to the signal."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.frontend.convert import LayerReport


def draw_layers(path: Path, layers: Sequence[LayerReport]) -> None:
    """Output and weight SQNR along the network.  Raises :class:`UsageError`, :class:`CheckError`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CheckError("matplotlib is not installed; to install it: pip install matplotlib") from None
    figure = Figure(figsize=(max(6, 0.3 * len(layers)), 4), layout="constrained")
    axes = figure.add_subplot()
    for name, errors in (
        ("output, all layers before it included", [layer.output_error for layer in layers]),
        ("weights", [layer.weight_error for layer in layers]),
    ):
        axes.plot(-10 * np.log10(np.maximum(errors, 1e-12)), marker="o", label=name)
    axes.set_xticks(range(len(layers)), [layer.name for layer in layers], rotation=90)
    axes.set_ylabel("SQNR (dB)")
    axes.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--picture is {path}: {error}; allowed: a .png or .svg that can be written") from error
