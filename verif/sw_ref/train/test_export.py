"""finalize: the words are the trained weights, and the golden's integers, scaled, are the layers' own outputs."""

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sw_ref.export import Export, load_export
from sw_ref.format import StlqFormat
from sw_ref.model import load_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.train import METHODS, Quantization, finalize, prepare
from sw_ref.train.graph import record_graph
from sw_ref.train.layers import evaluating, to_outputs_first
from verif.sw_ref.train.nets import FMT, LAYERS, SEED, WORD_METHODS, Net, images, make, prepared, train


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


def test_v_above_0_is_refused() -> None:
    net, quantization = prepared()
    train(net, quantization, steps=2)
    with pytest.raises(ValueError, match=r"stem: v is not 0 in \d+ of \d+ blocks; allowed: 0 \(step to the end\)"):
        finalize(net, quantization, images()[0])
    quantization.step(1.0)
    finalize(net, quantization, images()[0])


def test_words_that_are_not_the_trained_weights_are_refused() -> None:
    net, quantization = prepared("no-v")
    _, words = next(quantization.words())
    words.scale *= 2  # its words are found by what was made of the scale before
    with pytest.raises(ValueError, match=r"^stem: its words do not stand for the weights that it trained with$"):
        finalize(net, quantization, images()[0])


@pytest.mark.parametrize("method", ["float", "lsq3", "lsq4", "apot3"])
def test_methods_without_words_are_refused(method: str) -> None:
    net, quantization = prepared(method)
    with pytest.raises(ValueError, match=rf"method is {method}; allowed: one whose weights are words"):
        finalize(net, quantization, images()[0])


def test_float_activations_are_refused() -> None:
    net, quantization = prepared("no-v", activations=None)
    with pytest.raises(ValueError, match=r"stem: its activations are float; allowed: a model prepared with activ"):
        finalize(net, quantization, images()[0])


@pytest.mark.parametrize("options", [{"args": [[5, 5]]}, {"output_size": [5, 5]}])
def test_a_layer_called_with_more_than_its_input_is_refused(options: dict[str, Any]) -> None:
    class Sized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.up(x, *options.get("args", []), **{k: v for k, v in options.items() if k != "args"})

    net, inputs = Sized(), torch.rand(2, 4, 2, 2)
    line = f"up is called with {options}; allowed: its input alone, the rest in the layer"
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        prepare(net, method="stlq", fmt=FMT, ratio=0.5, calibration=[inputs])
    # What cannot be exported can be compared with: by methods that export nothing, and with float activations.
    prepare(copy.deepcopy(net), method="lsq3", fmt=FMT, ratio=0.5, calibration=[inputs])
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs], activations=None)
    assert list(quantization.layers) == ["up"]


def test_all_that_cannot_be_exported_is_refused_at_once_before_training() -> None:
    net = make()
    net.depthwise.padding_mode = net.stem.padding_mode = "reflect"
    net.norm = nn.BatchNorm2d(20, track_running_stats=False)
    before = copy.deepcopy(net)
    expected = [
        "stem: padding_mode is 'reflect'; allowed: 'zeros'",
        "depthwise: padding_mode is 'reflect'; allowed: 'zeros'",
        "norm keeps no running statistics; allowed: track_running_stats=True",
    ]
    with pytest.raises(ValueError, match=f"^{re.escape('; '.join(expected))}$"):
        prepared("stlq", net)
    assert all(torch.equal(value, before.state_dict()[key]) for key, value in net.state_dict().items())


def test_what_changes_after_prepare_is_refused_by_finalize() -> None:
    net, quantization = prepared("no-v")
    net.depthwise.padding_mode = "reflect"
    with pytest.raises(ValueError, match=r"^depthwise: padding_mode is 'reflect'; allowed: 'zeros'$"):
        finalize(net, quantization, images()[0])


class Twice(nn.Module):
    """A linear layer and a batch norm, in ways in which the norm is not the layer's alone."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Any:
        if self.way == "layer used twice":
            return self.norm(self.a(x)) + self.a(x + 1)
        if self.way == "norm used twice":
            return self.norm(self.a(x)) + self.norm(self.b(x))
        if self.way == "returned too":
            hidden = self.a(x)
            return self.norm(hidden), {"hidden": hidden}
        if self.way == "set in between":
            hidden = self.a(x).clone()
            hidden[:, 0] = 0
            return self.norm(hidden)
        return self.norm(self.a(x.unsqueeze(1).expand(-1, 6, -1)))  # channels are not the axis of features


@pytest.mark.parametrize(
    "way", ["layer used twice", "norm used twice", "returned too", "set in between", "another axis"]
)
def test_a_norm_that_is_not_the_layers_alone_stays(way: str) -> None:
    torch.manual_seed(SEED)
    net, inputs = Twice(way), torch.randn(5, 6)
    unused = [] if way == "norm used twice" else ["b"]
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs], skip=unused)
    export = finalize(net, quantization, inputs)
    assert export.layers["a"].norm is None
    assert "BatchNorm1d" in [node.op for node in export.graph]


def test_a_layer_with_a_forward_of_its_own_is_custom() -> None:
    class Doubled(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    net, inputs = nn.Sequential(Doubled(6, 4)), torch.randn(5, 6)
    export = finalize(net, prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs]), inputs)
    assert export.layers["0"].kind == "custom"


def test_a_norm_after_something_else_stays() -> None:
    class Apart(Net):
        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return functional.relu(self.norm(x) + x).mean((2, 3))

    net, quantization = prepared("no-v", Apart(), skip=LAYERS[1:])
    export = finalize(net, quantization, images()[0])
    assert export.layers["stem"].norm is None
    assert [node.op for node in export.graph] == ["Conv2d", "BatchNorm2d", "add", "relu", "mean"]


class Frozen(nn.Module):
    """A batch norm of buffers, as detection networks have it: its tensors are taken by functions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("gain", torch.rand(channels) + 0.5)
        self.register_buffer("shift", torch.rand(channels))

    def forward(self, x: Tensor) -> Tensor:
        gain, shift = self.get_buffer("gain"), self.get_buffer("shift")
        return x * gain.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)


class NormAct(nn.BatchNorm2d):
    """A subclass that does more, as timm's: it is no plain batch norm."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).relu()


OTHERS: dict[str, tuple[Any, set[str]]] = {
    "before an activation": (nn.BatchNorm2d, {"between.weight", "between.bias", "between.running_mean"}),
    "prelu": (lambda channels: nn.PReLU(channels), {"between.weight"}),
    "layer norm": (lambda channels: nn.GroupNorm(1, channels), {"between.weight", "between.bias"}),
    "frozen": (Frozen, {"constant_0", "constant_1"}),  # as the functions take them: reshaped
    "subclass": (NormAct, {"between.weight", "between.bias", "between.running_mean", "between.running_var"}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_lies_between_layers_is_exported_with_its_parameters(kind: str, tmp_path: Path) -> None:
    maker, expected = OTHERS[kind]

    class Between(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.between, self.last = nn.Conv2d(3, 6, 3), maker(6), nn.Conv2d(6, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            return self.last(self.between(x.relu()) + x * torch.full((6, 1, 1), 0.25))

    torch.manual_seed(SEED)
    net, inputs = Between(), torch.rand(2, 3, 9, 9)
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    export = finalize(net, quantization, inputs)
    assert export.layers["first"].norm is None
    state = net.state_dict()
    assert expected <= export.parameters.keys()
    for name in expected & state.keys():
        assert np.array_equal(export.parameters[name], state[name].numpy())
    if kind == "frozen":
        assert np.array_equal(export.parameters["constant_0"].ravel(), state["between.gain"].numpy())
        assert np.array_equal(export.parameters["constant_1"].ravel(), state["between.shift"].numpy())
    # A tensor that is no parameter: it stands among the inputs of the function that takes it, with its value.
    (taker,) = (node for node in export.graph if node.op == "mul" and node.inputs[0] == "first")
    assert export.parameters[taker.inputs[1]].tolist() == [[[0.25]]] * 6
    export.save(tmp_path)
    read = load_export(tmp_path).parameters
    assert read.keys() == export.parameters.keys()
    assert all(np.array_equal(read[name], values) for name, values in export.parameters.items())


@pytest.mark.parametrize("maker", [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_gains_of_a_norm_may_be_negative_or_zero(maker: Any) -> None:
    torch.manual_seed(SEED)
    net: Any = nn.Sequential(nn.Conv2d(3, 6, 3), maker(6))
    inputs = torch.rand(2, 3, 9, 9)
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([-2.0, 0.0, 1.0, -0.5, 0.0, 3.0]))
        net[1].bias.copy_(torch.arange(6.0))
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    net.eval()
    layer = finalize(net, quantization, inputs).layers["0"]
    assert layer.norm == "1"
    codes = net[0].act_quantizer.codes(inputs).numpy()
    assert np.allclose(layer.outputs(layer.sums(codes)), net(inputs).detach().numpy(), atol=1e-5)
    assert (layer.multiplier < 0).sum() == (layer.multiplier == 0).sum() == 2
