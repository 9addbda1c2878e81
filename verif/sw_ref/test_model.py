"""The model file: what was saved comes back; anything damaged is refused by name."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import ModelError, StlqTensor, load_model, save_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tensorfile import TensorFile, write_tensors
from verif.sw_ref.distributions import make
from verif.sw_ref.random_model import random_tensor

FMT = StlqFormat(bits=3)
Arrays = dict[str, NDArray[Any]]


def model() -> dict[str, StlqTensor]:
    return {
        "conv.weight": random_tensor(FMT, (6, 5, 3, 3), seed=1),
        "fc": random_tensor(FMT, (10, 7), seed=2),
        "": random_tensor(FMT, (4, 4, 2), seed=3),
    }


def same(one: StlqTensor, two: StlqTensor) -> bool:
    parts = ("word1", "word2", "two_word", "scale")
    equal = all(np.array_equal(getattr(one, p), getattr(two, p)) for p in parts)
    return equal and (one.format, one.tile, one.granularity) == (two.format, two.tile, two.granularity)


def test_round_trip(tmp_path: Path) -> None:
    path, tensors = tmp_path / "q.safetensors", model()
    save_model(path, tensors)
    loaded = load_model(path)
    assert list(loaded) == sorted(tensors)
    assert all(same(tensors[name], loaded[name]) for name in tensors)
    assert TensorFile(path).metadata == {
        "schema": "1",
        "format": json.dumps(FMT.to_dict()),
        "tile": "[4, 3]",
        "granularity": "tile",
    }
    save_model(tmp_path / "again", loaded)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
@pytest.mark.parametrize("granularity", ["element", "filter", "tile", "layer"])
def test_quantized_tensors_round_trip(tmp_path: Path, granularity: str, bits: int) -> None:
    fmt = StlqFormat(bits=bits, act_bits=6, act_signed=False, residual_shift=1)
    tensor = quantize_tensor(make("laplace", (12, 9)), fmt, tile=(5, 4), granularity=granularity, per_channel=True)
    save_model(tmp_path / "q", {"a.b": tensor})
    assert same(load_model(tmp_path / "q")["a.b"], tensor)


def test_a_file_without_granularity_is_by_tile(tmp_path: Path) -> None:
    assert same(_rewritten(tmp_path, metadata=lambda m: m.pop("granularity"))["fc"], model()["fc"])


def test_save_refuses_what_one_file_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the model holds no tensors"):
        save_model(tmp_path / "q", {})
    mixed = {"a": random_tensor(FMT, (4, 4), seed=1), "b": random_tensor(StlqFormat(bits=4), (4, 4), seed=1)}
    with pytest.raises(ValueError, match="the tensors hold 2 kinds of format, tile and granularity; allowed: 1"):
        save_model(tmp_path / "q", mixed)
    assert not list(tmp_path.iterdir())


def _rewritten(
    folder: Path,
    arrays: Callable[[Arrays], Any] | None = None,
    metadata: Callable[[dict[str, str]], Any] | None = None,
) -> dict[str, StlqTensor]:
    """Load the model after a change to its arrays or metadata."""
    path = folder / "q"
    save_model(path, model())
    file = TensorFile(path)
    held, words = {name: file.read(name).copy() for name in file.entries}, dict(file.metadata)
    if arrays:
        arrays(held)
    if metadata:
        metadata(words)
    write_tensors(path, held, words)
    return load_model(path)


def _put(name: str, value: Any, at: Any = ...) -> Callable[[Arrays], Any]:
    def change(arrays: Arrays) -> None:
        arrays[name][at] = value

    return change


def _swap(name: str, build: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Arrays], Any]:
    def change(arrays: Arrays) -> None:
        arrays[name] = build(arrays[name])

    return change


ARRAYS = {
    "code too high": (_put("fc.word1", 4, (3, 2)), r"fc: word1 holds code 4; allowed: -4 to 3"),
    "code too low": (_put("fc.word2", -5, (0, 0)), r"fc: word2 holds code -5; allowed: -4 to 3"),
    "flag of 2": (_put("fc.two_word", 2, (0, 0)), "fc: two_word holds 2; allowed: 0 or 1"),
    "flag lost": (_put("conv.weight.two_word", 0), r"conv.weight: word2 is not 0 in one-word tile \(\d, \d, \d, \d\)"),
    "scale 0": (_put("fc.scale", 0), "fc: scale is 0.0; allowed"),
    "scale negative": (_put("fc.scale", -1), "fc: scale is -1.0; allowed"),
    "scale NaN": (_put("fc.scale", np.nan), "fc: scale is nan; allowed"),
    "scale infinite": (_put("fc.scale", np.inf), "fc: scale is inf; allowed"),
    "scale shape": (
        _swap("fc.scale", lambda s: np.ones(9, np.float32)),
        r"fc: scale has shape \(9,\); allowed: \(10,\)",
    ),
    "scale type": (_swap("fc.scale", lambda s: s.astype(np.float64)), "fc: scale is float64; allowed: float32"),
    "word type": (_swap("fc.word1", lambda w: w.astype(np.int16)), "fc: word1 is int16; allowed: int8"),
    "flag type": (_swap("fc.two_word", lambda f: f.astype(bool)), "fc: two_word is bool; allowed: uint8"),
    "word2 shape": (_swap("fc.word2", lambda w: w.T.copy()), r"fc: word2 has shape \(7, 10\); allowed: \(10, 7\)"),
    "flag shape": (
        _swap("fc.two_word", lambda f: f[:, :2].copy()),
        r"fc: two_word has shape \(3, 2\); allowed: \(3, 3\)",
    ),
    "one axis": (_swap("fc.word1", lambda w: w.ravel()), r"fc: word1 has shape \(70,\); allowed: 2 to 4 axes"),
    "five axes": (_swap("fc.word1", lambda w: w[None, None, None]), "fc: word1 has shape .*; allowed: 2 to 4 axes"),
    "empty": (_swap("fc.word1", lambda w: w[:0]), r"fc: word1 has shape \(0, 7\); allowed: .* none empty"),
    "part missing": (lambda a: a.pop("fc.scale"), "fc: scale is missing"),
    "words missing": (lambda a: a.pop("conv.weight.word1"), "conv.weight: word1 is missing"),
    "stray part": (lambda a: a.update({"fc.word3": a["fc.word1"]}), "fc.word3: is no part of a quantized tensor"),
    "stray tensor": (lambda a: a.update({"word1": a["fc.word1"]}), "word1: is no part of a quantized tensor"),
    "nothing": (lambda a: a.clear(), "the file holds no tensors; allowed: one or more"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_damaged_arrays_are_refused_by_name(name: str, tmp_path: Path) -> None:
    change, message = ARRAYS[name]
    with pytest.raises(ModelError, match=message) as error:
        _rewritten(tmp_path, arrays=change)
    assert "\n" not in str(error.value)


def _set(key: str, value: str) -> Callable[[dict[str, str]], Any]:
    return lambda metadata: metadata.update({key: value})


METADATA = {
    "schema": (_set("schema", "2"), "metadata schema is '2'; allowed: '1'"),
    "no schema": (lambda m: m.pop("schema"), r"metadata has \['format', 'granularity', 'tile'\]; allowed: exactly"),
    "no format": (lambda m: m.pop("format"), r"metadata has \[.*\]; allowed: exactly"),
    "more": (_set("note", ""), r"metadata has \[.*'note'.*\]; allowed: exactly"),
    "a network": (_set("kind", "network"), "metadata kind is 'network'; allowed: none, as in what `stlq quantize` wr"),
    "granularity": (_set("granularity", "row"), "metadata granularity is 'row'; allowed: element"),
    "format text": (_set("format", "{"), "metadata format is '{': "),
    "format keys": (_set("format", "{}"), r"metadata format is '{}': format has \[\]; allowed: exactly"),
    "format twice": (_set("format", '{"bits":3,"bits":3}'), "metadata format is .*: bits: appears twice"),
    "format range": (
        _set("format", json.dumps({**FMT.to_dict(), "bits": 9})),
        "metadata format is .*: bits is 9; allowed: a whole number from 2 to 5",
    ),
    "fewer bits": (_set("format", json.dumps({**FMT.to_dict(), "bits": 2})), ": word1 holds code -4; allowed: -2 to 1"),
    "tile text": (_set("tile", "4x3"), "metadata tile is '4x3': "),
    "tile of one": (_set("tile", "[4]"), r"metadata tile is '\[4\]': tile is \[4\]; allowed: two whole numbers"),
    "tile of 0": (_set("tile", "[0, 3]"), r"metadata tile is '\[0, 3\]': tile is \[0, 3\]; allowed"),
    "other tile": (_set("tile", "[3, 3]"), r": two_word has shape \(1, 2, 2\); allowed: \(2, 2, 2\)"),
    "deep": (_set("tile", "[" * 100_000), r"metadata tile is '\[\[.*: maximum recursion depth"),
}


@pytest.mark.parametrize("name", METADATA)
def test_damaged_metadata_is_refused(name: str, tmp_path: Path) -> None:
    change, message = METADATA[name]
    with pytest.raises(ModelError, match=message) as error:
        _rewritten(tmp_path, metadata=change)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_groups_come_back(tmp_path: Path) -> None:
    """Of the layers that have more than one; a file of others does not speak of them."""
    tensors = {"b": replace(model()["fc"], groups=5), "a": replace(model()["fc"], groups=2), "c": model()["fc"]}
    save_model(tmp_path / "q", tensors)
    assert TensorFile(tmp_path / "q").metadata["groups"] == '{"a": 2, "b": 5}'
    assert {name: tensor.groups for name, tensor in load_model(tmp_path / "q").items()} == {"a": 2, "b": 5, "c": 1}
    save_model(tmp_path / "q", {"c": tensors["c"]})
    assert "groups" not in TensorFile(tmp_path / "q").metadata


GROUPS = {
    "text": ("{", "metadata groups is '{': Expecting property name enclosed in double quotes"),
    "twice": ('{"fc":2,"fc":2}', 'metadata groups is \'{"fc":2,"fc":2}\': fc: appears twice in the header'),
    "deep": ("[" * 100_000, r"metadata groups is '\[\[.*: maximum recursion depth"),
    "no object": ("[]", r"metadata groups is '\[\]'; allowed: numbers by names of tensors$"),
    "another name": ('{"none":2}', "metadata groups is '{\"none\":2}'; allowed: numbers by names of tensors$"),
    "no divisor": ('{"fc":3}', "fc: groups is 3; allowed: a divisor of 10 output channels$"),
    "no number": ('{"fc":"2"}', "fc: groups is '2'; allowed: a divisor of 10 output channels$"),
    "0": ('{"fc":0}', "fc: groups is 0; allowed: a divisor of 10 output channels$"),
}


@pytest.mark.parametrize("name", GROUPS)
def test_damaged_groups_are_refused(name: str, tmp_path: Path) -> None:
    text, message = GROUPS[name]
    with pytest.raises(ModelError, match=f"^{message}"):
        _rewritten(tmp_path, metadata=_set("groups", text))


def test_names_that_could_be_taken_for_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^a tensor is named 'a\\nb'; allowed: printable names$"):
        save_model(tmp_path / "q", {"a\nb": model()["fc"]})
    with pytest.raises(ModelError, match=r"^a tensor is named 'a\\nb'; allowed: printable names$"):
        _rewritten(tmp_path, arrays=lambda arrays: arrays.update({"a\nb.word1": arrays["fc.word1"]}))


def test_granularities(tmp_path: Path) -> None:
    allowed = "granularity is 'row'; allowed: element, filter, tile, layer$"
    with pytest.raises(ValueError, match=f"^{allowed}"):
        replace(model()["fc"], granularity="row")
    with pytest.raises(ModelError, match=f"^metadata {allowed}"):
        _rewritten(tmp_path, metadata=_set("granularity", "row"))


def test_what_a_tensor_says_of_itself() -> None:
    tensor = replace(random_tensor(FMT, (6, 5, 3, 2), seed=1), groups=3, scale=np.full(6, 3, np.float32))
    assert (tensor.shape, tensor.act_shape) == ((6, 5, 3, 2), (15, 3, 2))
    assert tensor.tiling.block == (4, 3, 1, 1)
    assert tensor.two_word_ratio == tensor.two_word.sum() / (2 * 2 * 3 * 2)
    # 3 bits have 4 levels, and words are 2 bits apart.
    assert tensor.unit.tolist() == [3 * 2.0**-6] * 6
    weights = [[FMT.weight(int(q), int(r)) for q, r in zip(*row, strict=True)]
               for row in zip(tensor.word1.reshape(6, -1), tensor.word2.reshape(6, -1), strict=True)]  # fmt: skip
    assert tensor.integers().dtype == np.int32
    assert tensor.integers().reshape(6, -1).tolist() == weights
    assert tensor.dequantize().dtype == np.float32
    assert tensor.dequantize().reshape(6, -1).tolist() == (np.array(weights) * 3 * 2.0**-6).tolist()
    rows = replace(tensor, scale=np.arange(1, 7, dtype=np.float32))
    assert np.array_equal(rows.dequantize(), tensor.dequantize() * np.arange(1, 7).reshape(6, 1, 1, 1) / 3)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none")
