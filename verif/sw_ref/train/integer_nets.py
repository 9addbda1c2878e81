"""Networks for training in integers, the training, and the comparison with the golden."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.tasks import TASKS
from sw_ref.network import Network, execute, quantize
from sw_ref.train import Integers, Quantization, prepare, settle_batch_norm
from sw_ref.train.operators import standard
from verif.sw_ref.train.nets import FMT, SEED


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
