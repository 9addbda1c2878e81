"""How close MLPerf Tiny's networks in integers are to float, on inputs that did not calibrate them.

``python -m benchmarks.training.agreement`` prints a line of JSON per network and R.  The networks are a user's files
(see `benchmarks/networks/tiny.py`).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.networks import tiny
from benchmarks.training.tasks.photographs import crop, photograph
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.integers import compare
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.sqnr import decibels
from sw_ref.format import StlqFormat

FORMAT = StlqFormat(bits=3, act_bits=8, act_signed=False)
RATIOS = (0.15, 1.0)
CALIBRATING, COMPARED = ("china", "flower"), ("astronaut", "coffee")
"""Photographs whose crops calibrate, and those that are compared."""
CROPS = 48
NOISE = 0.3
"""Of the deviation of keyword spotting's only sample, which is scaled by 0.7 to 1.3, too."""

Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs that calibrate, and inputs that are compared: (n, *shape) each."""


def of_sample(file: Path) -> Pair:
    """Variations of the sample of keyword spotting: 16 and 24."""
    (sample,) = stored(file)
    random = np.random.default_rng(0)
    scale = random.uniform(0.7, 1.3, (40, *(1,) * sample.ndim))
    made = (sample * scale + NOISE * sample.std() * random.normal(size=(40, *sample.shape))).astype(np.float32)
    return made[:16], made[16:]


def of_halves(file: Path) -> Pair:
    """The inputs of anomaly detection: one half and the other."""
    inputs = stored(file)
    return inputs[: len(inputs) // 2], inputs[len(inputs) // 2 :]


def of_pictures(size: int, high: float) -> Callable[[Path], Pair]:
    """Crops of photographs, with pixels from 0 to `high`."""

    def made(file: Path) -> Pair:
        random = torch.Generator().manual_seed(0)
        calibrating, compared = (
            torch.stack([high * crop(photograph(name), size, random) for _ in range(CROPS) for name in names])
            for names in (CALIBRATING, COMPARED)
        )
        return calibrating.numpy(), compared.numpy()

    return made


INPUTS: Mapping[str, Callable[[Path], Pair]] = {
    "anomaly_detection": of_halves,
    "keyword_spotting": of_sample,
    "resnet8": of_pictures(32, 255),
    "visual_wake_words": of_pictures(96, 1),
}


def stored(file: Path) -> NDArray[np.float32]:
    """The inputs of a network that lie beside its file."""
    with np.load(file.parent / tiny.DATA, allow_pickle=False) as arrays:
        return arrays[file.stem].astype(np.float32)


def measure(name: str, file: Path, ratio: float) -> dict[str, Any]:
    """Output SQNR (dB) and the share of inputs with the same class, if there are classes."""
    floats = import_onnx(file)
    (port,) = floats.inputs
    calibrating, compared = ({port.name: part.reshape(-1, *port.shape)} for part in INPUTS[name](file))
    made = convert(floats, calibrating, FORMAT, tile=(8, 8), ratio=ratio)
    found = compare(made.network, Runner(floats), compared)
    facts = {"network": name, "ratio": ratio, "calibrated": made.samples, "compared": found.count}
    return facts | {"sqnr": decibels(found.error), "same_class": found.same_class}


def main() -> None:
    for name, file in tiny.find().items():
        for ratio in RATIOS:
            print(json.dumps(measure(name, file, ratio)), flush=True)


if __name__ == "__main__":
    main()
