"""Small networks that hold every kind of layer, and a few steps of training for them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sw_ref.format import StlqFormat
from sw_ref.train import METHODS, Method, Quantization, prepare
from sw_ref.train.layers import Batch

SEED = 20260
FMT = StlqFormat(bits=3, act_bits=6)


class Scaled(nn.Module):
    """A user's own layer: a matrix product with a cosine in it, and a weight of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight) * 0.5


class Net(nn.Module):
    """(n, 3, 8, 8) -> (n, 5), through convolutions of every kind, a user's own layer, and linear ones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 20, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(20)
        self.depthwise = nn.Conv2d(20, 20, 3, stride=2, padding=1, groups=20)
        self.grouped = nn.Conv2d(20, 24, 3, dilation=2, padding="same", groups=2)
        self.up = nn.ConvTranspose2d(24, 18, 3, stride=2, padding=1, output_padding=1, groups=3)
        self.line = nn.Conv1d(18, 7, 5, padding=2)
        self.own = Scaled(64, 33)
        self.last = nn.Linear(33 * 7, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.stem(x)))
        x = x + functional.pad(functional.relu(self.grouped(self.depthwise(x))), (2, 2, 2, 2))[:, :20]
        x = self.up(torch.cat([x, x[:, :4]], 1)[:, :, ::2, ::2])
        return self.last(functional.relu(self.own(self.line(x.flatten(2)))).flatten(1))


LAYERS = ["stem", "depthwise", "grouped", "up", "line", "own", "last"]


def make(seed: int = SEED) -> Net:
    """The network with weights from a seed, and batch norm statistics that are not 0 and 1."""
    torch.manual_seed(seed)
    net = Net()
    with torch.no_grad():
        for _ in range(3):
            net(images(seed)[0])
    return net


def images(seed: int = SEED, count: int = 12) -> tuple[Tensor, Tensor]:
    """Inputs and labels."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 8, 8, generator=random), torch.randint(5, (count,), generator=random)


def prepared(method: str | Method = "stlq", model: nn.Module | None = None, **options: Any) -> tuple[Any, Quantization]:
    """A network and its quantization; `options` are those of prepare."""
    net = make() if model is None else model
    inputs, labels = images()
    calibration: list[Batch] = [inputs]
    defaults: dict[str, Any] = {
        "method": method,
        "fmt": FMT,
        "ratio": 0.25,
        "calibration": calibration,
        "tile": (8, 4),
        "task_loss": lambda m: [functional.cross_entropy(m(inputs), labels) for _ in range(2)],
    }
    return net, prepare(net, **{**defaults, **options})


def train(
    net: nn.Module,
    quantization: Quantization,
    *,
    steps: int = 8,
    start: int = 0,
    optimizer: Any = None,
    evaluating: bool = False,
) -> Any:
    """Steps `start`.. of 8 in all, with batch norm as in evaluation if so; returns the optimizer."""
    total = 8
    optimizer = optimizer or torch.optim.Adam(quantization.parameter_groups(lr=1e-2))
    net.train(not evaluating)
    for number in range(start, start + steps):
        inputs, labels = images(SEED + number)
        loss = functional.cross_entropy(net(inputs), labels) + quantization.penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        quantization.step((number + 1) / total)
    return optimizer


def gradient(tensor: Tensor) -> Tensor:
    """The gradient that a backward pass left, which is a tensor or a failed test."""
    assert tensor.grad is not None
    return tensor.grad


WORD_METHODS = [name for name, method in METHODS.items() if method.weights == "words"]
