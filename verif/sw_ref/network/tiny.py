"""Networks of the shapes of MLPerf Tiny, with random words: for measurements, not for what they compute."""

from dataclasses import dataclass, field

import numpy as np

from sw_ref.format import StlqFormat
from sw_ref.network import AveragePool, Conv, Linear, Network, Node, Requantizer, TensorInfo
from sw_ref.network.operator import Operator, Shape
from verif.sw_ref.random_model import random_tensor

FORMAT = StlqFormat(act_signed=False)
TILE = (8, 8)


@dataclass
class Chain:
    """A network that grows layer by layer; each layer's codes spread over their range."""

    shape: Shape
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tensors["x"] = TensorInfo(shape=self.shape, step=1.0)

    def add(self, source: str, options: Operator, weights: tuple[int, ...] = (), more: str = "") -> str:
        """A node that reads `source`, and adds the tensor `more` if there is one; returns its output's name."""
        name = f"layer{len(self.nodes)}"
        shape = options.output_shape([self.tensors[source].shape], weights)
        fan = int(np.prod(weights[1:])) if weights else 64
        shift = 5 + (fan.bit_length() // 2) if weights else 6
        requantizer = Requantizer(
            bias=np.full(shape[0], 128 << shift if weights else 0, np.int64),
            multiplier=np.ones(shape[0], np.int32),
            shift=np.full(shape[0], shift, np.uint8),
            add_multiplier=np.full(shape[0], 1 << shift, np.int32) if more else None,
            high=FORMAT.act_max,
        )
        self.tensors[name] = TensorInfo(shape=shape, step=1.0)
        tensor = random_tensor(FORMAT, weights, len(self.nodes), TILE, ratio=0.15) if weights else None
        node = Node(
            name=name,
            inputs=(source, more) if more else (source,),
            output=name,
            options=options,
            weights=tensor,
            requantizer=requantizer,
        )
        self.nodes.append(node)
        return name

    def conv(self, source: str, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, more: str = "") -> str:
        """A convolution that keeps the size, or halves it."""
        channels, rows, _ = self.tensors[source].shape
        total = max((-(-rows // stride) - 1) * stride + kernel - rows, 0)
        before, after = total // 2, total - total // 2
        options = Conv(stride=(stride, stride), padding=(before, before, after, after), groups=groups)
        return self.add(source, options, (outputs, channels // groups, kernel, kernel), more)

    def finish(self, source: str, classes: int) -> Network:
        """A global pool and the classes."""
        channels, rows, columns = self.tensors[source].shape
        pooled = self.add(source, AveragePool(kernel=(rows, columns)))
        output = self.add(pooled, Linear(), (classes, channels))
        return Network(
            format=FORMAT,
            tile=TILE,
            tensors=self.tensors,
            nodes=tuple(self.nodes),
            inputs=("x",),
            outputs=(output,),
        )


def resnet8() -> Network:
    """Image classification: 12.5 million multiplications."""
    chain = Chain((3, 32, 32))
    last = chain.conv("x", 16, 3)
    last = chain.conv(chain.conv(last, 16, 3), 16, 3, more=last)
    for channels in (32, 64):
        side = chain.conv(last, channels, 1, 2)
        last = chain.conv(chain.conv(last, channels, 3, 2), channels, 3, more=side)
    return chain.finish(last, 10)


def mobilenet() -> Network:
    """Visual wake words, a MobileNetV1 0.25: 7.5 million multiplications, depthwise convolutions."""
    chain = Chain((3, 96, 96))
    last = chain.conv("x", 8, 3, 2)
    plan = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    for channels, stride in plan:
        inputs = chain.tensors[last].shape[0]
        last = chain.conv(chain.conv(last, inputs, 3, stride, groups=inputs), channels, 1)
    return chain.finish(last, 2)
