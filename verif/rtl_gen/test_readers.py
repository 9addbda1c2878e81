"""The readers of weights, in process: what each kind of file gives, the words of every refusal, which weights count."""

import argparse
import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.weight_choice import choose, with_groups
from rtl_gen.weights import Weight, open_weights
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


def weight(name: str, axes: int = 2, **options: Any) -> Weight:
    return Weight(name, axes, lambda: np.ones((1,) * axes), **options)


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"tensor": [], "exclude": [], "groups": [], "weights": Path("w.npz")} | given)


def names(found: tuple[list[Weight], list[str]]) -> tuple[list[str], list[str]]:
    return [w.name for w in found[0]], found[1]


NETWORK = [
    weight("a"),
    weight("b", 4),
    weight("bias", 1),
    weight("odd", 2, refusal="of odd kind"),
    weight("table", 0, refusal="no layer multiplies by it", constant=True),
]


def test_all_weights_are_taken_and_the_others_named() -> None:
    assert names(choose(NETWORK, options())) == (
        ["a", "b"],
        ["left out: odd: of odd kind", "left out, biases and other constants: bias, table"],
    )
    assert names(choose(NETWORK[:2], options())) == (["a", "b"], [])


def test_asked_for_by_name() -> None:
    assert names(choose(NETWORK, options(tensor=["b", "bias", "b"]))) == (["b", "bias"], [])
    for name, message in (
        ("none", "--tensor is 'none'; allowed: a, b, bias, odd, table"),
        ("odd", "--tensor is 'odd': of odd kind; allowed: the weight of a layer"),
    ):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(tensor=["a", name]))
        assert str(error.value) == message
    for others, message in (
        ({"exclude": ["b"]}, "--exclude is given with --tensor; allowed: one of them"),
        ({"groups": ["b=2"]}, "--groups is 'b=2'; allowed with --tensor: NAME of a"),
    ):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(tensor=["a"], **others))
        assert str(error.value) == message
    assert names(choose([weight("x=y")], options(tensor=["x=y"], groups=["x=y=2"]))) == (["x=y"], [])
    with pytest.raises(UsageError, match=r"^--tensor is 'a'; allowed: none, the file has no tensors$"):
        choose([], options(tensor=["a"]))


def test_left_out_by_patterns() -> None:
    assert names(choose(NETWORK, options(exclude=["b*", "odd"]))) == (
        ["a"],
        ["left out, as asked: b, bias, odd", "left out, biases and other constants: table"],
    )
    # Large and small letters differ.
    for pattern in ("x*", "A"):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(exclude=["a", pattern]))
        assert str(error.value) == (
            f"--exclude is '{pattern}'; allowed: a pattern that matches one of a, b, bias, odd, table"
        )


def test_one_array_alone_is_a_weight_whatever_its_axes_are() -> None:
    """What is wrong with it is for the quantizer to say."""
    assert names(choose([weight("w", 1)], options())) == (["w"], [])
    assert names(choose([weight("w", 1), weight("b", 1)], options(exclude=["b"]))) == (
        ["w"],
        ["left out, as asked: b"],
    )


def test_no_weight_at_all() -> None:
    for found, given, message in (
        ([], {}, "among 0; allowed: at least one"),
        (NETWORK[2:4], {}, "among 2; allowed: at least one; odd: of odd kind"),
        (NETWORK[3:4], {}, "among 1; allowed: at least one; odd: of odd kind"),
        (
            NETWORK[1:],
            {"exclude": ["b"]},
            "among 2; allowed: at least one; odd: of odd kind; left out, as asked: b, bias",
        ),
    ):
        if given:
            given = {"exclude": ["b*"]}
        with pytest.raises(UsageError) as error:
            choose(found, options(**given))
        assert str(error.value) == f"weights file w.npz has no tensor of 2 to 4 axes {message}"


def test_groups() -> None:
    """Those that the user gives, beside what the file says of others."""
    said = [weight("dw", 4, groups=6), weight("kept", 4, groups=3)]
    found = with_groups([*NETWORK, *said, weight("x=y")], ["a=2", "dw=6", "x=y=10"])
    assert {w.name: w.groups for w in found if w.groups} == {"a": 2, "dw": 6, "kept": 3, "x=y": 10}
    assert [w.name for w in with_groups(NETWORK, [])] == [w.name for w in NETWORK]
    with pytest.raises(UsageError, match=r"^--groups is 'a=1'; allowed: one number for a, which has one already$"):
        with_groups([weight("a")], ["a=2", "a=1"])


@pytest.mark.parametrize(
    "option", ["c=2", "a", "a=", "a=0", "a=9999999999999999999", "a=-1", "a=1.5", "a=\u0663", "=2", "a=x"]
)
def test_groups_that_are_none(option: str) -> None:
    with pytest.raises(UsageError) as error:
        with_groups(NETWORK[:2], [option])
    assert str(error.value) == f"--groups is {option!r}; allowed: NAME=N with N from 1 and NAME of a, b"


def test_groups_other_than_the_file_says() -> None:
    with pytest.raises(UsageError, match=r"^--groups is 'dw=3'; allowed: 6, as the file says$"):
        with_groups([weight("dw", 4, groups=6)], ["dw=3"])
