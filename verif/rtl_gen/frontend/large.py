"""Two networks of about five million weights and 32 pictures, to measure what `stlq convert` takes.

``python -m verif.rtl_gen.frontend.large build/large`` writes resnet18.onnx, mobilenet_v2.onnx and pictures.npy there.
Weights are random, the widths are 42/64 and 1.3 of the published ones, inputs are 3 x 224 x 224.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from verif.rtl_gen.frontend.models import write_model

SIZE, PICTURES = 224, 32


class Builder:
    """Nodes and weights of a network while it is made; each call returns the tensor that it adds."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def array(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, np.float32)
        return name

    def conv(self, x: str, shape: tuple[int, int, int], *, stride: int = 1, groups: int = 1, gain: float = 2.0) -> str:
        """A convolution (outputs, inputs, kernel) that keeps the energy of its inputs, times `gain` / 2."""
        outputs, inputs, kernel = shape
        deviation = np.sqrt(gain * groups / (inputs * kernel**2))
        weight = self.random.normal(0, deviation, (outputs, inputs // groups, kernel, kernel))
        bias = self.random.normal(0, 0.1, outputs)
        options = {"strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": groups}
        return self.add("Conv", x, self.array(weight), self.array(bias), **options)

    def classes(self, x: str, inputs: int) -> None:
        pooled = self.add("Flatten", self.add("GlobalAveragePool", x))
        weight = self.array(self.random.normal(0, inputs**-0.5, (1000, inputs)))
        self.nodes.append(helper.make_node("Gemm", [pooled, weight, self.array(np.zeros(1000))], ["y"], transB=1))

    def write(self, path: Path) -> None:
        write_model(path, self.nodes, self.constants, inputs={"x": ["n", 3, SIZE, SIZE]})


def resnet18(width: int = 42) -> Builder:
    """ResNet-18 with `width` channels in its first stage."""
    net = Builder()
    x = net.add("Relu", net.conv("x", (width, 3, 7), stride=2))
    x, inputs = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), width
    for outputs, stride in [(width << stage, stride) for stage in range(4) for stride in (1 + (stage > 0), 1)]:
        short = x if inputs == outputs else net.conv(x, (outputs, inputs, 1), stride=stride, gain=1)
        x = net.add("Relu", net.conv(x, (outputs, inputs, 3), stride=stride))
        x, inputs = net.add("Relu", net.add("Add", net.conv(x, (outputs, outputs, 3), gain=0.5), short)), outputs
    net.classes(x, inputs)
    return net


def mobilenet_v2(width: float = 1.3) -> Builder:
    """MobileNetV2: expansion, depthwise convolution, projection."""
    net = Builder()

    def relu6(x: str) -> str:
        return net.add("Clip", x, net.array(0), net.array(6))

    def channels(count: int) -> int:
        return max(round(count * width / 8), 1) * 8

    inputs = channels(32)
    x = relu6(net.conv("x", (inputs, 3, 3), stride=2))
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, outputs, repeats, stride in stages:
        for first in [True] + [False] * (repeats - 1):
            wide, step = inputs * expansion, stride if first else 1
            y = relu6(net.conv(x, (wide, inputs, 1))) if expansion > 1 else x
            y = relu6(net.conv(y, (wide, wide, 3), stride=step, groups=wide))
            y = net.conv(y, (channels(outputs), wide, 1), gain=1)
            x, inputs = y if first else net.add("Add", x, y), channels(outputs)
    net.classes(relu6(net.conv(x, (1280, inputs, 1))), 1280)
    return net


def pictures() -> np.ndarray:
    """Pictures of coarse and fine structure: (32, 3, 224, 224) float32, about 0."""
    random, made = np.random.default_rng(1), np.zeros((PICTURES, 3, SIZE, SIZE))
    for cells in (7, 28, 224):
        made += np.kron(random.normal(0, 1, (PICTURES, 3, cells, cells)), np.ones((SIZE // cells,) * 2))
    return (made / 2).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for make in (resnet18, mobilenet_v2):
        net = make()
        net.write(folder / f"{make.__name__}.onnx")
        print(make.__name__, sum(array.size for array in net.constants.values()), "weights")
    np.save(folder / "pictures.npy", pictures())


if __name__ == "__main__":
    main()
