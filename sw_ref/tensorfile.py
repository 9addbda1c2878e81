"""The safetensors container, strictly: 8 bytes of header length, a JSON header, the raw arrays.

Reading trusts nothing: sizes are checked against the file before anything is allocated, duplicate names are
refused, and the arrays must fill the file without holes or overlaps.  Writing is deterministic.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from sw_ref.files import write_atomically
from sw_ref.messages import shorten

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
}
HEADER_LIMIT = 100_000_000
AXES_LIMIT = 32


class TensorFileError(ValueError):
    """A fault of a tensor file; the message names the tensor where one is to blame."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


class TensorFile:
    """The header of a safetensors file, checked; arrays are read one by one.

    `entries` maps each name to (type, shape, byte offset in the file), in file order; `metadata` holds strings.
    Raises :class:`TensorFileError` for a damaged file, ``OSError`` for one that cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_file():
            raise TensorFileError("not a regular file")
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, HEADER_LIMIT):
                raise TensorFileError(f"header is {length} bytes, the file {size}: truncated, or no safetensors file")
            header = _parse(file.read(length))
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise TensorFileError("__metadata__ is not a dictionary of strings")
        self.metadata: dict[str, str] = metadata
        self.entries: dict[str, tuple[np.dtype[Any], tuple[int, ...], int]] = {}
        self._place(header, start=8 + length, end=size)

    def _place(self, header: dict[str, Any], start: int, end: int) -> None:
        spans = {name: _span(name, entry, end - start) for name, entry in header.items()}
        position = 0
        for name, (dtype, shape, first, last) in sorted(spans.items(), key=lambda item: item[1][2:]):
            if first != position:
                raise TensorFileError(f"{name}: starts at byte {first}, the tensor before it ends at {position}")
            self.entries[name] = (dtype, shape, start + first)
            position = last
        if position != end - start:
            raise TensorFileError(f"the file holds {end - start} bytes of tensors, the header describes {position}")

    def read(self, name: str) -> NDArray[Any]:
        """One array, by name (``KeyError`` if there is none)."""
        dtype, shape, offset = self.entries[name]
        with self.path.open("rb") as file:
            file.seek(offset)
            flat = np.fromfile(file, dtype=np.uint8, count=math.prod(shape) * dtype.itemsize)
        if flat.size != math.prod(shape) * dtype.itemsize:
            raise TensorFileError(f"{name}: the file ends inside it")
        if dtype == np.bool_ and flat.size and flat.max() > 1:
            raise TensorFileError(f"{name}: holds a byte {flat.max()}; allowed for BOOL: 0 or 1")
        return flat.view(dtype).reshape(shape)


def write_tensors(path: str | Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays and string metadata as safetensors, whole or not at all; the same input gives the same bytes.

    Raises ``ValueError`` for a type that the format cannot name.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    # Wider types first keep every array aligned to its type, as other readers expect.
    ordered = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    position = 0
    for name in ordered:
        array = tensors[name]
        if array.dtype not in names:
            raise ValueError(f"{name} is {array.dtype}; allowed: {', '.join(names.values())}")
        header[name] = {
            "dtype": names[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)

    def chunks() -> Iterator[bytes]:
        yield len(text).to_bytes(8, "little") + text
        for name in ordered:
            yield np.ascontiguousarray(tensors[name]).tobytes()

    write_atomically(path, chunks())


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except TensorFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise TensorFileError(f"header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise TensorFileError("header is not a JSON object")
    return header


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An ``object_pairs_hook`` for ``json`` that refuses duplicate and unprintable names."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise TensorFileError(f"{name}: appears twice in the header")
        if any("\ud800" <= c <= "\udfff" for c in name):
            raise TensorFileError(f"{name!a}: is not a Unicode name")
        result[name] = value
    return result


def _span(name: str, entry: Any, size: int) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """(type, shape, first byte, byte after the last) of a header entry, all of it within `size` bytes."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"{name}: its header entry is not exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise TensorFileError(f"{name}: dtype is {dtype!r}; allowed: {', '.join(DTYPES)}")
    if not _whole(shape) or len(shape) > AXES_LIMIT:
        raise TensorFileError(f"{name}: shape is {shape!r:.80}; allowed: up to {AXES_LIMIT} whole numbers")
    if not _whole(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= size:
        raise TensorFileError(f"{name}: data_offsets are {offsets!r:.80}; allowed: two numbers from 0 to {size}")
    if math.prod(shape) * DTYPES[dtype].itemsize != offsets[1] - offsets[0]:
        raise TensorFileError(f"{name}: {offsets[1] - offsets[0]} bytes do not hold {dtype} {shape!r:.80}")
    return DTYPES[dtype], tuple(shape), offsets[0], offsets[1]


def _whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)
