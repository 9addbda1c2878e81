"""The safetensors container: understood by the official library, and strict about everything."""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from sw_ref.tensorfile import DTYPES, TensorFile, TensorFileError, write_tensors


def raw(header: Any, data: bytes = b"") -> bytes:
    """A file from a header (an object, or its text) and its data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: Any, offsets: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_every_type_comes_back_and_the_official_library_agrees(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    rng = np.random.default_rng(1)
    floats8 = {"F8_E4M3", "F8_E5M2"}  # the official library cannot read these into numpy
    known = {name: dtype for name, dtype in DTYPES.items() if name not in floats8}
    assert len(known) == len(DTYPES) - len(floats8)
    tensors = {name: (rng.random((3, 5)) * 100).astype(dtype) for name, dtype in known.items()}
    tensors |= {"scalar": np.array(1.5, np.float32), "empty": np.zeros((0, 4), np.int8)}
    write_tensors(path, tensors, {"b": "1", "a": "é"})
    file = TensorFile(path)
    official = safetensors.numpy.load_file(str(path))
    assert file.metadata == {"a": "é", "b": "1"}
    assert set(file.entries) == set(tensors) == set(official)
    for name, array in tensors.items():
        for found in (file.read(name), official[name]):
            assert found.dtype == array.dtype
            assert found.shape == array.shape
            assert found.tobytes() == array.tobytes()
    dtype, _, offset = file.entries["F64"]
    assert offset % dtype.itemsize == 0


def test_floats_of_8_bits_come_back(tmp_path: Path) -> None:
    tensors = {name: np.arange(6).astype(DTYPES[name]) for name in ("F8_E4M3", "F8_E5M2")}
    write_tensors(tmp_path / "t.safetensors", tensors, {})
    for name, array in tensors.items():
        found = TensorFile(tmp_path / "t.safetensors").read(name)
        assert (found.dtype, found.tobytes()) == (array.dtype, array.tobytes())


def test_files_of_the_official_library_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    tensors = {"x": np.arange(6, dtype=np.float16).reshape(2, 3), "y": np.ones(2, ml_dtypes.bfloat16)}
    safetensors.numpy.save_file(tensors, str(path), metadata={"k": "v"})
    file = TensorFile(path)
    assert file.metadata == {"k": "v"}
    assert all((file.read(name) == array).all() for name, array in tensors.items())


def test_the_same_tensors_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    tensors = {"a": np.ones(3, np.int8), "b": np.ones((2, 2)), "c": np.zeros(5, np.int8)}
    write_tensors(tmp_path / "one", tensors, {"x": "1", "y": "2"})
    write_tensors(tmp_path / "two", dict(reversed(tensors.items())), {"y": "2", "x": "1"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_header_has_no_spaces(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t.safetensors", {"a": np.zeros((2, 3), np.int8)}, {})
    data = (tmp_path / "t.safetensors").read_bytes()
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    assert b" " not in header.rstrip(b" ")


def test_names_are_written_as_they_are(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"größe": np.zeros(1, np.int8)}, {})
    assert '"größe"'.encode() in (tmp_path / "t").read_bytes()


def test_a_header_is_at_most_as_long_as_the_file(tmp_path: Path) -> None:
    text = json.dumps({}).encode()
    for more, good in ((0, True), (1, False), (15, False)):
        (tmp_path / "t").write_bytes((len(text) + more).to_bytes(8, "little") + text)
        if good:
            assert TensorFile(tmp_path / "t").entries == {}
        else:
            with pytest.raises(TensorFileError, match=rf"^header is {len(text) + more} bytes, the file 10: "):
                TensorFile(tmp_path / "t")


def test_an_empty_tensor_may_lie_where_others_begin_or_end(tmp_path: Path) -> None:
    entries = {"end": entry("I8", [0], [4, 4]), "all": entry("I8", [4], [0, 4]), "begin": entry("I8", [0], [0, 0])}
    (tmp_path / "t").write_bytes(raw(entries, b"1234"))
    assert list(TensorFile(tmp_path / "t").entries) == ["begin", "all", "end"]


def test_a_type_without_a_name_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="z is complex128; allowed: BOOL, U8"):
        write_tensors(tmp_path / "t", {"z": np.zeros(2, complex)}, {})
    assert not list(tmp_path.iterdir())


A = {"a": entry("U8", [4], [0, 4])}
DAMAGE = {
    "empty file": (b"", "header is 0 bytes, the file 0: truncated, or no safetensors file"),
    "no header": (bytes(8), "header is not JSON: Expecting value"),
    "short length": (b"\x01\x00", "header is 1 bytes, the file 2: truncated"),
    "length past the end": ((1 << 40).to_bytes(8, "little") + b"{}", "header is 1099511627776 bytes, the file 10"),
    "no JSON": (raw(b"{nope"), "header is not JSON"),
    "no UTF-8": (raw(b'{"\xff":1}'), "header is not JSON"),
    "deep JSON": (raw(b"[" * 200_000), "header is not JSON"),
    "huge number": (raw(b'{"a":' + b"9" * 5000 + b"}"), "header is not JSON"),
    "no object": (raw([1]), "header is not a JSON object"),
    "duplicate name": (raw(b'{"a":{},"a":{}}'), "a: appears twice in the header"),
    "duplicate key": (raw(b'{"a":{"dtype":"U8","dtype":"U8"}}'), "dtype: appears twice in the header"),
    "lone surrogate": (raw(b'{"\\ud800":{}}'), r"'\\ud800': is not a Unicode name"),
    "last surrogate": (raw(b'{"\\udfff":{}}'), r"'\\udfff': is not a Unicode name"),
    "metadata no dictionary": (raw({"__metadata__": [1]}), "__metadata__ is not a dictionary of strings"),
    "metadata no string": (raw({"__metadata__": {"a": 1}}), "__metadata__ is not a dictionary of strings"),
    "no entry": (raw({"a": 3}), "a: its header entry is not exactly dtype, shape and data_offsets"),
    "more keys": (raw({"a": {**A["a"], "x": 1}}), "a: its header entry is not exactly"),
    "dtype": (raw({"a": entry("F8", [4], [0, 4])}), "a: dtype is 'F8'; allowed: " + ", ".join(DTYPES)),
    "dtype no string": (raw({"a": entry([], [4], [0, 4])}), r"a: dtype is \[\]; allowed"),  # type: ignore[arg-type]
    "shape no list": (raw({"a": entry("U8", 4, [0, 4])}), "a: shape is 4; allowed: up to 32 whole numbers"),
    "negative size": (raw({"a": entry("U8", [-4], [0, 4])}), r"a: shape is \[-4\]; allowed"),
    "size no integer": (raw({"a": entry("U8", [4.0], [0, 4])}), r"a: shape is \[4.0\]; allowed"),
    "size a bool": (raw({"a": entry("U8", [True], [0, 1])}), r"a: shape is \[True\]; allowed"),
    "too many axes": (raw({"a": entry("U8", [1] * 33, [0, 1])}, b"x"), "a: shape is .*; allowed"),
    "lying shape": (raw({"a": entry("F64", [1 << 60], [0, 4])}, b"1234"), r"a: 4 bytes do not hold F64 \[1152921"),
    "offset past the end": (raw(A, b"123"), r"a: data_offsets are \[0, 4\]; allowed: two numbers from 0 to 3"),
    "offsets reversed": (raw({"a": entry("U8", [0], [4, 0])}, b"1234"), r"a: data_offsets are \[4, 0\]; allowed"),
    "three offsets": (raw({"a": entry("U8", [4], [0, 4, 4])}, b"1234"), r"a: data_offsets are \[0, 4, 4\]"),
    "hole": (raw({"a": entry("U8", [2], [2, 4])}, b"1234"), "a: starts at byte 2, the tensor before it ends at 0"),
    "overlap": (
        raw({"a": entry("U8", [3], [0, 3]), "b": entry("U8", [2], [2, 4])}, b"1234"),
        "b: starts at byte 2, the tensor before it ends at 3",
    ),
    "bytes left": (raw(A, b"12345"), "the file holds 5 bytes of tensors, the header describes 4"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused(name: str, tmp_path: Path) -> None:
    data, message = DAMAGE[name]
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(TensorFileError, match=f"^{message}") as error:
        TensorFile(tmp_path / "t")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_bool_that_is_neither_0_nor_1_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(raw({"a": entry("BOOL", [2], [0, 2])}, b"\x01\x02"))
    with pytest.raises(TensorFileError, match="a: holds a byte 2; allowed for BOOL: 0 or 1"):
        TensorFile(tmp_path / "t").read("a")


def test_a_file_that_shrinks_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(raw(A, b"1234"))
    file = TensorFile(path)
    path.write_bytes(raw(A, b"12"))
    with pytest.raises(TensorFileError, match="a: the file ends inside it"):
        file.read("a")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(TensorFileError, match=r"^not a regular file$"):
        TensorFile(tmp_path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TensorFile(tmp_path / "none")
