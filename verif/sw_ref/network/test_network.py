"""The rules that a network keeps, and its execution as a whole."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.network import (
    Add,
    Conv,
    MaxPool,
    Network,
    NetworkError,
    Node,
    Permute,
    TensorInfo,
    dequantize,
    execute,
    execution,
    quantize,
)
from verif.sw_ref.network.single import FORMAT, TILE, network_of, requantizer, tensor_of


def branches() -> Network:
    """x -> a -> b, a + b -> y, all of two channels."""
    info = TensorInfo(shape=(2, 1, 1), step=0.5, zero=3)
    weights = tensor_of([[[[1]], [[2]]], [[[0]], [[4]]]])
    swap = Node(name="swap", inputs=("x",), output="a", options=Permute(order=(1, 0)))
    conv = Node(name="conv", inputs=("a",), output="b", options=Conv(), weights=weights, requantizer=requantizer(2))
    add = Node(name="add", inputs=("a", "b"), output="y", options=Add(), requantizer=requantizer(2, add_multiplier=1))
    return Network(
        format=FORMAT,
        tile=TILE,
        tensors={"x": info, "a": info, "b": replace(info, zero=5), "y": replace(info, zero=0)},
        nodes=(swap, conv, add),
        inputs=("x",),
        outputs=("y",),
    )


def vector(*codes: int) -> Any:
    return np.array(codes).reshape(1, -1, 1, 1)


def test_branches() -> None:
    network = branches()
    found = execute(network, {"x": vector(10, 20)}, keep=network.tensors)
    assert {name: codes.ravel().tolist() for name, codes in found.items()} == {
        "x": [10, 20],
        "a": [20, 10],
        "b": [45, 45],  # 20 + 2 * 10 + 5, 4 * 10 + 5
        "y": [60, 50],  # 20 + 45 - 5, 10 + 45 - 5
    }
    assert all(codes.dtype == np.uint8 for codes in found.values())
    assert list(execute(network, {"x": vector(10, 20)})) == ["y"]
    assert list(execute(network, {"x": vector(10, 20)}, keep=["b"])) == ["b"]


def test_many_images_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = branches()
    images = np.random.default_rng(1).integers(0, 256, (37, 2, 1, 1))
    whole = execute(network, {"x": images}, keep=network.tensors)
    monkeypatch.setattr(execution, "CHUNK", 10)
    parts = execute(network, {"x": images}, keep=network.tensors)
    for name in network.tensors:
        assert (parts[name] == whole[name]).all()
    single = [execute(network, {"x": image[None]})["y"][0] for image in images]
    assert (np.array(single) == whole["y"]).all()
    assert execute(network, {"x": images[:0]})["y"].shape == (0, 2, 1, 1)


def test_wide_codes_are_uint16() -> None:
    fmt = StlqFormat(act_bits=9, act_signed=False, residual_shift=0)
    network = network_of(MaxPool(kernel=(1, 2)), [(1, 1, 2)], fmt=fmt)
    found = execute(network, {"x0": np.array([[[[511, 3]]]])})["y"]
    assert (found.dtype, found.tolist()) == (np.uint16, [[[[511]]]])


def test_real_numbers_in_and_out() -> None:
    network = branches()
    codes = quantize(network, {"x": np.array([-99.0, 0.0, 0.25, 0.75, 1.2, 1e9], np.float32)})["x"]
    assert (codes.dtype, codes.tolist()) == (np.uint8, [0, 3, 3, 5, 5, 255])
    assert dequantize(network, {"x": codes, "y": [4]})["x"].tolist() == [-1.5, 0, 0, 1, 1, 126]
    for convert in (quantize, dequantize):
        with pytest.raises(ValueError, match=r"^tensor is 'z'; allowed: x, a, b, y$"):
            convert(network, {"z": [1]})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"inputs are \[\]; allowed: exactly \['x'\]"),
        ({"x": vector(1, 2), "z": vector(1, 2)}, r"inputs are \['x', 'z'\]; allowed: exactly \['x'\]"),
        ({"x": vector(1)}, r"input x has shape \(1, 1, 1, 1\); allowed: \(n, 2, 1, 1\)"),
        ({"x": vector(1, 2)[0]}, r"input x has shape \(2, 1, 1\); allowed"),
        ({"x": vector(1, 2) * 1.0}, "input x is float64; allowed: integers"),
        ({"x": vector(1, 256)}, "input x holds 256; allowed: 0 to 255"),
        ({"x": vector(-1, 2)}, "input x holds -1; allowed: 0 to 255"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        execute(branches(), inputs)


def test_a_tensor_to_keep_must_exist() -> None:
    with pytest.raises(ValueError, match=r"^tensor is 'z'; allowed: x, a, b, y$"):
        execute(branches(), {"x": vector(1, 2)}, keep=["z"])


def test_inputs_of_different_numbers_are_refused() -> None:
    network = network_of(Add(), [(1, 1, 1)] * 2)
    with pytest.raises(
        ValueError, match=r"^input x0 has shape \(1, 1, 1, 1\); allowed: \(n, 1, 1, 1\), n the same for all"
    ):
        execute(network, {"x0": np.zeros((1, 1, 1, 1), int), "x1": np.zeros((2, 1, 1, 1), int)})


@pytest.mark.parametrize(
    ("shape", "step", "zero", "message"),
    [
        ((1, 1), 1.0, 0, r"shape is \(1, 1\); allowed: \(C, H, W\), each from 1 to 65536, at most 67108864 codes"),
        ((1, 0, 1), 1.0, 0, r"shape is \(1, 0, 1\); allowed"),
        ((1, 65537, 1), 1.0, 0, r"shape is \(1, 65537, 1\); allowed"),
        ((1025, 256, 256), 1.0, 0, r"shape is \(1025, 256, 256\); allowed"),
        ((1, True, 1), 1.0, 0, r"shape is \(1, True, 1\); allowed"),
        ([1, 1, 1], 1.0, 0, r"shape is \[1, 1, 1\]; allowed"),
        ((1, 1, 1), 0.0, 0, "step is 0.0; allowed: a finite number above 0"),
        ((1, 1, 1), float("inf"), 0, "step is inf; allowed"),
        ((1, 1, 1), float("nan"), 0, "step is nan; allowed"),
        ((1, 1, 1), "1", 0, "step is '1'; allowed"),
        ((1, 1, 1), 1.0, -1, "zero is -1; allowed: a code"),
        ((1, 1, 1), 1.0, 0.0, "zero is 0.0; allowed: a code"),
    ],
)
def test_tensors_out_of_range_are_refused(shape: Any, step: Any, zero: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        TensorInfo(shape=shape, step=step, zero=zero)


def changed(**changes: Any) -> dict[str, Any]:
    """The fields of :func:`branches`; `swap`, `conv` and `add` change nodes, `tensors` is merged, None deletes."""
    fields = dict(vars(branches()))
    for name in ("swap", "conv", "add"):
        if name in changes:
            change = changes.pop(name)
            fields["nodes"] = tuple(replace(n, **change) if n.name == name else n for n in fields["nodes"])
    if "tensors" in changes:
        merged = fields["tensors"] | changes.pop("tensors")
        fields["tensors"] = {name: info for name, info in merged.items() if info is not None}
    return {**fields, **changes}


INFO = TensorInfo(shape=(2, 1, 1), step=0.5, zero=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": StlqFormat()}, "format has act_signed true; allowed: false"),
        ({"tile": (0, 2)}, r"tile is \(0, 2\); allowed: two whole numbers, 1 or more"),
        ({"tile": (2, 4)}, r"node conv: weights have tile \(2, 2\); allowed: \(2, 4\)"),
        ({"format": StlqFormat(act_signed=False)}, "node conv: weights have format .*residual_shift=0"),
        ({"tensors": {"b": replace(INFO, zero=256)}}, "tensor b: zero is 256; allowed: 0 to 255"),
        ({"inputs": ()}, r"inputs are \[\]; allowed: one name or more, each once"),
        ({"outputs": ("y", "y")}, r"outputs are \['y', 'y'\]; allowed: one name or more, each once"),
        ({"outputs": ("z",)}, "outputs hold 'z', which is no tensor"),
        ({"swap": {"name": "add"}}, "node 'add': its name is empty or taken"),
        ({"swap": {"name": ""}}, "node '': its name is empty or taken"),
        ({"swap": {"inputs": ("b",)}}, "node swap: reads 'b', which no input and no node before it makes"),
        ({"swap": {"inputs": ("a",)}}, "node swap: reads 'a', which no input and no node before it makes"),
        ({"nodes": branches().nodes[::-1]}, "node add: reads 'a', which no input and no node before it makes"),
        ({"add": {"output": "b"}}, "node add: makes 'b', which is made already"),
        ({"swap": {"output": "x"}}, "node swap: makes 'x', which is made already"),
        ({"add": {"output": "z"}}, "node add: makes 'z', which is no tensor"),
        ({"tensors": {"z": INFO}}, "tensor z: is no input and no node makes it"),
        ({"tensors": {"z": INFO}, "inputs": ("x", "z")}, "tensor z: is no output and no node reads it"),
        ({"outputs": ("a",)}, "tensor y: is no output and no node reads it"),
        ({"conv": {"inputs": ()}}, "node conv: has 0 inputs; allowed for conv: 1 to 2"),
        ({"conv": {"inputs": ("a", "x", "x")}}, "node conv: has 3 inputs; allowed for conv: 1 to 2"),
        ({"add": {"inputs": ("b",)}}, "node add: has 1 input; allowed for add: 2"),
        ({"conv": {"weights": None}}, "node conv: has no weights; allowed for conv: 3 or 4 axes"),
        (
            {"swap": {"weights": tensor_of([[1]])}},
            r"node swap: has weights of shape \(1, 1\); allowed for permute: none",
        ),
        ({"conv": {"requantizer": None}}, "node conv: has no requantizer; allowed: bias, multiplier and shift"),
        ({"swap": {"requantizer": requantizer(2)}}, "node swap: has a requantizer; allowed for permute: none"),
        ({"conv": {"inputs": ("a", "x")}}, "node conv: has 2 inputs; allowed: two with an add_multiplier, one without"),
        (
            {"tensors": {"b": replace(INFO, shape=(2, 1, 2))}},
            r"node conv: makes b of shape \(2, 1, 1\); allowed: \(2, 1, 2\)",
        ),
        ({"tensors": {"a": replace(INFO, step=0.25)}}, r"node swap: its tensors have \(step, zero\) "),
        (
            {"add": {"requantizer": requantizer(3, add_multiplier=1)}},
            r"node add: multiplier has shape \(3,\); allowed: \(2,\)",
        ),
    ],
)
def test_networks_that_break_a_rule_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=f"^{message}"):
        Network(**changed(**changes))


def test_weights_of_other_granularities_are_refused() -> None:
    weights = replace(tensor_of(np.ones((2, 2, 1, 1), int)), granularity="filter")
    with pytest.raises(NetworkError, match=r"^node conv: weights have granularity filter; allowed: tile"):
        Network(**changed(conv={"weights": weights}))


def test_the_example_of_the_page() -> None:
    parts = requantizer(bias=-352, multiplier=3, shift=3, low=20)
    fmt = StlqFormat(act_signed=False, residual_shift=2)
    options = Conv(padding=(0, 1, 0, 0))
    network = network_of(options, [(1, 1, 3)], zeros=(10,), zero_out=20, weights=[[[[32, 4]]]], parts=parts, fmt=fmt)
    (weights,) = (node.weights for node in network.nodes if node.weights)
    assert (weights.word1.ravel().tolist(), weights.word2.ravel().tolist()) == ([1, 3], [0, -2])
    codes = quantize(network, {"x0": np.array([[[[1, 0, -1.5]]]])})
    assert codes["x0"].ravel().tolist() == [12, 10, 7]
    assert execute(network, codes)["y"].ravel().tolist() == [26, 47, 20]


def test_networks_need_numpy_and_not_more() -> None:
    code = "import sys, sw_ref.network; print([m for m in ('torch', 'amaranth', 'rich', 'onnx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_groups_are_said_by_the_operator():
    """Weights that say none take them; weights that say others are refused."""
    ports: dict[str, Any] = {"name": "n", "inputs": ("x",), "output": "y", "options": Conv(groups=2)}
    weights = tensor_of(np.ones((4, 1, 1, 1)))
    taken = Node(**ports, weights=weights).weights
    assert taken is not None
    assert taken.groups == 2
    with pytest.raises(NetworkError, match="node n: weights have 4 groups; allowed: 2"):
        Node(**ports, weights=replace(weights, groups=4))
