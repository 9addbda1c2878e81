"""Arrays in .npy and .npz files, which may be damaged or lie: what does not fit is refused before it takes memory.

`what` is how messages call a file, as in "--input".
"""

import io
import lzma
import math
import tokenize
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError

# What readers raise for bytes that are not what they should be: zipfile, zlib and lzma for a bad archive (RuntimeError
# if it is encrypted), numpy and its Python parser for a bad header.
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
    lzma.LZMAError,
)
DEFLATE = 1100
"""Deflate shrinks data to 1 / 1032 at best; a member that claims more is a lie."""

OBJECTS = "it holds Python objects, which may be code; allowed: numbers"


@dataclass(frozen=True)
class StoredArray:
    """One array of a file.  `load` reads it; it raises :class:`UsageError` if the array is damaged.

    `refusal`: why it is none that could be loaded.
    """

    name: str
    axes: int
    load: Callable[[], NDArray[Any]]
    refusal: str = ""


def npy(array: NDArray[Any]) -> bytes:
    """An array as a .npy file."""
    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    return data.getvalue()


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as a .npz file, under any names: to `np.savez`, some would be options."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(array))
    return data.getvalue()


@contextmanager
def open_arrays(what: str, path: Path, allowed: str) -> Iterator[list[StoredArray]]:
    """The arrays of a .npz file, in file order, or the one of a .npy file, which has the file's name.

    They can be loaded until the end of the context.
    Raises :class:`UsageError` for a file that is missing (`allowed` says what would do), damaged, or holds pickles.
    """
    check_file(what, path, allowed)
    with ExitStack() as stack:
        with reading(what, path):
            if path.suffix.lower() == ".npz":
                # Its directory is read once, for however many arrays.
                archive = stack.enter_context(zipfile.ZipFile(path))
                arrays = list(_members(what, path, archive))
            else:
                array = _map(path)
                arrays = [StoredArray(path.stem, array.ndim, lambda: array)]
        check_names(what, path, (array.name for array in arrays))
        yield arrays


def read_array(what: str, path: Path, allowed: str) -> NDArray[Any]:
    """The only array of a file.  Raises :class:`UsageError`."""
    with open_arrays(what, path, allowed) as arrays:
        if len(arrays) != 1:
            raise UsageError(f"{what} {path} holds {len(arrays)} arrays; allowed: one")
        return arrays[0].load()


def check_file(what: str, path: Path, allowed: str) -> None:
    """Raises :class:`UsageError` unless there is a regular file: to open a pipe would wait for a writer."""
    if not path.is_file():
        wrong = "not a regular file" if path.exists() else "no such file"
        raise UsageError(f"{what} is {path}: {wrong}; allowed: {allowed}")


def check_names(what: str, path: Path, names: Iterable[Any]) -> None:
    """Raises :class:`UsageError` for a name that is there twice, or that a terminal could not show."""
    for name, times in Counter(names).items():
        if times > 1:
            raise UsageError(f"{what} {path} has tensor {name} twice; allowed: once")
        # A name that is no UTF-8 reaches us from ONNX as bytes.
        if not isinstance(name, str) or not name.isprintable():
            raise UsageError(f"{what} {path} has a tensor named {name!a}; allowed: printable names")


@contextmanager
def reading(what: str, path: Path, part: str = "", damage: tuple[type[Exception], ...] = DAMAGE) -> Iterator[None]:
    """Turns what readers raise into one line.  Raises :class:`UsageError`.

    Only readers belong inside: what else raises an error of `damage` would blame the file.
    """
    try:
        yield
    except UsageError:
        raise
    except damage as error:
        raise UsageError(f"{what} {path} is damaged: {part}{error}") from error
    except OSError as error:
        raise UsageError(f"{what} is {path}: {error.strerror or error}; allowed: a file that can be read") from error


@contextmanager
def without_warnings() -> Iterator[None]:
    """NumPy's readers say nothing of old or damaged headers; what they cannot read they refuse all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _map(path: Path) -> NDArray[Any]:
    # A memory map checks the header against the file's size before anything is allocated.
    with without_warnings():
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError("it holds an archive, no array")
    if isinstance(array, np.memmap) and path.stat().st_size > array.offset + array.nbytes:
        raise ValueError("bytes follow the array")
    return array


def _members(what: str, path: Path, archive: zipfile.ZipFile) -> Iterator[StoredArray]:
    size = path.stat().st_size
    for member in archive.infolist():
        if not member.filename.endswith(".npy"):
            raise ValueError(f"member {member.filename} is no .npy array")
        if member.file_size > DEFLATE * size:
            raise ValueError(f"member {member.filename} claims {member.file_size} bytes in a file of {size}")
        with archive.open(member) as stream:
            shape, _, dtype = _header(stream)
        if not dtype.hasobject and math.prod(shape) * dtype.itemsize > member.file_size:
            raise ValueError(f"{member.filename}: its {member.file_size} bytes do not hold {dtype} {shape}")
        refusal = OBJECTS if dtype.hasobject else ""
        load = partial(_refuse, f"{what} {path} is damaged: {member.filename}: {refusal}")
        if not refusal:
            load = partial(_member, what, path, archive, member)
        yield StoredArray(member.filename[:-4], len(shape), load, refusal)


def _refuse(message: str) -> NDArray[Any]:
    raise UsageError(message)


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"array has .npy version {version}; allowed: {sorted(readers)}")
    with without_warnings():
        return readers[version](stream)


def _member(what: str, path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with reading(what, path, f"{member.filename}: "), archive.open(member) as stream, without_warnings():
        array = np.lib.format.read_array(stream, allow_pickle=False)
        # Reading to the end makes zipfile check the sum.
        if stream.read(1):
            raise ValueError("bytes follow the array")
    return array
