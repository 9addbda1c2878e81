"""ResNet-18 and MobileNetV2 for pictures of 224 x 224, in integers with random one-word weights: no file is needed.

Nothing is converted, as calibration would say nothing of random weights.  What an inference costs depends on shapes.
Architectures: He et al., arXiv 1512.03385, table 1; Sandler et al., arXiv 1801.04381, table 2.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.networks.converted import FORMAT
from sw_ref.model import StlqTensor
from sw_ref.network import AveragePool, Conv, MaxPool, Network, Node, Requantizer, TensorInfo
from sw_ref.network.operator import Operator
from sw_ref.tiling import Tiling

CLASSES, INPUT = 1000, (3, 224, 224)
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNetV2's: expansion, output channels, repetitions, stride of the first one."""
MIDDLE = 128
"""Zero point of what may be negative."""
SPREAD = math.log2(10 * 80 / 60)
"""Bits from a code's weight, about 10 * 80 at random, to outputs that spread over the codes, about 60."""


@dataclass(kw_only=True)
class _Builder:
    """The nodes so far, each named after its output."""

    random: np.random.Generator
    tile: tuple[int, int]
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def node(self, options: Operator, *inputs: str, zero: int, shape: tuple[int, ...] = (), **parts: object) -> str:
        """A new node; `shape`: of its weights, which are random."""
        name = f"{options.op}{len(self.nodes)}"
        weights = self._weights(shape) if shape else None
        self.nodes.append(Node(name=name, inputs=inputs, output=name, options=options, weights=weights, **parts))  # type: ignore[arg-type]
        output = options.output_shape([self.tensors[tensor].shape for tensor in inputs], shape)
        self.tensors[name] = TensorInfo(shape=output, step=1.0, zero=zero)
        return name

    def _weights(self, shape: tuple[int, ...]) -> StlqTensor:
        """Every code but the lowest, which has no opposite: sums are 0 on average."""
        words = self.random.integers(1 - FORMAT.levels, FORMAT.levels, shape).astype(np.int8)
        flags = np.zeros(Tiling.of(shape, self.tile).grid, np.uint8)
        parts = {"word1": words, "word2": np.zeros_like(words), "two_word": flags, "scale": np.ones((), np.float32)}
        return StlqTensor(**parts, format=FORMAT, tile=self.tile)

    def conv(
        self, x: str, outputs: int, kernel: int = 1, *, stride: int = 1, zero: int = 0, added: str | None = None
    ) -> str:
        """A convolution, of each channel alone if `outputs` is 0.  With zero point 0 it ends with a ReLU."""
        channels = self.tensors[x].shape[0]
        groups, outputs = (1, outputs) if outputs else (channels, channels)
        shape = (outputs, channels // groups, kernel, kernel)
        shift = round(SPREAD + math.log2(math.prod(shape[1:])) / 2)
        full = np.ones(outputs, np.int32)
        requantizer = Requantizer(
            bias=self.random.integers(-5000, 5000, outputs),
            multiplier=full,
            shift=np.full(outputs, shift, np.uint8),
            add_multiplier=full << shift if added else None,
            high=FORMAT.act_max,
        )
        side = kernel // 2
        options = Conv(stride=(stride, stride), padding=(side, side, side, side), groups=groups)
        inputs = (x, added) if added else (x,)
        return self.node(options, *inputs, zero=zero, shape=shape, requantizer=requantizer)

    def classifier(self, x: str) -> str:
        """The mean of each channel, and a score for each class."""
        channels, *size = self.tensors[x].shape
        # 5 / 256 is about 1 / 49.
        mean = Requantizer(
            bias=np.zeros(channels, np.int64),
            multiplier=np.full(channels, 5, np.int32),
            shift=np.full(channels, 8, np.uint8),
            high=FORMAT.act_max,
        )
        x = self.node(AveragePool(kernel=(size[0], size[1])), x, zero=0, requantizer=mean)
        return self.conv(x, CLASSES, zero=MIDDLE)


def _resnet18(net: _Builder, x: str) -> str:
    x = net.conv(x, 64, 7, stride=2)
    x = net.node(MaxPool(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)), x, zero=0)
    for outputs, first in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for stride in (first, 1):
            y = net.conv(x, outputs, 3, stride=stride)
            if net.tensors[y].shape != net.tensors[x].shape:
                x = net.conv(x, outputs, stride=stride, zero=MIDDLE)
            x = net.conv(y, outputs, 3, added=x)
    return net.classifier(x)


def _mobilenet_v2(net: _Builder, x: str) -> str:
    x = net.conv(x, 32, 3, stride=2)
    for expansion, outputs, count, first in BLOCKS:
        for stride in (first, *[1] * (count - 1)):
            channels = net.tensors[x].shape[0]
            y = net.conv(x, expansion * channels) if expansion > 1 else x
            y = net.conv(y, 0, 3, stride=stride)
            added = x if (stride, channels) == (1, outputs) else None
            x = net.conv(y, outputs, zero=MIDDLE, added=added)
    return net.classifier(net.conv(x, 1280))


LARGE: Mapping[str, Callable[[_Builder, str], str]] = {"resnet18": _resnet18, "mobilenet_v2": _mobilenet_v2}
"""By name."""


def large_network(name: str, side: int, seed: int = 1) -> Network:
    """A network of :data:`LARGE` for tiles of `side` x `side`; the same seed gives the same weights."""
    net = _Builder(random=np.random.default_rng(seed), tile=(side, side))
    net.tensors["x"] = TensorInfo(shape=INPUT, step=1.0, zero=MIDDLE)
    y = LARGE[name](net, "x")
    return Network(
        format=FORMAT, tile=net.tile, tensors=net.tensors, nodes=tuple(net.nodes), inputs=("x",), outputs=(y,)
    )
