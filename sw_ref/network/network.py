"""A network in integers: tensors of codes, and the nodes that compute them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.messages import counted, shorten
from sw_ref.model import StlqTensor
from sw_ref.network.operator import CODES_MAX, SIZE_MAX, Arithmetic, Movement, Operator, Shape
from sw_ref.network.requantizer import Requantizer
from sw_ref.tiling import check_tile


class NetworkError(ValueError):
    """A network that breaks a rule; the message names the node, tensor or metadata key, and the value."""

    def __init__(self, message: str) -> None:
        super().__init__(shorten(message))


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """The facts about a tensor: `shape` (C, H, W); real value = `step` * (code - `zero`).

    Raises ``ValueError`` for a value out of range.
    """

    shape: Shape
    step: float
    zero: int = 0

    def __post_init__(self) -> None:
        sizes = self.shape
        good = (
            isinstance(sizes, tuple) and len(sizes) == 3 and all(type(n) is int and 1 <= n <= SIZE_MAX for n in sizes)
        )
        if not good or math.prod(sizes) > CODES_MAX:
            raise ValueError(
                f"shape is {sizes!r}; allowed: (C, H, W), each from 1 to {SIZE_MAX}, at most {CODES_MAX} codes"
            )
        if not isinstance(self.step, float) or not 0 < self.step < math.inf:
            raise ValueError(f"step is {self.step!r}; allowed: a finite number above 0")
        if type(self.zero) is not int or self.zero < 0:
            raise ValueError(f"zero is {self.zero!r}; allowed: a code")


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operator at work: it reads the tensors `inputs` and makes the tensor `output`.

    `options` says which operator (`op`), and how.  `weights`: of convolutions.  `requantizer`: of operators with
    arithmetic.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    options: Operator
    weights: StlqTensor | None = None
    requantizer: Requantizer | None = None

    def __post_init__(self) -> None:
        """The operator says the groups; weights that say none take them.  :class:`NetworkError` if they say others."""
        groups = getattr(self.options, "groups", 1)
        if self.weights is None or self.weights.groups == groups:
            return
        if self.weights.groups != 1:
            raise NetworkError(f"node {self.name}: weights have {self.weights.groups} groups; allowed: {groups}")
        if self.weights.shape[0] % groups:
            return  # refused with the network, which knows the input, too
        object.__setattr__(self, "weights", replace(self.weights, groups=groups))

    @property
    def op(self) -> str:
        """The operator's name."""
        return self.options.op

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the weights; () where there are none."""
        return self.weights.shape if self.weights else ()

    def integers(self) -> NDArray[np.int32]:
        """The integer weights W: int32, of the weights' shape; empty where there are none."""
        return self.weights.integers() if self.weights else np.empty(0, np.int32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A network whose every rule has been checked.

    `format`: unsigned codes of A = `act_bits` bits, and the words of all weights; `tile`: of all weights.
    `tensors`: by name.  `nodes`: in an order in which each tensor is made before it is read.

    Raises :class:`NetworkError`.
    """

    format: StlqFormat
    tile: tuple[int, int]
    tensors: Mapping[str, TensorInfo]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.format.act_signed:
            raise NetworkError("format has act_signed true; allowed: false")
        try:
            check_tile(self.tile)
        except ValueError as error:
            raise NetworkError(str(error)) from error
        self._check_tensors()
        self._check_order()
        for node in self.nodes:
            try:
                _check_node(self, node)
            except ValueError as error:
                raise NetworkError(f"node {node.name}: {error}") from error

    def info(self, tensor: str) -> TensorInfo:
        """The facts about a tensor; ``ValueError`` if there is none of that name."""
        if tensor not in self.tensors:
            raise ValueError(f"tensor is {tensor!r}; allowed: {', '.join(self.tensors)}")
        return self.tensors[tensor]

    def shapes(self, node: Node) -> list[Shape]:
        """The shapes of a node's inputs."""
        return [self.tensors[name].shape for name in node.inputs]

    def _check_tensors(self) -> None:
        for name, info in self.tensors.items():
            if info.zero > self.format.act_max:
                raise NetworkError(f"tensor {name}: zero is {info.zero}; allowed: 0 to {self.format.act_max}")
        for role in ("inputs", "outputs"):
            names = getattr(self, role)
            if not names or len(set(names)) != len(names):
                raise NetworkError(f"{role} are {list(names)}; allowed: one name or more, each once")
            for name in names:
                if name not in self.tensors:
                    raise NetworkError(f"{role} hold {name!r}, which is no tensor")

    def _check_order(self) -> None:
        """Each tensor is made once, before it is read, and serves for something."""
        made, read, names = set(self.inputs), set(self.outputs), set()
        for node in self.nodes:
            if not node.name or node.name in names:
                raise NetworkError(f"node {node.name!r}: its name is empty or taken; allowed: one name per node")
            names.add(node.name)
            for name in node.inputs:
                if name not in made:
                    raise NetworkError(f"node {node.name}: reads {name!r}, which no input and no node before it makes")
            if node.output in made:
                raise NetworkError(f"node {node.name}: makes {node.output!r}, which is made already")
            if node.output not in self.tensors:
                raise NetworkError(f"node {node.name}: makes {node.output!r}, which is no tensor")
            made.add(node.output)
            read.update(node.inputs)
        for name in self.tensors:
            if name not in made:
                raise NetworkError(f"tensor {name}: is no input and no node makes it")
            if name not in read:
                raise NetworkError(f"tensor {name}: is no output and no node reads it")
        for name in self.outputs:
            if name not in made:
                raise NetworkError(f"outputs hold {name!r}, which nothing makes")


def _check_node(network: Network, node: Node) -> None:
    """Raise ``ValueError`` unless inputs, weights, shapes and parameters of a node fit together."""
    options = node.options
    fewest, most = options.arity
    if len(node.inputs) < fewest or (most is not None and len(node.inputs) > most):
        raise ValueError(f"has {counted(len(node.inputs), 'input')}; allowed for {node.op}: {_span(fewest, most)}")
    _check_weights(network, node)
    shape = options.output_shape(network.shapes(node), node.weight_shape)
    if shape != network.tensors[node.output].shape:
        raise ValueError(f"makes {node.output} of shape {shape}; allowed: {network.tensors[node.output].shape}")
    if isinstance(options, Arithmetic):
        _check_requantizer(network, node, options)
    elif node.requantizer is not None:
        raise ValueError(f"has a requantizer; allowed for {node.op}: none")
    if isinstance(options, Movement):
        scales = {(network.tensors[name].step, network.tensors[name].zero) for name in (*node.inputs, node.output)}
        if len(scales) > 1:
            raise ValueError(f"its tensors have (step, zero) {sorted(scales)}; allowed: the same for all")


def _check_weights(network: Network, node: Node) -> None:
    axes, weights = node.options.weight_axes, node.weights
    allowed = f"allowed for {node.op}: {' or '.join(map(str, axes)) + ' axes' if axes else 'none'}"
    if weights is None:
        if axes:
            raise ValueError(f"has no weights; {allowed}")
        return
    if len(weights.shape) not in axes:
        raise ValueError(f"has weights of shape {weights.shape}; {allowed}")
    for part in ("format", "tile"):
        if getattr(weights, part) != getattr(network, part):
            raise ValueError(f"weights have {part} {getattr(weights, part)}; allowed: {getattr(network, part)}")
    if weights.granularity != "tile":
        raise ValueError(f"weights have granularity {weights.granularity}; allowed: tile")


def _check_requantizer(network: Network, node: Node, options: Arithmetic) -> None:
    requantizer, shapes = node.requantizer, network.shapes(node)
    channels = network.tensors[node.output].shape[0]
    if requantizer is None:
        raise ValueError("has no requantizer; allowed: bias, multiplier and shift")
    requantizer.check_format(network.format)
    rows = options.row_count(shapes[0])
    expected = (channels,) if rows is None else (rows, channels)
    if requantizer.multiplier.shape != expected:
        raise ValueError(f"multiplier has shape {requantizer.multiplier.shape}; allowed: {expected}")
    if (requantizer.add_multiplier is not None) != (len(node.inputs) == 2):
        raise ValueError(f"has {counted(len(node.inputs), 'input')}; allowed: two with an add_multiplier, one without")
    added = 0
    if len(node.inputs) == 2:
        info = network.tensors[node.inputs[1]]
        if info.shape != network.tensors[node.output].shape:
            raise ValueError(f"adds {node.inputs[1]} of shape {info.shape}; allowed: that of {node.output}")
        added = max(info.zero, network.format.act_max - info.zero)
    requantizer.check_range(*options.sum_range(shapes[0], node.integers(), network.format.act_max), added)


def _span(fewest: int, most: int | None = None) -> str:
    if most is None:
        return f"{fewest} or more"
    return str(fewest) if fewest == most else f"{fewest} to {most}"
