"""The four reference networks of MLPerf Tiny: float ONNX files that users bring, with one input and one output each."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
FOLDER, VARIABLE = "../shared/networks", "STLQ_NETWORKS"
"""Where the files are looked for, from the repository's root on, if no environment variable names another folder."""
SOURCE = "https://github.com/mlcommons/tiny"
DATA = "inputs.npz"
SAMPLES = 32


@dataclass(frozen=True, kw_only=True)
class TinyNetwork:
    """A network, its file's name, the task that it does, and what its cycles are held against.

    `high`: random inputs are from 0 to it, where the file of inputs has none.  `limit`: how many times what bounds it
    an inference may take: the beats of its tiles, or, `by_program`, the bus words of its program.  `beats`: of one-word
    tiles by the side of the array, in the best mapping that is known.
    """

    name: str
    title: str
    high: float
    limit: float
    by_program: bool = False
    beats: tuple[tuple[int, int], ...] = ()


TINY = {
    network.name: network
    for network in (
        TinyNetwork(name="anomaly_detection", title="anomaly detection", high=1, limit=1.03, by_program=True),
        TinyNetwork(
            name="keyword_spotting", title="keyword spotting", high=1, limit=1.06, beats=((4, 220_048), (8, 73_016))
        ),
        TinyNetwork(name="resnet8", title="ResNet-8", high=255, limit=1.03, beats=((4, 782_384), (8, 196_624))),
        TinyNetwork(
            name="visual_wake_words", title="visual wake words", high=1, limit=1.06, beats=((4, 618_976), (8, 205_808))
        ),
    )
}
"""By name, the smallest first."""


def find(*names: str) -> dict[str, Path]:
    """The files of these networks, or of all.  Raises :class:`UsageError` naming those that are absent."""
    named = os.environ.get(VARIABLE)
    folder = Path(named or (ROOT / FOLDER).resolve())
    files = {name: folder / f"{name}.onnx" for name in names or TINY}
    absent = [file.name for file in files.values() if not file.is_file()]
    if absent:
        where = f"{VARIABLE} is {folder}, which" if named else f"{VARIABLE} is not set, and {folder}"
        raise UsageError(
            f"{where} lacks {', '.join(absent)}; allowed: a folder with MLPerf Tiny's reference "
            f"networks as ONNX ({SOURCE})"
        )
    return files


def inputs_of(name: str, file: Path, shape: tuple[int, ...], count: int = SAMPLES) -> NDArray[Any]:
    """Up to `count` inputs, (n, *shape): those of the file beside the network, or random ones, always the same."""
    stored = file.parent / DATA
    if stored.is_file():
        with np.load(stored, allow_pickle=False) as arrays:
            if name in arrays:
                return arrays[name][:count].astype(np.float32).reshape(-1, *shape)
    return np.random.default_rng(1).uniform(0, TINY[name].high, (count, *shape)).astype(np.float32)
