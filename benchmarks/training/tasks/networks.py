"""The tasks' networks: small enough for one processor core, narrow enough that 3-bit weights hurt."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(inputs: int, outputs: int, kernel: int = 3, **options: Any) -> nn.Sequential:
    """Convolution, batch norm and ReLU; the size stays, but for a stride."""
    padding = options.get("dilation", 1) * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False, **options), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution of its own where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = convolution(outputs, outputs)[:2]  # the ReLU comes after the sum
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = convolution(inputs, outputs, 1, stride=stride)[:2]
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.second(self.first(x)) + self.shortcut(x))


def residual_network() -> nn.Module:
    """Three residual blocks, 4 to 16 channels."""
    blocks = [Residual(4, 4), Residual(4, 8, stride=2), Residual(8, 16, stride=2)]
    return nn.Sequential(convolution(1, 4), *blocks, *_classifier(16))


def separable_network() -> nn.Module:
    """Depthwise and pointwise convolutions in turn, 16 to 64 channels."""
    layers: list[nn.Module] = [convolution(1, 16, stride=2)]
    for inputs, outputs, stride in ((16, 32, 1), (32, 48, 2), (48, 64, 1)):
        layers.append(convolution(inputs, inputs, stride=stride, groups=inputs))
        layers.append(convolution(inputs, outputs, 1))
    return nn.Sequential(*layers, *_classifier(64))


def _classifier(channels: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)


class UNet(nn.Module):
    """Bayer planes (n, 4, H, W) to a picture (n, 3, 2H, 2W): two levels down and up, no batch norm, as SID's."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.down = nn.ModuleList([_pair(4, width), _pair(width, 2 * width)])
        self.bottom = _pair(2 * width, 4 * width)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2), nn.ConvTranspose2d(2 * width, width, 2, stride=2)]
        )
        self.merge = nn.ModuleList([_pair(4 * width, 2 * width), _pair(2 * width, width)])
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(width, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down[0](x)
        middle = self.down[1](self.pool(fine))
        y = self.bottom(self.pool(middle))
        y = self.merge[0](torch.cat([self.up[0](y), middle], 1))
        y = self.merge[1](torch.cat([self.up[1](y), fine], 1))
        return functional.pixel_shuffle(self.last(y), 2)


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


class DilatedNet(nn.Module):
    """Class scores per pixel: an encoder at half size that sees far by dilation, and a bilinear enlargement."""

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            convolution(1, width, stride=2),
            convolution(width, 2 * width),
            convolution(2 * width, 2 * width, dilation=2),
            convolution(2 * width, 2 * width, dilation=4),
            convolution(2 * width, 2 * width),
        )
        self.head = nn.Conv2d(2 * width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(self.encoder(x))
        return functional.interpolate(scores, scale_factor=2, mode="bilinear", align_corners=False)
