"""ResNet-18 and MobileNetV2 for pictures of 224 x 224, as ONNX with random weights: no file is needed.

Batch norms are left out, as they are folded into the convolutions before inference.
Architectures: He et al., arXiv 1512.03385, table 1; Sandler et al., arXiv 1801.04381, table 2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, CLASSES = 13, 1000
INPUT = (3, 224, 224)
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNetV2's blocks: expansion, output channels, repetitions, stride of the first one."""


@dataclass(kw_only=True)
class _Builder:
    """The nodes so far; `random` gives the weights, with He et al.'s variance (arXiv 1502.01852)."""

    random: np.random.Generator
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, name: str, *shape: int) -> str:
        values = self.random.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, x: str, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> str:
        at = f"conv_{len(self.nodes)}"
        names = [self.weight(f"{at}.weight", outputs, inputs // groups, kernel, kernel)]
        names.append(self.weight(f"{at}.bias", outputs))
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": groups}
        return self.node("Conv", x, *names, **sizes)

    def classifier(self, x: str, inputs: int) -> str:
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        weights = self.weight("classifier.weight", CLASSES, inputs), self.weight("classifier.bias", CLASSES)
        return self.node("Gemm", x, *weights, transB=1)

    def relu6(self, x: str) -> str:
        return self.node("Clip", x, "zero", "six")


def _resnet18(net: _Builder) -> str:
    x = net.node("Relu", net.conv("x", 3, 64, 7, stride=2))
    x = net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    inputs = 64
    for outputs, first in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for stride in (first, 1):
            y = net.node("Relu", net.conv(x, inputs, outputs, 3, stride=stride))
            y = net.conv(y, outputs, outputs, 3)
            if stride != 1 or inputs != outputs:
                x = net.conv(x, inputs, outputs, 1, stride=stride)
            x, inputs = net.node("Relu", net.node("Add", y, x)), outputs
    return net.classifier(x, inputs)


def _mobilenet_v2(net: _Builder) -> str:
    net.weights += [numpy_helper.from_array(np.array(v, np.float32), name) for name, v in (("zero", 0), ("six", 6))]
    x, inputs = net.relu6(net.conv("x", 3, 32, 3, stride=2)), 32
    for expansion, outputs, count, first in INVERTED:
        for stride in (first, *[1] * (count - 1)):
            hidden = expansion * inputs
            y = net.relu6(net.conv(x, inputs, hidden, 1)) if expansion > 1 else x
            y = net.relu6(net.conv(y, hidden, hidden, 3, stride=stride, groups=hidden))
            y = net.conv(y, hidden, outputs, 1)
            x, inputs = net.node("Add", y, x) if (stride, inputs) == (1, outputs) else y, outputs
    return net.classifier(net.relu6(net.conv(x, inputs, 1280, 1)), 1280)


LARGE: Mapping[str, Callable[[_Builder], str]] = {"resnet18": _resnet18, "mobilenet_v2": _mobilenet_v2}
"""By name."""


def large_network(name: str, seed: int = 1) -> onnx.ModelProto:
    """A network of :data:`LARGE`; the same seed gives the same weights."""
    net = _Builder(random=np.random.default_rng(seed))
    y = LARGE[name](net)
    ports = ("x", [1, *INPUT]), (y, [1, CLASSES])
    x, y = (helper.make_tensor_value_info(port, TensorProto.FLOAT, shape) for port, shape in ports)
    graph = helper.make_graph(net.nodes, name, [x], [y], net.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model
