"""Batch norms of an export: folded where they are a layer's alone, else exported with all that lies between layers."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sw_ref.export import load_export
from sw_ref.network import execute, quantize
from sw_ref.train import finalize, prepare, to_integers
from verif.sw_ref.train.nets import FMT, LAYERS, SEED, Net, images, prepared


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


class BatchNormAct(nn.BatchNorm2d):
    """As timm has it in all of its networks: a norm that calls the function, with an activation inside."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = nn.ReLU()

    def forward(self, input: Tensor) -> Tensor:
        mean, variance = self.running_mean, self.running_var
        return self.act(functional.batch_norm(input, mean, variance, self.weight, self.bias, False, 0.0, self.eps))


OF_OTHERS: dict[str, tuple[Any, str]] = {
    "timm": (BatchNormAct, "batch_norm batch_norm_1: it takes a constant tensor; needed: a layer that has it"),
    "frozen": (Frozen, "mul mul_1: it takes a constant tensor; needed: a layer that has it as its weight or bias"),
    "layer norm": (
        lambda channels: nn.LayerNorm([channels, 7, 7]),
        "LayerNorm 1: no operator of the integer network does it",
    ),
    "sync": (nn.SyncBatchNorm, ""),
    "prelu": (lambda _: nn.PReLU(), "PReLU 1: no operator of the integer network does it"),
}


def with_norm(kind: str) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(SEED)
    return nn.Sequential(nn.Conv2d(3, 6, 3), OF_OTHERS[kind][0](6), nn.Conv2d(6, 4, 3)).eval(), torch.rand(2, 3, 9, 9)


@pytest.mark.parametrize("kind", OF_OTHERS)
def test_norms_of_others_are_in_integers_or_refused_before_training(kind: str) -> None:
    net, inputs = with_norm(kind)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    choices: dict[str, Any] = {"method": "no-v", "fmt": FMT, "ratio": 0.5, "calibration": [inputs], "integers": True}
    refusal = OF_OTHERS[kind][1]
    if refusal:
        with pytest.raises(ValueError, match=re.escape(refusal)):
            prepare(net, **choices)
        assert net.state_dict().keys() == before.keys()
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        return
    quantization = prepare(net, **choices)
    integers = to_integers(net, quantization, inputs)
    network = finalize(net, quantization, inputs).integers
    assert network is not None
    golden = execute(network, quantize(network, {"input_0": inputs.numpy()}), keep=network.tensors)
    assert all(np.array_equal(golden[name], codes.numpy()) for name, codes in integers.codes(inputs).items())


@pytest.mark.parametrize("kind", OF_OTHERS)
def test_no_parameter_of_a_norm_is_lost(kind: str) -> None:
    """Every tensor of the model is in the export: as a parameter, or folded into the layer before."""
    net, inputs = with_norm(kind)
    names = {name for name in net.state_dict() if name.startswith("1.")}
    export = finalize(net, prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs]), inputs)
    if kind == "sync":
        assert export.layers["0"].norm == "1"
    elif kind == "frozen":
        assert {"constant_0", "constant_1"} <= export.parameters.keys()
    else:
        assert names - {"1.num_batches_tracked"} <= export.parameters.keys()
