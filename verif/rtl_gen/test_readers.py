"""The readers of weights, in process: what each kind of file gives, and the words of every refusal."""

import argparse
import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.weights import open_weights
from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.frontend.models import node, write_model

ARRAYS = {"conv": np.arange(36.0).reshape(2, 2, 3, 3), "bias": np.ones(2, np.float32), "scalar": np.array(3.0)}
KINDS = ".npy, .npz, .safetensors, .onnx"


def save_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez(path, **arrays)


def save_deflated(path: Path, arrays: Mapping[str, Any]) -> None:
    np.savez_compressed(path, **arrays)


def save_tensors(path: Path, arrays: Mapping[str, Any]) -> None:
    write_tensors(path, arrays, {})


@pytest.mark.parametrize(
    ("name", "save"), [("w.npz", save_npz), ("W.NPZ", save_deflated), ("w.SafeTensors", save_tensors)]
)
def test_every_array_with_its_name_and_axes(tmp_path: Path, name: str, save: Callable[..., None]) -> None:
    with (tmp_path / name).open("wb") as file:
        save(file if name.lower().endswith("npz") else tmp_path / name, ARRAYS)
    with open_weights(tmp_path / name) as weights:
        found = {weight.name: (weight, weight.load()) for weight in weights}
    assert set(found) == set(ARRAYS)
    for key, array in ARRAYS.items():
        weight, read = found[key]
        assert (weight.axes, weight.note, weight.groups, weight.refusal, weight.constant) == (
            array.ndim, "", None, "", False,
        )  # fmt: skip
        assert (read.dtype, read.tolist()) == (array.dtype, array.tolist())


def test_one_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.b.npy", ARRAYS["conv"])
    with open_weights(tmp_path / "a.b.npy") as (weight,):
        assert (weight.name, weight.axes, weight.load().tolist()) == ("a.b", 4, ARRAYS["conv"].tolist())


def said(path: Path) -> str:
    with pytest.raises(UsageError) as error, open_weights(path):
        pass
    return str(error.value)


def test_which_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    assert said(path) == f"weights file is {path}: no such file; allowed: {KINDS}"
    path.mkdir()
    assert said(path) == f"weights file is {path}: not a regular file; allowed: {KINDS}"
    assert said(Path("w.txt")) == f"weights file is w.txt; allowed: {KINDS}"
    for name in ("w.pt", "w.PTH", "w.bin", "w.ckpt"):
        assert said(Path(name)) == (
            f"weights file is {name}, which may hold code; allowed: {KINDS}; "
            "from PyTorch: safetensors.torch.save_model(model, 'weights.safetensors')"
        )


def test_names_that_could_be_taken_for_something_else(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"a\nb": np.ones((2, 2))}, {})
    assert said(path) == f"weights file {path} has a tensor named 'a\\nb'; allowed: printable names"


def test_damage_is_named(tmp_path: Path) -> None:
    """Of a container that is read here, and of one that is read elsewhere."""
    for name, message in (
        ("w.npz", "File is not a zip file"),
        ("w.safetensors", "header is 0 bytes, the file 0: truncated, or no safetensors file"),
    ):
        (tmp_path / name).write_bytes(b"")
        assert said(tmp_path / name) == f"weights file {tmp_path / name} is damaged: {message}"


@pytest.mark.parametrize(
    ("name", "reader"),
    [("w.safetensors", "rtl_gen.weights.TensorFile"), ("w.onnx", "rtl_gen.frontend.weights.layer_weights")],
)
@pytest.mark.parametrize("fault", [TypeError, AttributeError, KeyError, ImportError, RuntimeError])
def test_a_fault_of_this_program_is_not_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: str, fault: type[Exception]
) -> None:
    def faulty(_: Path) -> None:
        raise fault("of ours")

    monkeypatch.setattr(reader, faulty)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(fault, match="of ours"), open_weights(tmp_path / name):
        pass


@pytest.mark.parametrize("fault", [TypeError, ImportError])
@pytest.mark.parametrize("module", ["onnx", "onnx.inliner", "onnx.helper"])
def test_a_library_that_cannot_be_loaded_is_not_the_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, fault: type[Exception]
) -> None:
    """Also where it does not raise what it should: protobuf's libraries raise ``TypeError`` where versions differ."""
    loaded = importlib.import_module

    def load(name: str) -> Any:
        if name == module:
            raise fault("old")
        return loaded(name)

    write_model(tmp_path / "n.onnx", [node("MatMul", ["x", "w"], ["y"])], {"w": np.ones((5, 2), np.float32)})
    monkeypatch.setattr(importlib, "import_module", load)
    wrong = re.escape(f"{module} cannot be loaded (old); to install it")
    with pytest.raises(CheckError, match=wrong), open_weights(tmp_path / "n.onnx"):
        pass


def test_what_an_onnx_file_says_of_its_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights with their notes and groups; biases count as constants; what no layer can take has its reason."""
    array = np.ones((2, 2))
    layers = [
        argparse.Namespace(name="w", array=array, note="turned", groups=2, refusal=""),
        argparse.Namespace(name="bias", array=None, note="", groups=None, refusal=""),
        argparse.Namespace(name="batch", array=None, note="", groups=None, refusal="read by MatMul"),
        argparse.Namespace(name="bad", array=array, note="", groups=1, refusal="of odd kind"),
    ]
    monkeypatch.setattr("rtl_gen.frontend.weights.layer_weights", lambda path: layers)
    (tmp_path / "n.onnx").write_bytes(b"")
    with open_weights(tmp_path / "n.onnx") as found:
        pass
    assert [(w.name, w.axes, w.note, w.groups, w.refusal, w.constant) for w in found] == [
        ("w", 2, "turned", 2, "", False),
        ("bias", 0, "", None, "no layer multiplies by it", True),
        ("batch", 0, "", None, "read by MatMul", False),
        ("bad", 2, "", 1, "of odd kind", False),
    ]
    assert [w.load().tolist() for w in found] == [array.tolist(), [], [], array.tolist()]
