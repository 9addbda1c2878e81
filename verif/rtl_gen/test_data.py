"""Calibration data: what is taken from a file, and files that are damaged, lie, or hold something else."""

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen.data import load_data
from rtl_gen.errors import UsageError
from verif.rtl_gen.conftest import claim

SHAPES = {"x": (3, 2)}
INPUTS = np.arange(24.0).reshape(4, 3, 2)


def said(path: Path, shapes: dict[str, tuple[int, ...]] | None = None) -> str:
    with pytest.raises(UsageError) as error:
        load_data(path, shapes or SHAPES, 10, None)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_arrays_by_name_and_a_single_one_by_any(tmp_path: Path) -> None:
    np.save(tmp_path / "any.npy", INPUTS)
    np.savez(tmp_path / "any.npz", other=INPUTS)
    np.savez(tmp_path / "named.npz", x=INPUTS, unused=np.array(["text"]))
    for name in ("any.npy", "any.npz", "named.npz"):
        found = load_data(tmp_path / name, SHAPES, 3, None)
        assert list(found) == ["x"]
        assert found["x"].dtype == np.float32
        assert np.array_equal(found["x"], INPUTS[:3])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array(["text"]), "holds <U4 (1,) for x; needed: numbers (samples, 3, 2)"),
        (INPUTS * 1j, "holds complex128 (4, 3, 2) for x; needed: numbers (samples, 3, 2)"),
        (np.zeros(4, [("a", "i4")]), "holds [('a', '<i4')] (4,) for x; needed: numbers (samples, 3, 2)"),
        (INPUTS[:0], "holds float64 (0, 3, 2) for x; needed: numbers (samples, 3, 2)"),
        (np.array(1.0), "holds float64 () for x; needed: numbers (samples, 3, 2)"),
        (INPUTS[:, :2], "holds float64 (4, 2, 2) for x; needed: numbers (samples, 3, 2)"),
        (INPUTS + np.inf, "holds NaN or infinity for x; needed: finite numbers"),
    ],
)
def test_other_arrays(tmp_path: Path, array: Any, message: str) -> None:
    np.save(tmp_path / "x.npy", array)
    assert said(tmp_path / "x.npy") == f"{tmp_path / 'x.npy'} {message}"


@pytest.mark.parametrize("form", ["npy", "npz"])
def test_truncated_pickled_and_lying_files(tmp_path: Path, form: str) -> None:
    """The same lines as for weights: what is wrong with a file is seen before its contents take memory."""
    path = tmp_path / f"x.{form}"
    damaged = f"--calibrate {path} is damaged: "
    (np.save if form == "npy" else np.savez)(path, INPUTS)
    whole = path.read_bytes()
    for cut in (0, 1, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert said(path).startswith(damaged), cut
    (np.save if form == "npy" else np.savez)(path, np.array([{}], object), allow_pickle=True)
    assert said(path).startswith(damaged)
    path.write_bytes(claim((10**15, 3, 2)))
    if form == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", claim((10**15, 3, 2)))
    assert said(path).startswith(damaged)


def test_names_and_numbers_of_samples(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    two = {"x": (3, 2), "y": (2,)}
    np.savez(path, x=INPUTS, y=np.zeros((3, 2)))
    assert said(path, two) == f"--calibrate {path} holds [4, 3] samples; needed: equally many"
    np.savez(path, x=INPUTS, other=INPUTS)
    assert said(path, two) == f"--calibrate {path} holds x, other; needed: y"
    np.savez(path)
    assert said(path, two) == f"--calibrate {path} holds nothing; needed: x, y"


def png(width: int, height: int) -> bytes:
    """A grey picture of which the file holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot identify image file"),
        (png(4, 4), "is no picture that can be read: "),
        (png(11_000, 10_000), "exceeds limit of"),  # Pillow only warns
        (png(60_000, 60_000), "exceeds limit of"),
        (None, ": not a regular file; allowed: pictures"),
    ],
    ids=["empty", "cut off", "large", "larger", "pipe"],
)
def test_pictures_that_are_none(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "a.png"
    os.mkfifo(path) if data is None else path.write_bytes(data)
    with pytest.raises(UsageError) as error:
        load_data(tmp_path, {"x": (1, 4, 4)}, 10, ([0], [1]))
    assert str(path) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([float("nan")], [1], "--mean is nan; allowed: finite numbers"),
        ([1e300], [1], "--mean is inf; allowed: finite numbers"),
        ([0], [1, 2], "--mean and --std have 1 and 2 values; needed: 1 or 3"),
        ([0], [1, 0, 2], "--std is 1, 0, 2; allowed: finite numbers, above 0"),
        ([0], [float("inf")], "--std is inf; allowed: finite numbers, above 0"),
    ],
)
def test_pixels_that_cannot_be_normalised(tmp_path: Path, mean: list[float], std: list[float], message: str) -> None:
    (tmp_path / "a.png").write_bytes(png(4, 4))
    with pytest.raises(UsageError) as error:
        load_data(tmp_path, {"x": (3, 4, 4)}, 10, (mean, std))
    assert str(error.value) == message
