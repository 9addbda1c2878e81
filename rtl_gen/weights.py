"""Readers of trained weights: .npy, .npz, .safetensors, .onnx."""

import math
import tokenize
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from sw_ref.tensorfile import TensorFile

# What the readers below raise for bytes that are not what they should be: zipfile and zlib for a bad archive
# (RuntimeError if it is encrypted), numpy and its Python parser for a bad header.
DAMAGE = (
    ValueError,
    TypeError,
    SyntaxError,
    OverflowError,
    AttributeError,
    EOFError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


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


def list_weights(path: Path) -> list[Weight]:
    """The arrays of a file, in file order; contents are read by ``Weight.load``.

    Raises :class:`UsageError` for a file that is missing, damaged, or of another kind.
    """
    readers = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors, ".onnx": _onnx}
    if path.suffix.lower() in PICKLES:
        raise UsageError(f"weights file is {path}, which may hold code; allowed: {', '.join(readers)}; {SAVE}")
    if path.suffix.lower() not in readers:
        raise UsageError(f"weights file is {path}; allowed: {', '.join(readers)}")
    if not path.is_file():
        raise UsageError(f"weights file is {path}: no such file; allowed: {', '.join(readers)}")
    try:
        weights = list(readers[path.suffix.lower()](path))
    except UsageError:
        raise
    except DAMAGE as error:
        raise UsageError(f"weights file {path} is damaged: {error}") from error
    except OSError as error:
        raise UsageError(
            f"weights file is {path}: {error.strerror or error}; allowed: a file that can be read"
        ) from error
    for name, times in Counter(weight.name for weight in weights).items():
        if times > 1:
            raise UsageError(f"weights file {path} has tensor {name} twice; allowed: once")
        # A name that is no UTF-8 reaches us from ONNX as bytes.
        if not isinstance(name, str) or not name.isprintable():
            raise UsageError(f"weights file {path} has a tensor named {name!a}; allowed: printable names")
    return weights


@contextmanager
def without_warnings() -> Iterator[None]:
    """NumPy's readers say nothing of old or damaged headers; what they cannot read they refuse all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file. Raises one of :data:`DAMAGE`, or ``OSError``."""
    # A memory map checks the header against the file's size before anything is allocated.
    with without_warnings():
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError("it holds an archive, no array")
    return array


def _npy(path: Path) -> Iterator[Weight]:
    array = read_npy(path)
    yield Weight(path.stem, array.ndim, lambda: array)


def _npz(path: Path) -> Iterator[Weight]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        size = path.stat().st_size
    for member in members:
        if not member.filename.endswith(".npy"):
            raise ValueError(f"member {member.filename} is no .npy array")
        # Deflate cannot shrink further than this; more is a lie about the size.
        if member.file_size > 1100 * size:
            raise ValueError(f"member {member.filename} claims {member.file_size} bytes in a file of {size}")
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            shape, _, dtype = _npy_header(stream)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > member.file_size:
            raise ValueError(f"{member.filename}: its {member.file_size} bytes do not hold {dtype} {shape}")
        yield Weight(member.filename[:-4], len(shape), lambda member=member: _npz_member(path, member))


def _npz_member(path: Path, member: zipfile.ZipInfo) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream, without_warnings():
            array = np.lib.format.read_array(stream, allow_pickle=False)
            # Reading to the end makes zipfile check the sum.
            if stream.read(1):
                raise ValueError("bytes follow the array")
    except (*DAMAGE, OSError) as error:
        raise UsageError(f"weights file {path} is damaged: {member.filename}: {error}") from error
    return array


def _npy_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"array has .npy version {version}; allowed: {sorted(readers)}")
    with without_warnings():
        return readers[version](stream)


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
