"""Readers of trained weights: .npy, .npz, .safetensors, .onnx."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.arrays import check_file, check_names, open_arrays, reading
from rtl_gen.errors import UsageError
from sw_ref.tensorfile import TensorFile, TensorFileError

WHAT = "weights file"
KINDS = ".npy, .npz, .safetensors, .onnx"
PICKLES = (".pt", ".pth", ".bin", ".ckpt")
SAVE = "from PyTorch: safetensors.torch.save_model(model, 'weights.safetensors')"


@dataclass(frozen=True)
class Weight:
    """One array of a file: `load` reads it, (O, I / groups, *kernel) if it is a weight.

    `note` says how it was turned; `groups` is None if the file cannot say it; `refusal` says why it cannot be a
    weight; `constant`: it is a bias or another constant, of which nobody expects that.
    """

    name: str
    axes: int
    load: Callable[[], NDArray[Any]]
    note: str = ""
    groups: int | None = None
    refusal: str = ""
    constant: bool = False


@contextmanager
def open_weights(path: Path) -> Iterator[list[Weight]]:
    """The arrays of a file, in file order; ``Weight.load`` reads their contents until the end of the context.

    Raises :class:`UsageError` for a file that is missing, damaged, or of another kind.
    """
    kind = path.suffix.lower()
    if kind in PICKLES:
        raise UsageError(f"{WHAT} is {path}, which may hold code; allowed: {KINDS}; {SAVE}")
    if kind in (".npy", ".npz"):
        with open_arrays(WHAT, path, KINDS) as arrays:
            yield [Weight(array.name, array.axes, array.load, refusal=array.refusal) for array in arrays]
    elif kind in (".safetensors", ".onnx"):
        check_file(WHAT, path, KINDS)
        if kind == ".onnx":
            weights = list(_onnx(path))
        else:
            with reading(WHAT, path, damage=(TensorFileError,)):
                weights = list(_safetensors(path))
        check_names(WHAT, path, (weight.name for weight in weights))
        yield weights
    else:
        raise UsageError(f"{WHAT} is {path}; allowed: {KINDS}")


def _safetensors(path: Path) -> Iterator[Weight]:
    file = TensorFile(path)
    for name, (_, shape, _) in file.entries.items():
        yield Weight(name, len(shape), lambda name=name: file.read(name))


def _onnx(path: Path) -> Iterator[Weight]:
    from rtl_gen.frontend.weights import layer_weights

    for layer in layer_weights(path):
        array = layer.array
        # Only what a layer multiplies by is a weight; everything else counts as a constant.
        yield Weight(
            layer.name,
            0 if array is None else array.ndim,
            lambda array=array: np.zeros(0) if array is None else array,
            note=layer.note,
            groups=layer.groups,
            refusal=layer.refusal or ("no layer multiplies by it" if array is None else ""),
            constant=array is None and not layer.refusal,
        )
