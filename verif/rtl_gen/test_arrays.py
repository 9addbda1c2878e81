"""The reader of .npy and .npz files, in process: what each file gives, and the words of every refusal."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rtl_gen import arrays
from rtl_gen.arrays import StoredArray, open_arrays, read_array
from rtl_gen.errors import UsageError
from verif.rtl_gen.conftest import claim

FILTERS = np.arange(36.0).reshape(2, 2, 3, 3)


def listed(path: Path) -> list[StoredArray]:
    with open_arrays("--input", path, "numbers") as found:
        return found


def loaded(path: Path) -> list[tuple[str, int, NDArray[Any]]]:
    with open_arrays("--input", path, "numbers") as found:
        return [(array.name, array.axes, array.load()) for array in found]


def only(path: Path) -> NDArray[Any]:
    return read_array("--input", path, "numbers")


def said(path: Path, read: Callable[[Path], Any] = listed) -> str:
    with pytest.raises(UsageError) as error:
        read(path)
    return str(error.value)


def archive_of(path: Path, members: dict[str, bytes], form: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", form) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def npy(array: Any, folder: Path, **options: Any) -> bytes:
    np.save(folder / "part.npy", array, **options)
    return (folder / "part.npy").read_bytes()


def test_each_array_with_its_name_and_axes(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", b=FILTERS, a=np.array(3.0))
    np.save(tmp_path / "a.b.npy", FILTERS)
    found = [(name, axes, array.tolist()) for name, axes, array in loaded(tmp_path / "w.npz")]
    assert found == [("b", 4, FILTERS.tolist()), ("a", 0, 3.0)]
    ((name, axes, array),) = loaded(tmp_path / "a.b.npy")
    assert (name, axes, array.tolist()) == ("a.b", 4, FILTERS.tolist())


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_versions_of_npy_in_npz(tmp_path: Path, version: tuple[int, int]) -> None:
    with zipfile.ZipFile(tmp_path / "w.NPZ", "w") as archive, archive.open("w.npy", "w") as stream:
        np.lib.format.write_array(stream, FILTERS, version=version)
    assert only(tmp_path / "w.NPZ").tolist() == FILTERS.tolist()


def test_the_only_array(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=FILTERS)
    assert only(path).tolist() == FILTERS.tolist()
    np.savez(path, a=FILTERS, b=FILTERS)
    assert said(path, only) == f"--input {path} holds 2 arrays; allowed: one"
    np.savez(path)
    assert said(path, only) == f"--input {path} holds 0 arrays; allowed: one"


def test_no_file(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    assert said(path) == f"--input is {path}: no such file; allowed: numbers"
    os.mkfifo(path)
    assert said(path) == f"--input is {path}: not a regular file; allowed: numbers"


def test_what_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.npy"
    np.save(path, FILTERS)

    def fail(error: OSError) -> Callable[..., Any]:
        def load(*args: Any, **kwargs: Any) -> Any:
            raise error

        return load

    for error, words in ((PermissionError(13, "Permission denied"), "Permission denied"), (OSError("odd"), "odd")):
        monkeypatch.setattr(np, "load", fail(error))
        assert said(path) == f"--input is {path}: {words}; allowed: a file that can be read"


def test_names(tmp_path: Path) -> None:
    path, part = tmp_path / "w.npz", npy(FILTERS, tmp_path)
    assert said(archive_of(path, {"a\nb.npy": part})) == (
        f"--input {path} has a tensor named 'a\\nb'; allowed: printable names"
    )
    archive_of(path, {"w.npy": part})
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("w.npy", part)
    assert said(path) == f"--input {path} has tensor w twice; allowed: once"


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    damaged = f"--input {path} is damaged: "
    assert said(archive_of(path, {"readme": b"text"})) == f"{damaged}member readme is no .npy array"
    assert "magic string" in said(archive_of(path, {"w.npy": bytes(1 << 22)}))
    size = path.stat().st_size
    # Deflate reaches 1 : 1032 at most; a file that says more was forged.
    data = path.read_bytes()
    for more, message in (
        (0, "the magic string"),
        (1, f"member w.npy claims {1100 * size + 1} bytes in a file of {size}"),
    ):
        path.write_bytes(data.replace((1 << 22).to_bytes(4, "little"), (1100 * size + more).to_bytes(4, "little")))
        assert said(path).startswith(f"{damaged}{message}")
    header = b"\x93NUMPY\x03\x00" + bytes(100)
    assert said(archive_of(path, {"w.npy": header})) == (
        f"{damaged}array has .npy version (3, 0); allowed: [(1, 0), (2, 0)]"
    )
    whole = npy(np.ones((2, 3), np.float32), tmp_path)
    assert said(archive_of(path, {"w.npy": whole.replace(b"(2, 3)", b"(7, 7)")})) == (
        f"{damaged}w.npy: its {len(whole)} bytes do not hold float32 (7, 7)"
    )
    objects = npy(np.array([{}], object), tmp_path, allow_pickle=True)
    assert said(archive_of(path, {"w.npy": objects}), loaded) == f"{damaged}w.npy: {arrays.OBJECTS}"
    assert [array.refusal for array in listed(path)] == [arrays.OBJECTS]


def test_claimed_sizes_allocate_nothing(tmp_path: Path) -> None:
    """Refused from the sizes, not from a failed allocation."""
    for shape in ((10**15, 1), (1 << 30, 1 << 28), (1 << 62, 8)):
        (tmp_path / "w.npy").write_bytes(claim(shape))
        assert said(tmp_path / "w.npy").startswith(f"--input {tmp_path / 'w.npy'} is damaged: ")
        archive_of(tmp_path / "w.npz", {"w.npy": claim(shape)})
        assert said(tmp_path / "w.npz") == (
            f"--input {tmp_path / 'w.npz'} is damaged: w.npy: its {len(claim(shape))} bytes do not hold float32 {shape}"
        )


def test_bytes_behind_an_array_and_wrong_sums(tmp_path: Path) -> None:
    """What the header of a member does not show is seen when it is read, and named."""
    path, whole = tmp_path / "w.npz", npy(np.ones((2, 3), np.float32), tmp_path)
    assert [array.axes for array in listed(archive_of(path, {"w.npy": whole + b"x"}))] == [2]
    assert said(path, only) == f"--input {path} is damaged: w.npy: bytes follow the array"
    (tmp_path / "w.npy").write_bytes(whole + whole)
    assert said(tmp_path / "w.npy") == f"--input {tmp_path / 'w.npy'} is damaged: bytes follow the array"
    large = npy(np.arange(5000), tmp_path)
    archive_of(path, {"w.npy": large}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(large[-100:], bytes(100)))
    assert [array.axes for array in listed(path)] == [1]
    assert said(path, only).startswith(f"--input {path} is damaged: w.npy: Bad CRC-32")


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "w.npy", {"w.npy": npy(FILTERS, tmp_path)})
    assert said(path) == f"--input {path} is damaged: it holds an archive, no array"


def test_a_large_array_is_not_read_before_it_is_needed(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", FILTERS)
    array = only(tmp_path / "w.npy")
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


class Command:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_pickled_arrays_run_nothing(tmp_path: Path, save: Callable[..., None]) -> None:
    made, path = tmp_path / "made", tmp_path / ("w.npy" if save is np.save else "w.npz")
    save(path, np.array([[Command(f"touch {made}")]], object), allow_pickle=True)
    assert said(path, loaded).startswith(f"--input {path} is damaged: ")
    assert not made.exists()
    if save is np.save:
        return
    # Nor if the header of the file had passed: each of two guards holds alone.
    with zipfile.ZipFile(path) as archive, pytest.raises(UsageError, match=r"is damaged: arr_0\.npy: Object arrays"):
        arrays._member("--input", path, archive, archive.infolist()[0])
    assert not made.exists()


@pytest.mark.parametrize("form", ["npy", "npz"])
def test_numpy_does_not_warn_of_headers(tmp_path: Path, form: str) -> None:
    """Python 2 wrote such whole numbers."""
    text = claim((2, 3), bytes(24)).replace(b"(2, 3),  ", b"(2L, 3L),")
    (tmp_path / "w.npy").write_bytes(text)
    archive_of(tmp_path / "w.npz", {"w.npy": text})
    assert only(tmp_path / f"w.{form}").shape == (2, 3)


@pytest.mark.parametrize("form", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_byte_may_be_wrong(tmp_path: Path, form: int) -> None:
    """It is refused, or it was none that matters."""
    path = archive_of(tmp_path / "w.npz", {"w.npy": npy(FILTERS, tmp_path)}, form)
    data, refused = path.read_bytes(), set[str]()
    for at in range(0, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        try:
            assert [array.tolist() for _, _, array in loaded(path)] == [FILTERS.tolist()]
        except UsageError as error:
            refused.add(str(error).partition(";")[0])
    assert len(refused) > 10


def test_objects_are_not_written() -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved when allow_pickle=False"):
        arrays.npy(np.array([{}], object))


def test_arrays_under_any_names(tmp_path: Path) -> None:
    names = ["file", "allow_pickle", "self", "args", "kwds", "arr_0", "a.npy", "a/b", "\u5377"]
    written = {name: np.arange(number, dtype=np.uint8) for number, name in enumerate(names)}
    (tmp_path / "w.npz").write_bytes(arrays.npz(written))
    assert [(name, array.tolist()) for name, _, array in loaded(tmp_path / "w.npz")] == [
        (name, array.tolist()) for name, array in written.items()
    ]
    with np.load(tmp_path / "w.npz", allow_pickle=False) as others:
        assert {name: array.tolist() for name, array in others.items()} == {n: a.tolist() for n, a in written.items()}
    assert arrays.npz(written) == (tmp_path / "w.npz").read_bytes()


def test_damage_is_what_readers_raise() -> None:
    assert zipfile.BadZipFile in arrays.DAMAGE
    assert OSError not in arrays.DAMAGE
