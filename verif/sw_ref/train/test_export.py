"""finalize: the words are the trained weights, and the golden's integers, scaled, are the layers' own outputs."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sw_ref.export import Export, load_export
from sw_ref.format import StlqFormat
from sw_ref.model import load_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.train import METHODS, Quantization, finalize, prepare
from sw_ref.train.graph import record_graph
from sw_ref.train.layers import evaluating, to_outputs_first
from verif.sw_ref.train.nets import FMT, LAYERS, WORD_METHODS, images, prepared, train


def exported(method: Any = "stlq", steps: int = 8, **options: Any) -> tuple[Any, Quantization, Export]:
    net, quantization = prepared(method, **options)
    train(net, quantization, steps=steps)
    return net, quantization, finalize(net, quantization, images()[0])


def traffic(net: nn.Module, export: Export, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What each layer is given, before it is quantized, and what it (or its batch norm) returns."""
    given: dict[str, Tensor] = {}
    returned: dict[str, Tensor] = {}
    for name, layer in export.layers.items():

        def before(module: nn.Module, args: Any, name: str = name) -> None:
            given[name] = args[0]

        def after(module: nn.Module, args: Any, output: Tensor, name: str = name) -> None:
            returned[name] = output

        net.get_submodule(name).register_forward_pre_hook(before, prepend=True)
        net.get_submodule(layer.norm or name).register_forward_hook(after)
    with evaluating(net), torch.no_grad():
        net(inputs)
    return {name: (given[name], returned[name]) for name in export.layers}


@pytest.mark.parametrize("method", WORD_METHODS)
def test_words_are_the_trained_weights(method: str) -> None:
    net, quantization, export = exported(method)
    assert list(export.layers) == LAYERS
    for name, words in quantization.words():
        layer = net.get_submodule(name)
        trained = to_outputs_first(layer.weight.detach(), words.transposed_groups).numpy()
        tensor = export.layers[name].tensor
        assert np.array_equal(tensor.dequantize(), trained)
        if words.granularity == "tile":
            assert np.array_equal(tensor.two_word, words.selection.numpy())
        # What quantize would write, given the same scale and blocks.
        original = layer.parametrizations["weight"].original.detach()
        again = quantize_tensor(
            to_outputs_first(original, words.transposed_groups).numpy(),
            tensor.format,
            tile=(8, 4),
            ratio=1,
            scale=tensor.scale,
            literal=quantization.method.literal,
        )
        assert np.array_equal(again.word1, tensor.word1)
        mask = words.tiling.expand(words.selection.numpy())
        assert np.array_equal(again.word2 * mask, tensor.word2)


@pytest.mark.parametrize(
    "options", [{}, {"granularity": "filter"}, {"granularity": "element"}, {"activations": "pact"}]
)
@pytest.mark.parametrize("method", ["stlq", "stlq-literal", replace(METHODS["no-v"], per_channel=True)])
def test_golden_integers_are_the_layers_outputs(method: Any, options: dict[str, Any]) -> None:
    net, _, export = exported(method, **options)
    compared = 0
    for name, (given, returned) in traffic(net, export, images(5)[0]).items():
        layer = export.layers[name]
        codes = net.get_submodule(name).act_quantizer.codes(given).numpy()
        assert layer.act_format.act_min <= codes.min() < codes.max() <= layer.act_format.act_max
        if layer.kind == "custom":
            with pytest.raises(ValueError, match="own is a module of the user's own; allowed: linear and convolution"):
                layer.sums(codes)
            continue
        found = layer.outputs(layer.sums(codes))
        assert found.shape == returned.shape
        assert np.abs(found - returned.numpy()).max() <= 2e-6 * float(returned.abs().max())
        compared += 1
    assert compared == 6


def test_codes_are_those_of_the_numpy_quantizer() -> None:
    net, _, export = exported()
    for name, (given, _) in traffic(net, export, images(5)[0]).items():
        layer, quantizer = export.layers[name], net.get_submodule(name).act_quantizer
        exact = given.numpy() / np.float32(layer.act_step)
        expected = np.clip(np.floor(exact + np.float32(0.5)), layer.act_format.act_min, layer.act_format.act_max)
        assert np.array_equal(quantizer.codes(given).numpy(), expected)
        assert np.allclose(quantizer(given).detach().numpy(), expected * layer.act_step, rtol=1e-6)


def test_common_format_holds_all_activations() -> None:
    _, _, export = exported()
    formats = {layer.tensor.format for layer in export.layers.values()}
    assert formats == {StlqFormat(bits=3, act_bits=7, act_signed=True)}
    own = {(layer.act_format.act_bits, layer.act_format.act_signed) for layer in export.layers.values()}
    assert own == {(6, True), (6, False)}


def test_graph_says_what_is_computed_from_what() -> None:
    _, _, export = exported()
    nodes = {node.name: node for node in export.graph}
    assert [name for name in nodes if name in LAYERS] == LAYERS
    assert export.layers["stem"].norm == "norm"
    assert "norm" not in nodes
    assert nodes["stem"].inputs == ["input_0"]
    (relu,) = nodes["depthwise"].inputs
    # The batch norm is part of the layer before it.
    assert (nodes[relu].op, nodes[relu].inputs) == ("relu", ["stem"])
    assert nodes["grouped"].inputs == ["depthwise"]
    adds = [node for node in export.graph if node.op == "add"]
    assert len(adds) == 1
    assert adds[0].inputs[0] == relu
    assert len(adds[0].inputs) == 2
    known = {"input_0", *nodes}
    assert all(source in known for node in export.graph for source in node.inputs)


def test_each_node_has_a_name_of_its_own() -> None:
    class Named(nn.Module):
        """A module that runs twice, and modules with the names that functions and inputs would get."""

        def __init__(self) -> None:
            super().__init__()
            self.input_0, self.neg_3, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            hidden = self.relu(self.input_0(self.relu(x)))
            return self.neg_3(torch.neg(hidden))

    graph = record_graph(Named(), ["input_0", "neg_3"], torch.rand(2, 4))
    assert [(node.name, node.op, node.inputs, node.module) for node in graph.nodes] == [
        ("relu", "ReLU", ["input_0:2"], "relu"),
        ("input_0", "Linear", ["relu"], "input_0"),
        ("relu:2", "ReLU", ["input_0"], "relu"),
        ("neg_3:2", "neg", ["relu:2"], None),
        ("neg_3", "Linear", ["neg_3:2"], "neg_3"),
    ]
    assert graph.returned == ["neg_3"]
    assert [graph.runs_once(name) for name in ("relu", "input_0", "neg_3")] == [False, True, True]


def test_files_hold_the_export(tmp_path: Path) -> None:
    _, _, export = exported()
    export.save(tmp_path / "out")
    for name, tensor in load_model(tmp_path / "out/weights.safetensors").items():
        assert np.array_equal(tensor.integers(), export.layers[name].tensor.integers())
    read = load_export(tmp_path / "out")
    assert read.graph == export.graph
    codes = np.zeros((1, 3, 8, 8), int) + 5
    stem, again = export.layers["stem"], read.layers["stem"]
    assert np.array_equal(stem.outputs(stem.sums(codes)), again.outputs(again.sums(codes)))
    for name, layer in export.layers.items():
        for key in ("name", "kind", "options", "norm", "act_step", "act_format"):
            assert getattr(read.layers[name], key) == getattr(layer, key), (name, key)
    before = (tmp_path / "out/network.safetensors").read_bytes()
    export.save(tmp_path / "out")
    assert (tmp_path / "out/network.safetensors").read_bytes() == before


def test_files_of_two_exports_are_refused(tmp_path: Path) -> None:
    exported("one-word")[2].save(tmp_path / "one")
    exported("two-word")[2].save(tmp_path / "two")
    (tmp_path / "two/weights.safetensors").replace(tmp_path / "one/weights.safetensors")
    with pytest.raises(ValueError, match=r"weights\.safetensors is not the one of this export"):
        load_export(tmp_path / "one")


def test_finalize_changes_nothing() -> None:
    net, quantization, _ = exported()
    net.train()
    before = copy.deepcopy(net.state_dict())
    finalize(net, quantization, images()[0])
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_layer_with_a_forward_of_its_own_is_custom() -> None:
    class Doubled(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    net, inputs = nn.Sequential(Doubled(6, 4)), torch.randn(5, 6)
    export = finalize(net, prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs]), inputs)
    assert export.layers["0"].kind == "custom"
