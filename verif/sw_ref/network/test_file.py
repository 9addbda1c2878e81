"""The network file: what is refused, and damaged files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from sw_ref.network import (
    OPERATORS,
    AveragePool,
    MaxPool,
    NetworkError,
    Pad,
    Resize,
    Slice,
    execute,
    load_network,
    save_network,
)
from sw_ref.tensorfile import TensorFile
from verif.campaign.damage import damaged
from verif.sw_ref.network.random_network import random_inputs, random_network
from verif.sw_ref.network.single import network_of, requantizer
from verif.sw_ref.network.test_network import branches

Arrays = dict[str, NDArray[Any]]
Metadata = dict[str, str]


def content(path: Path) -> tuple[Arrays, Metadata]:
    """The file of the small network."""
    save_network(path, branches())
    return load_file(path), TensorFile(path).metadata


def edit(key: str, change: Callable[[Any], object]) -> Callable[[Arrays, Metadata], None]:
    """`change` alters one JSON value of the metadata in place."""

    def apply(arrays: Arrays, metadata: Metadata) -> None:
        value = json.loads(metadata[key])
        change(value)
        metadata[key] = json.dumps(value)

    return apply


def node(index: int, **fields: Any) -> Callable[[Arrays, Metadata], None]:
    return edit("nodes", lambda nodes: nodes[index].update(fields))


def options(index: int, **fields: Any) -> Callable[[Arrays, Metadata], None]:
    return edit("nodes", lambda nodes: nodes[index]["options"].update(fields))


def array(name: str, values: Any) -> Callable[[Arrays, Metadata], None]:
    def apply(arrays: Arrays, metadata: Metadata) -> None:
        arrays[name] = np.array(values)

    return apply


def without(name: str) -> Callable[[Arrays, Metadata], None]:
    def apply(arrays: Arrays, metadata: Metadata) -> None:
        del (arrays if name in arrays else metadata)[name]

    return apply


def metadata(**values: str) -> Callable[[Arrays, Metadata], None]:
    return lambda arrays, found: found.update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (metadata(schema="2"), "metadata schema is '2'; allowed: '1'"),
        (metadata(kind="model"), "metadata kind is 'model'; allowed: 'network'"),
        (metadata(more=""), r"metadata has \[.*'more'.*\]; allowed: exactly"),
        (without("kind"), "is no network in integers; allowed: what `stlq convert` writes"),
        (without("tile"), r"metadata has \[.*\]; allowed: exactly"),
        (metadata(nodes="[}"), r"metadata nodes is '\[}': "),
        (metadata(nodes="{}"), r"nodes is \{\}; allowed: a list"),
        (metadata(tensors="[]"), r"tensors is \[\]; allowed: a dictionary"),
        (metadata(inputs='"x"'), "inputs is 'x'; allowed: a list"),
        (metadata(inputs='["x", 1]'), r"inputs is \['x', 1\]; allowed: a list of names"),
        (metadata(tile="[2]"), r"tile: tile is \[2\]; allowed"),
        (edit("format", lambda f: f.update(bits=6)), "format: bits is 6; allowed: a whole number from 2 to 5"),
        (edit("format", lambda f: f.pop("bits")), "format: format has .*; allowed: exactly"),
        (edit("tensors", lambda t: t["a"].pop("zero")), r"tensor a is \['shape', 'step'\]; allowed: exactly"),
        (edit("tensors", lambda t: t.update(a=[1])), r"tensor a is \[1\]; allowed: exactly shape, step, zero"),
        (edit("tensors", lambda t: t["a"].update(shape=3)), r"tensor a: shape is 3; allowed: \(C, H, W\)"),
        (edit("tensors", lambda t: t["a"].update(shape=[1, 1, 1.0])), r"tensor a: shape is \(1, 1, 1.0\); allowed"),
        (
            edit("tensors", lambda t: t["a"].update(step=-1.0)),
            "tensor a: step is -1.0; allowed: a finite number above 0",
        ),
        (edit("nodes", lambda n: n.__setitem__(0, 3)), "node is 3; allowed: exactly name, op, inputs, output, options"),
        (edit("nodes", lambda n: n[0].pop("op")), "node is .*; allowed: exactly name, op, inputs, output"),
        (node(0, name=3), r"node name and output is \[3, 'a'\]; allowed: a list of names"),
        (node(0, op="lstm"), f"node swap: op is 'lstm'; allowed: {', '.join(OPERATORS)}"),
        (node(0, op=["conv"]), r"node swap: op is \['conv'\]; allowed"),
        (node(0, options=[]), r"node swap: options are \[\]; allowed: a dictionary"),
        (node(0, inputs="x"), "node swap: inputs is 'x'; allowed: a list"),
        (options(0, low=0), r"node swap: options are \['low', 'order'\]; allowed: exactly \['order'\]"),
        (options(0, order=[0, "1"]), r"node swap: order is \(0, '1'\); allowed: whole numbers from 0 to 65536"),
        (options(0, order=[0, 0]), r"node swap: order is \[0, 0\]; allowed: each channel from 0 to 1 once"),
        (options(1, stride=[1, 0]), r"node conv: stride is \(1, 0\); allowed: 2 whole numbers from 1 to 4095"),
        (options(1, padding=[0, 0, 0, [1]]), r"node conv: padding is \(0, 0, 0, \[1\]\); allowed: 4 whole numbers"),
        (options(1, pads=0), r"node conv: options are \['dilation', .*'pads'.*\]; allowed: exactly"),
        (options(1, groups=4), r"node conv: groups is 4 for weights \(2, 2, 1, 1\) and 2 channels"),
        (options(1, low=300), "node conv: low is 300; allowed: 0 to 255"),
        (options(1, high=None), "node conv: high is None; allowed: 0 to 255"),
        (
            edit("nodes", lambda n: n[1]["options"].pop("low")),
            r"node conv: limits is \['high'\]; allowed: exactly",
        ),
        (array("conv.multiplier", np.array([6, 1], np.int32)), "node conv: multiplier is 6; allowed: 0 or"),
        (array("conv.multiplier", np.array([1, 1])), "node conv: multiplier is int64; allowed: int32"),
        (array("conv.shift", np.array([1, 48], np.uint8)), "node conv: shift is 48; allowed: 0 to 47"),
        (array("conv.bias", np.array([0, 1 << 47])), "node conv: bias is 140737488355328; allowed"),
        (array("conv.table", np.zeros(3, np.uint8)), r"node conv: table is uint8 \(3,\); allowed: uint8 \(256,\)"),
        (array("conv.table", np.zeros(256, np.int8)), r"node conv: table is int8 \(256,\); allowed: uint8 \(256,\)"),
        (array("conv.add_multiplier", np.zeros(2, np.int32)), "node conv: has 1 input; allowed: two with an add_mult"),
        (array("conv.more", 0), "conv.more: is no array of a node"),
        (array("swap.bias", 0), "swap.bias: is no array of a node"),
        (array("conv.word1", np.full((2, 2, 1, 1), 4, np.int8)), "node conv: word1 holds code 4; allowed: -4 to 3"),
        (
            array("conv.word1", np.ones((2, 2), np.int8)),
            r"node conv: word2 has shape \(2, 2, 1, 1\); allowed: \(2, 2\)",
        ),
        (array("conv.scale", np.array(-1, np.float32)), "node conv: scale "),
        (without("conv.word2"), "node conv: word2 is missing"),
        (without("conv.bias"), "node conv: bias is missing"),
        (without("add.add_multiplier"), "node add: has 2 inputs; allowed: two with an add_multiplier, one without"),
    ],
)
def test_bad_fields_are_refused(tmp_path: Path, change: Callable[[Arrays, Metadata], None], message: str) -> None:
    arrays, found = content(tmp_path / "n")
    load_network(tmp_path / "n")
    change(arrays, found)
    save_file(arrays, tmp_path / "n", found)
    with pytest.raises(NetworkError, match=f"^{message}"):
        load_network(tmp_path / "n")


def test_what_is_no_file_of_this_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n").write_bytes(b"x" * 100)
    with pytest.raises(NetworkError, match="no safetensors file"):
        load_network(tmp_path / "n")
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "none")


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    save_network(tmp_path / "good", random_network(3, codes_max=100))
    whole = (tmp_path / "good").read_bytes()
    said = []
    for seed in range(300):
        (tmp_path / "bad").write_bytes(damaged(whole, np.random.default_rng(seed)))
        try:
            load_network(tmp_path / "bad")
        except NetworkError as error:
            said.append(str(error))
    assert 100 < len(said) < 300
    assert all(0 < len(line) < 1000 and "\n" not in line for line in said)


def edited(value: Any, rng: np.random.Generator) -> Any:
    """A JSON value in which one place is another one."""
    if isinstance(value, (list, dict)) and value and rng.random() < 0.9:
        keys = list(range(len(value))) if isinstance(value, list) else list(value)
        key = keys[int(rng.integers(len(keys)))]
        copy = value.copy()
        copy[key] = edited(value[key], rng)
        return copy
    others = [None, True, -1, 0, 1, 2, 3, 7, 4095, 4096, 65536, 1 << 70, 0.5, "", "x", "t1", [], {}, [1, 1], [2, 1, 3]]
    return others[int(rng.integers(len(others)))]


def test_files_with_another_value_somewhere_run_or_are_refused(tmp_path: Path) -> None:
    run = refused = 0
    good = []
    for seed in range(5):
        save_network(tmp_path / "n", random_network(seed, nodes=6, codes_max=60))
        good.append((load_file(tmp_path / "n"), TensorFile(tmp_path / "n").metadata))
    for seed in range(200):
        arrays, found = good[seed % 5]
        rng = np.random.default_rng(seed)
        key = str(rng.choice(["tensors", "nodes", "nodes", "inputs", "outputs", "format", "tile"]))
        save_file(arrays, tmp_path / "n", {**found, key: json.dumps(edited(json.loads(found[key]), rng))})
        try:
            network = load_network(tmp_path / "n")
        except NetworkError as error:
            assert "\n" not in str(error), f"seed {seed}"  # noqa: PT017
            refused += 1
            continue
        outputs = execute(network, random_inputs(network, 1, seed))
        assert {name: codes.shape[1:] for name, codes in outputs.items()} == {
            name: network.tensors[name].shape for name in network.outputs
        }
        run += 1
    assert run > 10
    assert refused > 100


FAR = (4094, 4094, 4094, 4094)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (MaxPool(kernel=(4095, 4095), stride=(4095, 4095), padding=FAR), "reads 60000 x 8189 x 8189 codes"),
        (AveragePool(kernel=(4095, 4095), stride=(4095, 4095), padding=FAR), "reads 60000 x 8189 x 8189 codes"),
        (Resize(factor=(4095, 4095)), r"shape is \(60000, 4095, 4095\)"),
        (Pad(padding=(4095, 4095, 4095, 4095), mode="edge"), r"shape is \(60000, 8191, 8191\)"),
    ],
)
def test_what_would_take_too_much_memory_is_refused(tmp_path: Path, make: Any, message: str) -> None:
    """Such files hold a few bytes only."""
    save_network(tmp_path / "n", network_of(Slice(stop=(1, 1, 1)), [(1, 1, 1)]))
    values = TensorFile(tmp_path / "n").metadata
    tensors, nodes = json.loads(values["tensors"]), json.loads(values["nodes"])
    tensors["x0"]["shape"] = [60000, 1, 1]
    tensors["y"]["shape"] = {"resize": [60000, 4095, 4095], "pad": [60000, 8191, 8191]}.get(make.op, [60000, 1, 1])
    nodes[0].update(op=make.op, options=make.to_dict())
    arrays = {}
    if make.op == "average_pool":
        nodes[0]["options"].update(low=0, high=255)
        arrays = {f"node.{part}": array for part, array in requantizer(60000).arrays().items()}
    save_file(arrays, tmp_path / "n", {**values, "tensors": json.dumps(tensors), "nodes": json.dumps(nodes)})
    with pytest.raises(NetworkError, match=message):
        load_network(tmp_path / "n")
