"""The digits that the demo's network reads on images: in float, and in the golden integers."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.network import Network, execute, quantize

FLOAT = Path(__file__).with_name("digits.onnx")
"""The trained network; `python -m demo.train` makes it."""


def read_in_float(images: NDArray[np.float32]) -> NDArray[np.intp]:
    """The digits on `images`, (n, 1, 8, 8), by the float network."""
    runner = Runner(import_onnx(FLOAT))
    (port,) = runner.network.inputs
    return highest(*runner.outputs({port.name: images}).values())


def read_in_integers(network: Network, images: NDArray[np.float32]) -> NDArray[np.intp]:
    """The digits on `images`, (n, 1, 8, 8), by the golden execution of the network in integers."""
    return highest(*execute(network, quantize(network, {network.inputs[0]: images})).values())


def highest(scores: NDArray[Any]) -> NDArray[np.intp]:
    """The class with the highest score, the first of equal ones; (n, classes) or (n, classes, 1, 1)."""
    return scores.reshape(len(scores), -1).argmax(axis=1)
