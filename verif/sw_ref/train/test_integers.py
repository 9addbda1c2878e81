"""Training in integers: every tensor is, code for code, what the golden of the exported network computes."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sw_ref.export import load_export
from sw_ref.format import StlqFormat
from sw_ref.network import Conv, execute, quantize
from sw_ref.quantize.compensate import rounded
from sw_ref.train import finalize, to_integers
from sw_ref.train.operators import standard
from sw_ref.train.polish import polished
from sw_ref.train.weights import Words
from verif.sw_ref.train.integer_nets import NETS, differing, made, results, train
from verif.sw_ref.train.nets import FMT, SEED


@pytest.mark.parametrize("name", NETS)
def test_every_tensor_is_the_goldens(name: str) -> None:
    net, quantization, inputs = made(name)
    with torch.no_grad():
        trained = results(net(inputs))
    integers = to_integers(net, quantization, inputs)
    assert differing(integers, integers.network(), inputs) == []
    with torch.no_grad():
        snapped = results(integers(inputs))
    for wanted, found in zip(trained, snapped, strict=True):
        assert found.shape == wanted.shape
        assert float((found - wanted).square().sum()) < 0.02 * float(wanted.square().sum())
    before = integers.network()
    train(integers, inputs, 1)
    others = inputs.flip(0) * 1.5
    network = integers.network()
    assert differing(integers, network, others) == []
    assert differing(integers, before, others) != []
    made_codes = execute(network, quantize(network, {"input_0": standard(others).numpy()}))
    for output, real in zip(network.outputs, results(integers(others)), strict=True):
        info = network.tensors[output]
        assert np.allclose((made_codes[output] - float(info.zero)).ravel() * info.step, real.detach().numpy().ravel())


def test_it_learns() -> None:
    net, quantization, inputs = made("line")
    losses = train(to_integers(net, quantization, inputs), inputs, 30)
    assert losses[-1] < 0.9 * losses[0]


def test_words_stay_when_scales_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sw_ref.train.weighted.polished", lambda options, words, *others: words)
    net, quantization, inputs = made("dilated")
    layers: dict[str, tuple[Any, Words]] = {n: (net.get_submodule(n), words) for n, words in quantization.words()}

    def held() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        found = {}
        for name, (layer, words) in layers.items():
            scale = words.scale.clone()
            found[name] = layer.weight.detach() / scale.reshape(-1, 1, 1, 1), scale
        return found

    before = held()
    to_integers(net, quantization, inputs)
    for name, (weight, scale) in held().items():
        assert torch.allclose(before[name][0], weight, atol=1e-5)
        moved = scale / before[name][1]
        assert 0.8 < float(moved.min()) < 0.99 < 1.01 < float(moved.max()) < 1.25


@pytest.mark.parametrize("groups", [1, 2])
def test_polished_words_are_nearer_to_what_is_wanted(groups: int) -> None:
    random, fmt = np.random.default_rng(SEED), StlqFormat(bits=3, act_bits=6, act_signed=False)
    two_word = random.random((6, 8 // groups, 3, 3)) < 0.3
    words = rounded(random.uniform(0, 20, two_word.shape), two_word, fmt)
    smooth = random.random((4, 8, 12, 12)) + 4 * random.random((4, 1, 12, 12))
    target, options = 1.09 * words, Conv(padding=(1, 1, 1, 1), groups=groups)
    made = polished(options, words, target, two_word, smooth.astype(np.float32), fmt)

    def error(weights: np.ndarray) -> float:
        x, w = torch.from_numpy(smooth), torch.from_numpy(weights - target)
        outputs = torch.nn.functional.conv2d(x, w, padding=1, groups=groups)
        return float(outputs.var(dim=(0, 2, 3)).sum())

    assert error(made) < 0.5 * error(words)
    assert np.array_equal(made, rounded(made, two_word, fmt))


def test_settled_norms_have_the_means_that_there_are() -> None:
    net, quantization, inputs = made("dilated")
    encoder: Any = net.encoder
    integers, (layer, norm, _) = to_integers(net, quantization, inputs), encoder[1]
    with torch.no_grad():
        layer.parametrizations["weight"].original.mul_(1.3)

    def off() -> float:
        found: list[torch.Tensor] = []
        integers.visit(lambda cell, x: found.append(cell.means(x)), inputs)
        return float((found[1] - norm.running_mean).abs().max())

    assert off() > 1e-2
    integers.settle(inputs)
    assert off() < 1e-6
    assert differing(integers, integers.network(), inputs) == []


def test_operators_are_those_that_the_network_needs() -> None:
    net, quantization, inputs = made("block")
    network = to_integers(net, quantization, inputs).network()
    assert [(node.name, node.op, len(node.inputs)) for node in network.nodes] == [
        ("stem", "conv", 1),
        ("depthwise", "conv", 1),
        ("expand", "conv", 1),
        ("up", "conv_transpose", 1),
        ("avg_pool2d_9", "average_pool", 1),
        ("silu_10", "average_pool", 1),
        ("add_11", "add", 2),
        ("dilated", "conv", 2),
        ("pool", "max_pool", 1),
        ("pool:2", "max_pool", 1),
        ("cat_20", "concat", 2),
        ("interpolate_21", "resize", 1),
        ("pixel_shuffle_22", "pixel_shuffle", 1),
        ("interpolate_23.0", "pad", 1),
        ("interpolate_23.1", "conv_transpose", 1),
        ("interpolate_23.2", "conv_transpose", 1),
        ("mean_24", "average_pool", 1),
        ("head", "linear", 1),
    ]
    nodes = {node.name: node for node in network.nodes}
    tables = [
        name for name, node in nodes.items() if node.requantizer is not None and node.requantizer.table is not None
    ]
    assert tables == ["depthwise", "up", "silu_10"]
    assert nodes["stem"].options.to_dict()["padding"] == (1, 2, 1, 2)
    assert network.tensors["input_0"].zero == 1 << (FMT.act_bits - 1)
    assert (network.format.act_bits, network.format.act_signed) == (FMT.act_bits, False)


def test_the_model_and_its_export_follow() -> None:
    net, quantization, inputs = made("residual")
    integers = to_integers(net, quantization, inputs)
    frozen = {name for name, value in net.named_parameters() if not value.requires_grad}
    train(integers, inputs, 3)
    export = finalize(net, quantization, inputs)
    assert export.integers is not None
    assert differing(integers, export.integers, inputs) == []
    words = {node.name: node.weights for node in export.integers.nodes if node.weights is not None}
    assert sorted(words) == sorted(export.layers)
    for name, layer in export.layers.items():
        assert np.array_equal(words[name].integers(), layer.tensor.integers())
        node = next(node for node in export.integers.nodes if node.name == name)
        info = export.integers.tensors[node.inputs[0]]
        assert (layer.act_step, layer.act_format.act_signed) == (pytest.approx(info.step, rel=1e-6), info.zero > 0)
    assert {name.rpartition(".")[2] for name in frozen} == {"log_step", "v", "weight"}
    with pytest.raises(ValueError, match=r"^model is a copy of that in integers; allowed: the model that"):
        finalize(copy.deepcopy(net), quantization, inputs)


def test_a_changed_bias_is_seen() -> None:
    net, quantization, inputs = made("line")
    integers = to_integers(net, quantization, inputs)
    network = integers.network()
    assert network.nodes[1].requantizer is not None
    network.nodes[1].requantizer.bias[2] += 60
    assert differing(integers, network, inputs) != []


def test_ties_of_inputs_go_to_even() -> None:
    net, quantization, inputs = made("line")
    integers = to_integers(net, quantization, inputs)
    info = integers.tensors["input_0"]
    ties = (torch.arange(60).reshape(1, 3, 20) - 30.5) * torch.tensor(info.step)
    assert differing(integers, integers.network(), ties) == []
    steps = (ties.numpy() / np.float32(info.step)).ravel()
    exact = steps % 1 == 0.5
    assert exact.sum() > 20
    codes = integers.codes(ties)["input_0"].numpy().ravel() - info.zero
    assert not (codes[exact & (np.abs(steps) < 30)] % 2).any()


def test_what_was_not_trained_in_integers_is_exported_without(tmp_path: Path) -> None:
    net, quantization, inputs = made("line")
    before = copy.deepcopy(net.state_dict())
    export = finalize(net, quantization, inputs)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(value.requires_grad for value in net.parameters())
    reason = "it was not trained in integers; needed: to_integers and some epochs more, before finalize"
    assert (export.integers, export.refused, len(export.layers)) == (None, reason, 3)
    integers = to_integers(net, quantization, inputs)
    finalize(net, quantization, inputs).save(tmp_path)
    read = load_export(tmp_path).integers
    assert read is not None
    assert differing(integers, read, inputs) == []
    (tmp_path / "integers.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"integers\.safetensors is not the one of this export"):
        load_export(tmp_path)
