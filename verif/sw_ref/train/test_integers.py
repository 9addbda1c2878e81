"""Training in integers: every tensor is, code for code, what the golden of the exported network computes."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.tasks import TASKS
from sw_ref.export import load_export
from sw_ref.network import Network, execute, quantize
from sw_ref.train import Integers, Quantization, finalize, prepare, settle_batch_norm, to_integers
from sw_ref.train.operators import standard
from verif.sw_ref.train.nets import FMT, SEED, Net, prepared


class Block(nn.Module):
    """Layers of every kind, and what may follow them: signed inputs, tables, sums, several readers of a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, (3, 5), stride=(1, 2), bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.expand = nn.Conv2d(8, 12, 1)
        self.up = nn.ConvTranspose2d(12, 8, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.dilated = nn.Conv2d(8, 8, 3, dilation=2, padding=2)
        self.head = nn.Linear(12, 5)
        self.swish, self.drop, self.pool = nn.Hardswish(), nn.Dropout(), nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Any:
        x = functional.relu6(self.norm(self.stem(functional.pad(x, (2, 2, 1, 1)))))
        y = self.expand(self.swish(self.depthwise(x)))
        z = functional.avg_pool2d(torch.tanh(self.up(y)), 2) + functional.silu(x)
        x = torch.cat([self.pool(functional.relu(x + self.drop(self.dilated(z)))), self.pool(z)], 1)
        x = functional.pixel_shuffle(functional.interpolate(x, scale_factor=2), 2)
        return functional.interpolate(x, scale_factor=(2, 4), mode="bilinear"), self.head(y.mean((2, 3)).flatten(1))


class Line(nn.Module):
    """Along time: 1-D layers, and a sum that no layer can do."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 6, 5, stride=2, padding=2), nn.Conv1d(6, 6, 3, padding=1, groups=3)
        self.pool, self.last = nn.AvgPool1d(2), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        a = functional.relu(self.first(x))
        b = functional.relu(self.second(a))
        return self.last(self.pool(a + b).mean(2))


def block() -> tuple[nn.Module, Tensor]:
    """Norm gains of either sign, and of 0."""
    net = Block()
    with torch.no_grad():
        net.norm.weight.copy_(torch.tensor([-2.0, 0.0, 1.0, -0.5, 0.0, 3.0, 1.0, 0.1]))
        net.norm.bias.copy_(torch.linspace(-1, 2, 8))
    return net, torch.randn(4, 2, 8, 16)


def of_task(task: str, network: str) -> tuple[nn.Module, Tensor]:
    return TASKS[task].build(network, 1), next(iter(TASKS[task].batches(1, 0)))[0][:2]


NETS: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "block": block,
    "line": lambda: (Line(), torch.randn(4, 3, 20)),
    "residual": lambda: of_task("classify", "residual"),
    "separable": lambda: of_task("classify", "separable"),
    "unet": lambda: of_task("enhance", "unet"),
    "dilated": lambda: of_task("segment", "dilated"),
}


def made(name: str, method: str = "stlq") -> tuple[nn.Module, Quantization, Tensor]:
    """A prepared network whose v is 0, and inputs."""
    torch.manual_seed(SEED)
    net, inputs = NETS[name]()
    settle_batch_norm(net, [inputs])
    quantization = prepare(net, method=method, fmt=FMT, ratio=0.3, calibration=[inputs], tile=(4, 4))
    quantization.step(1.0)
    return net.eval(), quantization, inputs


def train(integers: Integers, inputs: Tensor, steps: int) -> list[float]:
    """Steps towards other outputs; the losses."""
    torch.manual_seed(SEED)
    wanted = [torch.randn_like(y) for y in results(integers(inputs))]
    optimizer = torch.optim.Adam(integers.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = torch.stack([functional.mse_loss(y, w) for y, w in zip(results(integers(inputs)), wanted, strict=True)])
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
        losses.append(float(loss.sum().detach()))
    return losses


def results(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def differing(integers: Integers, network: Network, inputs: Tensor) -> list[str]:
    """The tensors in which the golden has other codes."""
    codes = integers.codes(inputs)
    golden = execute(network, quantize(network, {"input_0": standard(inputs).numpy()}), keep=network.tensors)
    assert list(golden) == list(network.tensors)
    assert all(golden[name].shape[0] == len(inputs) for name in golden)
    return [name for name, array in golden.items() if not np.array_equal(array, codes[name].numpy())]


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
        assert float((found - wanted).square().sum()) < 0.2 * float(wanted.square().sum())
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


class Refused(nn.Module):
    """What a network in integers cannot have."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)
        self.gain = nn.Parameter(torch.ones(6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.twice(self.twice(x)))
        a, b = (x * self.gain).chunk(2, 1)
        return (a * b).softmax(1)


def test_all_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    net, inputs = Refused(), torch.rand(3, 6)
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    before = copy.deepcopy(net.state_dict())
    expected = [
        "Linear twice: it runs more than once; needed: a layer for each run",
        "Linear twice:2: it runs more than once; needed: a layer for each run",
        "LayerNorm norm: no operator of the integer network does it",
        "mul mul_3: it takes a constant tensor; needed: a layer that has it as its weight or bias",
        "chunk chunk_4: it gives, or is given, several tensors at once; needed: one",
        "mul mul_5: it gives, or is given, several tensors at once; needed: one",
        "softmax softmax_6: no operator of the integer network does it",
    ]
    with pytest.raises(ValueError, match=f"^{re.escape('; '.join(expected))}$"):
        to_integers(net, quantization, inputs)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    export = finalize(net, quantization, inputs)
    assert (export.integers, export.refused) == (None, "; ".join(expected))
    (tmp_path / "integers.safetensors").write_bytes(b"of an export before")
    export.save(tmp_path)
    assert not (tmp_path / "integers.safetensors").exists()
    assert (load_export(tmp_path).integers, load_export(tmp_path).refused) == (None, export.refused)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: torch.add(x, x, alpha=2), "add add_1: no operator of the integer network makes [4, 6, 1, 10]"),
        (lambda x: x.mean(1, keepdim=True), "mean mean_1: no operator of the integer network makes [4, 1, 1, 10]"),
        (lambda x: functional.interpolate(x, scale_factor=3, mode="linear"), "factor is 3; allowed: 1, 2 or 4"),
        (lambda x: functional.avg_pool1d(x, 3, 1, 1, False, False), "avg_pool1d avg_pool1d_1: no operator of the"),
        (lambda x: x.transpose(1, 2), "transpose transpose_1: no operator of the integer network does it"),
    ],
)
def test_what_only_looks_like_an_operator_is_refused(change: Callable[[Tensor], Tensor], message: str) -> None:
    class Changed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv1d(3, 6, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return change(self.first(x))

    net, inputs = Changed(), torch.randn(4, 3, 10)
    quantization = prepare(net, method="no-v", fmt=FMT, ratio=0.5, calibration=[inputs])
    with pytest.raises(ValueError, match=re.escape(message)):
        to_integers(net, quantization, inputs)


def test_v_above_0_and_own_layers_are_refused() -> None:
    net, quantization = prepared()
    inputs = torch.rand(2, 3, 8, 8)
    with pytest.raises(ValueError, match=r"^stem: v is not 0; allowed: 0 \(step to the end\); depthwise: v is not 0"):
        to_integers(net, quantization, inputs)
    quantization.step(1.0)
    with pytest.raises(ValueError, match=r"^own: it computes something of its own; needed: a linear or a convolution"):
        to_integers(net, quantization, inputs)
    assert isinstance(net, Net)
