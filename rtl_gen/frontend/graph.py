"""The normalised float network: the integer network's operators, with real weights."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.function import Function
from sw_ref.network.operator import Operator, Shape


@dataclass(frozen=True, kw_only=True)
class Affine(Operator):
    """weight[c] * x + bias[c]: a batch norm that no layer before or after it can take."""

    op: ClassVar[str] = "affine"
    weight_axes: ClassVar[tuple[int, ...]] = (1,)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        if weights != shapes[0][:1]:
            raise ValueError(f"has factors of shape {weights}; allowed: {shapes[0][:1]}")
        return shapes[0]


@dataclass(frozen=True, kw_only=True)
class Activation(Operator):
    """The node's function alone, where no node before it can take it."""

    op: ClassVar[str] = "activation"

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        return shapes[0]


WEIGHTED = ("conv", "linear", "conv_transpose")
ARITHMETIC = (*WEIGHTED, "average_pool", "add", "affine", "activation")  # what a function can follow in one node


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatNode:
    """One operator: `output` = function(operator(inputs) + bias).

    `options`: an operator of the integer network, or Affine, or Activation.  A layer with weights that has a second
    input adds that before its function.  `weight`: float32, as the operator says: conv (O, I / groups, kh, kw), 1-D
    ones with kh = 1; conv_transpose likewise, output channels first; linear (O, I); affine (C,).  `bias`: float32,
    one per output channel.  `sources`: the nodes of the file that it does.  Raises ``ValueError``.
    """

    name: str
    options: Operator
    inputs: tuple[str, ...]
    output: str
    weight: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    function: Function = field(default_factory=Function)
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        axes = None if self.weight is None else self.weight.ndim
        if (axes is None) != (not self.options.weight_axes) or (axes and axes not in self.options.weight_axes):
            raise ValueError(f"{self.op} has weights of {axes} axes; allowed: {self.options.weight_axes or 'none'}")
        if self.function.steps and self.op not in ARITHMETIC:
            raise ValueError(f"{self.op} has a function; allowed for: {', '.join(ARITHMETIC)}")

    @property
    def op(self) -> str:
        """The operator's name."""
        return self.options.op

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the weights; () where there are none."""
        return () if self.weight is None else self.weight.shape

    @property
    def added(self) -> str | None:
        """The tensor that a layer with weights adds before its function, if any."""
        return self.inputs[1] if self.op in WEIGHTED and len(self.inputs) > 1 else None


def uses(node: FloatNode, shapes: Mapping[str, Shape]) -> int:
    """How often each weight of a node is used per input of the network."""
    return math.prod(shapes[node.inputs[0] if node.op == "conv_transpose" else node.output][1:])


@dataclass(frozen=True, kw_only=True, eq=False)
class Port:
    """Where the network meets its host: tensor `tensor` (C, H, W) and an array `name` (batch, *shape) of the file.

    `index`: which element of one sample on one side makes each element of the other, in C order, if they are not the
    same.  For an input it has the tensor's size and points into the array; for an output it has the array's size and
    points into the tensor.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    index: NDArray[np.int64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Host:
    """The host's part, after the outputs: nodes of the file (ONNX NodeProtos: Softmax, ArgMax), in order.

    `constants`: arrays that they read; `results`: what they give in the end; `opset`: the version of their operators.
    """

    nodes: tuple[Any, ...] = ()
    constants: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    opset: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatNetwork:
    """Nodes in order of execution; `shapes` gives (C, H, W) of every tensor.

    `account`: each node of the file and what became of it: the name of a node here, "constant", "moved" (its data
    changed place or type only), "host", "nothing" (it changes nothing) or "unused" (no output needs it).  `notes`
    are for the user.
    """

    nodes: tuple[FloatNode, ...]
    shapes: Mapping[str, Shape]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    host: Host = field(default_factory=Host)
    notes: tuple[str, ...] = ()
    account: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {port.tensor for port in self.inputs}
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in known]
            if missing or node.output in known:
                raise ValueError(f"{node.name} reads {missing} before they are made, or makes {node.output} again")
            made = node.options.output_shape([self.shapes[name] for name in node.inputs], node.weight_shape)
            if made != self.shapes[node.output]:
                raise ValueError(f"{node.name} makes {made}; allowed: {self.shapes[node.output]}")
            known.add(node.output)
        lost = [port.tensor for port in self.outputs if port.tensor not in known]
        if lost or not self.outputs:
            raise ValueError(f"outputs are {lost} of {len(self.outputs)} without a node that makes them")

    def readers(self, tensor: str) -> Iterator[FloatNode]:
        """The nodes that read a tensor."""
        return (node for node in self.nodes if tensor in node.inputs)

    @property
    def macs(self) -> int:
        """Multiplications with weights, for one input."""
        return sum(
            node.weight.size * uses(node, self.shapes)
            for node in self.nodes
            if node.op in WEIGHTED and node.weight is not None
        )
