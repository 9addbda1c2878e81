"""Exports without PyTorch: what was saved comes back, each layer's golden, and what does not belong together."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sw_ref.export import INTEGERS, NETWORK, WEIGHTS, Export, ExportedLayer, Node, load_export
from sw_ref.format import StlqFormat
from sw_ref.integer import conv, conv_transpose, dot
from sw_ref.model import PARTS, load_model, save_model
from sw_ref.network import Linear, save_network
from sw_ref.tensorfile import TensorFile, TensorFileError, write_tensors
from verif.sw_ref.network.single import network_of
from verif.sw_ref.random_model import random_tensor

FMT, ACTS = StlqFormat(), StlqFormat(act_bits=4, act_signed=False)
CONV = {"stride": [1, 2], "padding": [1, 0], "dilation": [1, 1], "groups": 1}
KINDS: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "stem": ("conv", (4, 3, 3, 2), CONV),
    "up": ("conv_transpose", (5, 4, 3, 2), CONV | {"output_padding": [0, 1]}),
    "head": ("linear", (2, 3), {}),
    "own": ("custom", (2, 3), {}),
}


def layer(name: str) -> ExportedLayer:
    kind, shape, options = KINDS[name]
    return ExportedLayer(
        name=name,
        kind=kind,
        options=options,
        tensor=random_tensor(FMT, shape, seed=len(name)),
        act_step=0.25 * len(name),
        act_format=ACTS,
        multiplier=np.arange(1.0, shape[0] + 1),
        bias=np.arange(shape[0]) / 2,
        norm="bn" if name == "stem" else None,
    )


GRAPH = [
    Node("stem", "Conv2d", ["input_0"], module="stem"),
    Node("add", "add", ["stem", "input_1"], {"alpha": 2}),
]
EXPORT = Export(layers={name: layer(name) for name in KINDS}, graph=GRAPH, parameters={"norm.weight": np.ones(3)})


def test_everything_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    EXPORT.save(folder)
    # A second time over the first.
    EXPORT.save(str(folder))
    read = load_export(str(folder))
    assert list(read.layers) == list(KINDS)
    assert read.graph == GRAPH
    assert {name: values.tolist() for name, values in read.parameters.items()} == {"norm.weight": [1.0] * 3}
    for name, one in EXPORT.layers.items():
        two = read.layers[name]
        for field in ("name", "kind", "options", "norm", "act_step", "act_format"):
            assert getattr(one, field) == getattr(two, field), (name, field)
        assert type(two.act_step) is float
        for part in PARTS:
            assert np.array_equal(getattr(one.tensor, part), getattr(two.tensor, part)), (name, part)
        assert (one.multiplier.tolist(), one.bias.tolist()) == (two.multiplier.tolist(), two.bias.tolist())
    assert list(load_model(folder / WEIGHTS)) == sorted(KINDS)
    assert sorted(path.name for path in folder.iterdir()) == [NETWORK, WEIGHTS]
    file = TensorFile(folder / NETWORK)
    assert sorted(file.metadata) == ["graph", "layers", "refused", "schema", "weights_sha256"]
    assert (read.integers, read.refused, file.metadata["refused"]) == (None, "", "")
    assert file.metadata["schema"] == "1"
    arrays = {f"{name}.{key}" for name in KINDS for key in ("multiplier", "bias", "act_step")}
    assert set(file.entries) == {*arrays, "parameter:norm.weight"}


def test_the_network_in_integers_goes_with_it(tmp_path: Path) -> None:
    """Its file is of this export, or refused; where there is none the reason is told, and no older file stays."""
    network = network_of(Linear(), [(2, 1, 1)], weights=[[1, 4]])
    replace(EXPORT, integers=network).save(tmp_path)
    read = load_export(tmp_path)
    assert read.integers is not None
    assert read.integers.outputs == network.outputs
    assert read.integers.nodes[0].weights.integers().tolist() == [[1, 4]]  # type: ignore[union-attr]
    save_network(tmp_path / INTEGERS, network_of(Linear(), [(2, 1, 1)], weights=[[1, 2]]))
    with pytest.raises(TensorFileError, match=f"^{INTEGERS} is not the one of this export$"):
        load_export(tmp_path)
    replace(EXPORT, refused="an odd layer").save(tmp_path)
    read = load_export(tmp_path)
    assert (read.integers, read.refused) == (None, "an odd layer")
    assert not (tmp_path / INTEGERS).exists()


def test_sums_are_the_golden_ones_of_the_kind() -> None:
    codes = np.random.default_rng(1).integers(0, 16, (2, 3, 6, 5))
    wide = np.random.default_rng(2).integers(0, 16, (2, 4, 6, 5))
    stem, up, head = (EXPORT.layers[name] for name in ("stem", "up", "head"))
    assert np.array_equal(stem.sums(codes), conv(stem.tensor, codes, **CONV))
    assert np.array_equal(up.sums(wide), conv_transpose(up.tensor, wide, **CONV, output_padding=[0, 1]))
    assert np.array_equal(head.sums(codes[:, :, 0, 0]), dot(head.tensor, codes[:, :, 0, 0]))
    with pytest.raises(
        ValueError, match=r"^own is a module of the user's own; allowed: linear and convolution layers$"
    ):
        EXPORT.layers["own"].sums(codes)


def test_outputs_are_scaled_along_the_channels() -> None:
    """The last axis of a linear layer, whatever stands before it; the second one of a convolution."""
    head, stem = EXPORT.layers["head"], EXPORT.layers["stem"]
    assert head.outputs(np.full((3, 1, 2), 10)).tolist() == [[[10.0, 20.5]]] * 3
    assert stem.outputs(np.full((1, 4, 2, 1), 10)).tolist() == [[[[n * 10 + (n - 1) / 2]] * 2 for n in range(1, 5)]]


def changed(folder: Path, change: Callable[[dict[str, Any], dict[str, str]], Any]) -> str:
    """What is said of an export whose second file was changed."""
    EXPORT.save(folder)
    file = TensorFile(folder / NETWORK)
    arrays, metadata = {name: file.read(name) for name in file.entries}, dict(file.metadata)
    change(arrays, metadata)
    write_tensors(folder / NETWORK, arrays, metadata)
    with pytest.raises(TensorFileError) as error:
        load_export(folder)
    return str(error.value)


def without(key: str) -> Callable[[dict[str, Any], dict[str, str]], Any]:
    """A change: the entry of every layer that way is gone."""

    def change(arrays: dict[str, Any], metadata: dict[str, str]) -> None:
        rows = json.loads(metadata["layers"])
        for row in rows:
            del row[key]
        metadata["layers"] = json.dumps(rows)

    return change


@pytest.mark.parametrize("key", ["graph", "layers", "weights_sha256"])
def test_missing_metadata(tmp_path: Path, key: str) -> None:
    said = changed(tmp_path, lambda arrays, metadata: metadata.pop(key))
    assert said == f"{NETWORK}: '{key}' is missing or of the wrong kind"


@pytest.mark.parametrize("key", ["name", "act_format"])
def test_missing_entries_of_layers(tmp_path: Path, key: str) -> None:
    assert changed(tmp_path, without(key)) == f"{NETWORK}: '{key}' is missing or of the wrong kind"


def test_missing_kinds_and_arrays(tmp_path: Path) -> None:
    assert "missing 1 required keyword-only argument: 'kind'" in changed(tmp_path, without("kind"))
    said = changed(tmp_path, lambda arrays, metadata: arrays.pop("head.bias"))
    assert said == f"{NETWORK}: 'head.bias' is missing or of the wrong kind"


def test_weights_of_another_export_are_refused(tmp_path: Path) -> None:
    """Its file has the same layers and shapes, but other words."""
    EXPORT.save(tmp_path)
    others = {name: random_tensor(FMT, KINDS[name][1], seed=99) for name in KINDS}
    save_model(tmp_path / WEIGHTS, others)
    with pytest.raises(TensorFileError, match=f"^{WEIGHTS} is not the one of this export$"):
        load_export(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError):
        load_export(tmp_path)
