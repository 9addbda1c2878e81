"""Channel reordering: the network computes the same, and what gains from second words is gathered."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sw_ref.train import Quantization, finalize, prepare
from sw_ref.train.graph import tensors
from sw_ref.train.layers import evaluating, to_outputs_first, transposed_groups
from verif.sw_ref.train.nets import FMT, SEED


class Chain(nn.Module):
    """Layers whose output order is free (first, with two depthwise ones after it, up, hidden), two that are read by a
    sum, and one that is the output.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 24, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24)
        self.larger = nn.ConvTranspose2d(24, 24, 2, stride=2, groups=24)
        self.up = nn.ConvTranspose2d(24, 20, 2, stride=2)
        self.summed = nn.Conv2d(20, 16, 1)
        self.side = nn.Conv2d(20, 16, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(16, 32)
        self.last = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.depthwise(functional.relu(self.norm(self.first(x)))))
        x = functional.relu(self.up(self.larger(x)))
        x = self.pool(self.summed(x) + self.side(x)).flatten(1)
        return self.last(functional.relu(self.hidden(x)))


Loss = Callable[[Any], Tensor]


def chain() -> tuple[Chain, Tensor, Loss]:
    torch.manual_seed(SEED)
    net = Chain()
    inputs, labels = torch.rand(8, 3, 8, 8), torch.randint(5, (8,))
    with torch.no_grad():
        # A few channels in no order are much larger than the others, as after training.
        net.first.weight[::5] *= 8
        net.up.weight[:, ::3] *= 8
        net(inputs)
        net.norm.weight.copy_(torch.rand(24) + 0.5)
        net.norm.bias.copy_(torch.rand(24))
    return net, inputs, lambda outputs: functional.cross_entropy(outputs, labels)


def run(method: str, net: nn.Module, inputs: Tensor, loss: Loss) -> Quantization:
    return prepare(
        net,
        method=method,
        fmt=FMT,
        ratio=0.2,
        calibration=[inputs],
        tile=(4, 4),
        task_loss=lambda m: [loss(m(inputs))],
    )


def floats(net: nn.Module) -> dict[str, Tensor]:
    return {key.replace("parametrizations.weight.original", "weight"): v for key, v in net.state_dict().items()}


def with_floats_of(net: nn.Module, before: nn.Module) -> Any:
    """A copy of `before` with the float weights of `net`, which was prepared."""
    after = copy.deepcopy(before)
    after.load_state_dict({key: v for key, v in floats(net).items() if key in before.state_dict()})
    return after


def test_the_float_network_computes_the_same() -> None:
    net, inputs, loss = chain()
    before = copy.deepcopy(net)
    run("stlq-cycles-reorder", net, inputs, loss)
    after = with_floats_of(net, before)
    with evaluating(before), evaluating(after), torch.no_grad():
        assert torch.allclose(before(inputs), after(inputs), rtol=1e-5, atol=1e-6)
    named = dict(after.named_parameters())
    moved = [name for name, value in before.named_parameters() if not torch.equal(value, named[name])]
    biases = [name.removesuffix(".bias") for name in moved if name.endswith(".bias")]
    assert biases == ["norm", "depthwise", "larger", "up"]  # the order of "hidden" saves nothing
    assert not torch.equal(before.norm.weight, after.norm.weight)
    assert sorted(before.norm.weight.tolist()) == sorted(after.norm.weight.tolist())


def test_the_same_cycles_lose_less() -> None:
    lost = {}
    for method in ("stlq-cycles", "stlq-cycles-reorder"):
        quantization = run(method, *chain())
        quantization.step(1.0)
        lost[method] = 0.0
        for name, layer in quantization._found.items():
            module: Any = quantization.layers[name]
            error = to_outputs_first(module.weight, transposed_groups(module)).detach().numpy() - layer.weight
            lost[method] += float((layer.fisher * np.square(error, dtype=np.float64)).sum())
        assert quantization.weight_cycles() <= run("stlq", *chain()).weight_cycles()
    print(lost)
    assert lost["stlq-cycles-reorder"] < 0.95 * lost["stlq-cycles"]


def test_layers_follow_the_model() -> None:
    net, inputs, loss = chain()
    quantization = run("stlq-cycles-reorder", net, inputs, loss)
    quantization.step(1.0)
    export = finalize(net, quantization, inputs)
    for name, layer in quantization._found.items():
        # The weights that the selection saw are those that the model has.
        module: Any = quantization.layers[name]
        original = module.parametrizations["weight"].original.detach()
        assert np.array_equal(to_outputs_first(original, transposed_groups(module)).numpy(), layer.weight)
        assert export.tensors[name].shape == layer.weight.shape
        assert np.array_equal(export.tensors[name].two_word, layer.flags)


class Scaled(nn.Conv2d):
    """A convolution with a gain of its own for each channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.gain = nn.Parameter(torch.rand(outputs))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * self.gain.reshape(1, -1, 1, 1)


class Special(nn.Module):
    """Two or three layers, and what is done with them."""

    def __init__(self, compute: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.compute = compute
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.compute(self, x)


def _both(net: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    hidden = functional.relu(net.a(x))
    return net.b(hidden), hidden


def _tied() -> Special:
    first, second, third = nn.Conv2d(4, 16, 1), nn.Conv2d(16, 4, 1), nn.Conv2d(16, 4, 1)
    third.weight = second.weight
    return Special(lambda n, x: n.b(n.a(x)) + n.c(x.repeat(1, 4, 1, 1)), a=first, b=second, c=third)


SPECIAL: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "returned too": (lambda: Special(_both, a=nn.Conv2d(4, 16, 3), b=nn.Conv2d(16, 5, 1)), (4, 6, 6)),
    "tied weights": (_tied, (4, 6, 6)),
    "one norm for two places": (
        lambda: Special(
            lambda n, x: n.c(n.r(n.b(n.r(n.a(x))))),
            a=nn.Conv2d(4, 16, 1),
            b=nn.Conv2d(16, 16, 1),
            c=nn.Conv2d(16, 4, 1),
            r=nn.BatchNorm2d(16),
        ),
        (4, 6, 6),
    ),
    "a gain of its own": (lambda: Special(lambda n, x: n.b(n.a(x)), a=Scaled(4, 16), b=nn.Conv2d(16, 5, 1)), (4, 6, 6)),
    "channels are another axis": (
        lambda: Special(lambda n, x: n.b(n.a(x)), a=nn.Conv1d(4, 16, 3, padding=1), b=nn.Linear(16, 8)),
        (4, 16),
    ),
    "another axis of another size": (
        lambda: Special(lambda n, x: n.b(n.a(x)), a=nn.Conv1d(4, 16, 3, padding=1), b=nn.Linear(20, 8)),
        (4, 20),
    ),
}


def test_one_relu_may_serve_two_places() -> None:
    torch.manual_seed(SEED)
    net: Any = Special(
        lambda n, x: n.c(n.relu(n.b(n.relu(n.a(x))))),
        a=nn.Conv2d(4, 16, 1),
        b=nn.Conv2d(16, 24, 1),
        c=nn.Conv2d(24, 4, 1),
        relu=nn.ReLU(),
    )
    inputs, labels = torch.rand(4, 4, 6, 6), torch.rand(4, 4, 6, 6)
    with torch.no_grad():
        net.a.weight[::3] *= 8
        net.b.weight[::5] *= 8
    before = copy.deepcopy(net)
    run("stlq-cycles-reorder", net, inputs, lambda outputs: (outputs - labels).square().mean())
    after = with_floats_of(net, before)
    assert torch.allclose(before(inputs), after(inputs), rtol=1e-5, atol=1e-6)
    assert not torch.equal(before.a.bias, after.a.bias)
    assert not torch.equal(before.b.bias, after.b.bias)


@pytest.mark.parametrize("case", SPECIAL)
def test_where_channels_mean_more_their_order_stays(case: str) -> None:
    make, shape = SPECIAL[case]
    torch.manual_seed(SEED)
    net, inputs = make(), torch.rand(4, *shape)
    with torch.no_grad():
        net.a.weight[::3] *= 8
        net.b.weight[:, ::3] *= 8
    before = copy.deepcopy(net.state_dict())
    run("stlq-cycles-reorder", net, inputs, lambda y: torch.stack([out.square().mean() for out in tensors(y)]).sum())
    after = floats(net)
    assert before.keys() <= after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
