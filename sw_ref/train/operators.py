"""The operator that each node of a recorded graph becomes: found by name, and tested on what the node computed."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

from sw_ref.export import Node
from sw_ref.network import Add, AveragePool, Concat, Flatten, MaxPool, Pad, PixelShuffle, Resize
from sw_ref.network.bilinear import interpolation
from sw_ref.network.operator import Movement, Operator
from sw_ref.train.codes import move, window_sums
from sw_ref.train.graph import Graph

TOLERANCE = 1e-4
"""Largest difference from what a node computed, as a share of its largest value: that of sums in another order."""


@dataclass(frozen=True, kw_only=True)
class Pointwise:
    """A function of single values: `function`, and then the bounds."""

    function: Callable[[Tensor], Tensor] | None = None
    low: float = -math.inf
    high: float = math.inf

    def __call__(self, x: Tensor) -> Tensor:
        return (x if self.function is None else self.function(x)).clamp(self.low, self.high)

    def after(self, first: "Pointwise") -> "Pointwise":
        """`first`, then this function."""
        if self.function is None:
            low, high = (min(max(bound, self.low), self.high) for bound in (first.low, first.high))
            return Pointwise(function=first.function, low=low, high=high)
        return Pointwise(function=lambda x: self(first(x)))


@dataclass(frozen=True, kw_only=True)
class Interpolate:
    """A bilinear resize by `factor` (rows, columns), which takes several nodes."""

    factor: tuple[int, int]


Made = Operator | Pointwise | Interpolate | None
"""An operator, a function, or nothing where a node changes nothing."""

Maker = Callable[[Node, Graph, Sequence[Tensor], Tensor], Iterator[Made]]
"""Yields what a node could be, from its inputs and its output as (n, C, H, W)."""


def interpret(node: Node, graph: Graph) -> Made:
    """The operator that a node becomes.  Raises ``ValueError`` with the reason if no operator does what it did."""
    if any(name in graph.constants for name in node.inputs):
        raise ValueError("it takes a constant tensor; needed: a layer that has it as its weight or bias")
    unknown = [name for name in (*node.inputs, node.name) if name not in graph.values]
    if unknown:
        raise ValueError("it gives, or is given, several tensors at once; needed: one")
    if node.op not in MAKERS:
        raise ValueError("no operator of the integer network does it")
    inputs, output = [standard(graph.values[name]) for name in node.inputs], standard(graph.values[node.name])
    for made in MAKERS[node.op](node, graph, inputs, output):
        try:
            found = apply(made, inputs)
        except (RuntimeError, ValueError):
            continue
        limit = TOLERANCE * float(output.abs().max())
        if found.shape == output.shape and float((found - output).abs().max()) <= limit:
            return made
    raise ValueError(f"no operator of the integer network makes {list(output.shape)} as it did")


def standard(x: Tensor) -> Tensor:
    """(n, C), (n, C, W) or (n, C, H, W) as (n, C, H, W).  Raises ``ValueError`` for another number of axes."""
    if not 2 <= x.ndim <= 4 or not x.is_floating_point():
        raise ValueError(f"a tensor is {x.dtype} of shape {list(x.shape)}; needed: real numbers, 2 to 4 axes")
    return x if x.ndim == 4 else x.reshape(*x.shape[:2], *(1, 1, *x.shape[2:])[-2:])


def apply(made: Made, inputs: Sequence[Tensor]) -> Tensor:
    """The output of an operator for real tensors (n, C, H, W)."""
    if made is None:
        return inputs[0]
    if isinstance(made, Pointwise):
        return made(inputs[0])
    if isinstance(made, Interpolate):
        return functional.interpolate(inputs[0], scale_factor=made.factor, mode="bilinear", align_corners=False)
    if isinstance(made, Add):
        return inputs[0] + inputs[1]
    if isinstance(made, AveragePool):
        return window_sums(made, inputs[0]) / math.prod(made.kernel)
    assert isinstance(made, Movement)
    return move(made, inputs)


def _moved(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    yield None
    yield Flatten()


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = (1, value[0]) if isinstance(value, list) and len(value) == 1 else _both(value)
    return rows, columns


def _both(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, list) else (value, value)  # type: ignore[return-value]


def given(node: Node, *names: str) -> dict[str, Any]:
    """The options of a call by name, those by position too; those that are None are left out."""
    found = dict(zip(names, node.options.get("args", []), strict=False)) | node.options
    return {name: value for name, value in found.items() if value is not None and name != "args"}


def _window(node: Node, x: Tensor, *names: str) -> dict[str, Any]:
    """Kernel, stride, padding and dilation of a pool; of one along time only the columns have them."""
    found, flat = given(node, *names), "1d" in node.op
    kernel = found["kernel_size"]
    sizes = {"kernel": kernel, "stride": found.get("stride", kernel), "dilation": found.get("dilation", 1)}
    pairs = {name: (1, _pair(value)[1]) if flat else _pair(value) for name, value in sizes.items()}
    rows, columns = _pair(found.get("padding", 0))
    return pairs | {"padding": (0, columns, 0, columns) if flat else (rows, columns, rows, columns)}


def _max_pool(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    yield MaxPool(**_window(node, inputs[0], "kernel_size", "stride", "padding", "dilation"))


def _average_pool(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    window = _window(node, inputs[0], "kernel_size", "stride", "padding")
    yield AveragePool(**{name: value for name, value in window.items() if name != "dilation"})


def _mean(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    rows, columns = (before // after for before, after in zip(inputs[0].shape[2:], output.shape[2:], strict=True))
    yield AveragePool(kernel=(rows, columns), stride=(rows, columns))


def _add(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    yield Add() if len(inputs) == 2 else Pointwise(function=graph.calls[node.name])


def _concat(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    yield Concat()


def _resize(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    rows, columns = (after // before for before, after in zip(inputs[0].shape[2:], output.shape[2:], strict=True))
    if node.options.get("mode", "nearest") == "nearest":
        yield Resize(factor=(rows, columns))
        return
    for factor in (rows, columns):
        interpolation(factor, "half_pixel")  # refuses what is neither 1, 2 nor 4
    yield Interpolate(factor=(rows, columns))


def _shuffle(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    yield PixelShuffle(block=output.shape[2] // inputs[0].shape[2], order="CRD")


def _pad(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    found = given(node, "padding", "mode")
    sides: Any = found.get("padding", found.get("pad"))
    left, right, top, bottom = (*sides, 0, 0)[:4] if isinstance(sides, list) else (sides,) * 4
    kinds = {"Reflection": "reflect", "Replication": "edge"}
    kind = next((mode for start, mode in kinds.items() if node.op.startswith(start)), found.get("mode", "constant"))
    mode = {"constant": "zero", "replicate": "edge"}.get(kind, kind)
    yield Pad(padding=(top, left, bottom, right), mode=mode)


def _clip(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    found = given(node, "min", "max")
    low, high = found.get("min", found.get("min_val", -math.inf)), found.get("max", found.get("max_val", math.inf))
    name = node.op.lower().rstrip("_")
    if name in ("relu", "relu6"):
        low, high = 0.0, 6.0 if name == "relu6" else math.inf
    yield Pointwise(low=float(low), high=float(high))


def _function(node: Node, graph: Graph, inputs: Sequence[Tensor], output: Tensor) -> Iterator[Made]:
    if len(inputs) == 1:
        yield Pointwise(function=graph.calls[node.name])


MAKERS: dict[str, Maker] = {
    **dict.fromkeys(("Identity", "Sequential", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "dropout"), _moved),
    **dict.fromkeys(("Flatten", "flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous", "clone"), _moved),
    **dict.fromkeys(("detach", "float", "to"), _moved),
    **dict.fromkeys(("ReLU", "relu", "relu_", "ReLU6", "relu6", "Hardtanh", "hardtanh", "hardtanh_"), _clip),
    **dict.fromkeys(("clamp", "clamp_", "clip"), _clip),
    **dict.fromkeys(
        ("Hardswish", "hardswish", "Hardsigmoid", "hardsigmoid", "SiLU", "silu", "GELU", "gelu"), _function
    ),
    **dict.fromkeys(("Sigmoid", "sigmoid", "Tanh", "tanh", "LeakyReLU", "leaky_relu", "ELU", "elu"), _function),
    **dict.fromkeys(("Mish", "mish", "Softplus", "softplus", "neg", "abs", "mul", "sub", "div", "truediv"), _function),
    **dict.fromkeys(("add", "add_", "__add__", "__iadd__", "__radd__"), _add),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concat),
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "max_pool1d", "max_pool2d"), _max_pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "avg_pool1d", "avg_pool2d"), _average_pool),
    **dict.fromkeys(("AdaptiveAvgPool1d", "AdaptiveAvgPool2d"), _mean),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean"), _mean),
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "interpolate", "upsample"), _resize),
    **dict.fromkeys(("PixelShuffle", "pixel_shuffle"), _shuffle),
    **dict.fromkeys(("pad", "ZeroPad1d", "ZeroPad2d", "ConstantPad1d", "ConstantPad2d"), _pad),
    **dict.fromkeys(("ReflectionPad1d", "ReflectionPad2d", "ReplicationPad1d", "ReplicationPad2d"), _pad),
}
