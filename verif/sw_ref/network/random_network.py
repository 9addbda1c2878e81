"""Random valid networks: all operators, odd sizes, branches; the same seed gives the same network."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.network import OPERATORS, Add, Concat, Network, Node, Requantizer, TensorInfo
from sw_ref.network.multiplier import ADD_MULTIPLIERS, MULTIPLIERS
from sw_ref.network.operator import Arithmetic, Movement, Operator
from sw_ref.network.requantizer import code_dtype
from verif.sw_ref.network.random_options import Draw
from verif.sw_ref.random_model import random_tensor

UNSIGNED = StlqFormat(act_signed=False)
OFTEN = (*OPERATORS, "conv", "conv", "conv_transpose", "max_pool", "average_pool")  # what has the most options
DEPTHWISE = (*("depthwise",) * 8, "conv", "add", "max_pool", "average_pool", "concat", "permute", "slice")
"""What makes networks of depthwise layers."""


def random_network(
    seed: int,
    *,
    fmt: StlqFormat = UNSIGNED,
    tile: tuple[int, int] = (4, 3),
    nodes: int = 8,
    ops: Sequence[str] = OFTEN,
    codes_max: int = 600,
) -> Network:
    """A network of `nodes` nodes or a few more, drawn from `ops`; no tensor has more than `codes_max` codes.

    Requantizers are chosen so that the codes of outputs spread over their range, as those of real networks do.
    """
    builder = Builder(rng=np.random.default_rng(seed), fmt=fmt, tile=tile, codes_max=codes_max)
    for index in range(int(builder.rng.integers(1, 3))):
        builder.tensors[f"in{index}"] = builder.info(builder.random_shape())
    inputs = tuple(builder.tensors)
    tries = 0
    while len(builder.nodes) < nodes or not set(inputs) <= builder.read:
        tries += 1
        if tries > 100 * nodes:
            raise RuntimeError(f"seed {seed}: no room for more of {ops} within {codes_max} codes")
        unread = [name for name in inputs if name not in builder.read]
        source = unread[0] if unread else builder.draw.pick(list(builder.tensors)[-4:])
        builder.grow(builder.draw.pick(ops), source)
    outputs = [name for name in builder.tensors if name not in builder.read]
    inner = [node.output for node in builder.nodes if node.output in builder.read]
    if inner and builder.rng.random() < 0.5:  # a tensor that is read and put out, too
        outputs.append(builder.draw.pick(inner))
    return Network(
        format=fmt,
        tile=tile,
        tensors=builder.tensors,
        nodes=tuple(builder.nodes),
        inputs=inputs,
        outputs=tuple(outputs),
    )


def random_inputs(network: Network, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Random codes for `count` images; the first is all 0, the second all ones."""
    rng = np.random.default_rng(seed)
    high = network.format.act_max
    result = {}
    for name in network.inputs:
        codes = rng.integers(0, high + 1, (count, *network.tensors[name].shape))
        codes[:1], codes[1:2] = 0, high
        result[name] = codes.astype(code_dtype(network.format.act_bits))
    return result


@dataclass(kw_only=True)
class Builder:
    """A network that grows node by node."""

    rng: np.random.Generator
    fmt: StlqFormat
    tile: tuple[int, int]
    codes_max: int
    tensors: dict[str, TensorInfo] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    @property
    def draw(self) -> Draw:
        """What draws from `rng`."""
        return Draw(self.rng)

    def grow(self, op: str, source: str) -> None:
        """Add a node that reads `source`, if what is drawn for it fits."""
        shape = self.tensors[source].shape
        options, weights = self.draw.options(op, shape)
        try:
            made = options.output_shape([shape], weights)
        except ValueError:
            return
        if op != "concat" and (math.prod(made) > self.codes_max or max(made[1:]) > 40):
            return
        inputs = [source]
        if isinstance(options, Concat):
            inputs = self._same_scale(source)
            made = options.output_shape([self.tensors[name].shape for name in inputs], ())
        elif options.arity[1] == 2 and (isinstance(options, Add) or self.rng.random() < 0.4):
            others = [name for name, info in self.tensors.items() if info.shape == made]
            if others:
                inputs.append(self.draw.pick(others))
            elif isinstance(options, Add):
                return
        self._add_node(options, inputs, made, weights)

    def _add_node(
        self, options: Operator, inputs: list[str], made: tuple[int, int, int], weights: tuple[int, ...]
    ) -> None:
        name = f"n{len(self.nodes)}.{options.op}"
        moved = self.tensors[inputs[0]]
        info = self.info(made)
        if isinstance(options, Movement):
            info = TensorInfo(shape=made, step=moved.step, zero=moved.zero)
        tensor = self.weights(weights) if weights else None
        requantizer = None
        if isinstance(options, Arithmetic):
            integers = tensor.integers() if tensor else np.empty(0, np.int32)
            requantizer = self.requantizer(options, moved, integers, added=len(inputs) == 2)
        self.tensors[f"t{len(self.nodes)}"] = info
        node = Node(
            name=name,
            inputs=tuple(inputs),
            output=f"t{len(self.nodes)}",
            options=options,
            weights=tensor,
            requantizer=requantizer,
        )
        self.nodes.append(node)
        self.read.update(inputs)

    def requantizer(
        self, options: Arithmetic, source: TensorInfo, weights: NDArray[np.int32], *, added: bool
    ) -> Requantizer:
        """Parameters that spread the codes; now and then extreme ones."""
        low, high = options.sum_range(source.shape, weights, self.fmt.act_max)
        channels, rng = len(low), self.rng
        rows = options.row_count(source.shape)
        shape = (channels,) if rows is None else (rows, channels)
        multiplier = rng.choice(MULTIPLIERS, shape)
        # About a fifth of the range of sums becomes the range of codes.
        wanted = np.log2(np.maximum((high - low) * np.abs(multiplier) / 5 / self.fmt.act_max, 1))
        shift = np.clip(np.rint(wanted) + rng.integers(-1, 2, shape), 0, 47)
        bias = -(low + high) // 2 + rng.integers(-(1 << 6), 1 << 6, channels)
        add = None
        if added:
            near = np.abs(np.array(ADD_MULTIPLIERS)) <= 4 << int(np.atleast_2d(shift)[0].max())
            add = rng.choice(np.array(ADD_MULTIPLIERS)[near], channels).astype(np.int32)
        limits = sorted(rng.integers(0, self.fmt.act_max + 1, 2).tolist())
        if rng.random() < 0.7:
            limits = [0, self.fmt.act_max]
        table = None
        if rng.random() < 0.25:
            table = rng.integers(0, self.fmt.act_max + 1, 1 << self.fmt.act_bits).astype(code_dtype(self.fmt.act_bits))
        return Requantizer(
            bias=bias.astype(np.int64),
            multiplier=multiplier.astype(np.int32),
            shift=shift.astype(np.uint8),
            add_multiplier=add,
            low=limits[0],
            high=limits[1],
            table=table,
        )

    def weights(self, shape: tuple[int, ...]) -> StlqTensor:
        """Random words, half of the tiles with two."""
        return random_tensor(self.fmt, shape, int(self.rng.integers(1 << 31)), self.tile)

    def info(self, shape: tuple[int, int, int]) -> TensorInfo:
        """A tensor of that shape with a random scale."""
        zero = int(self.draw.pick([0, self.fmt.act_max // 2 + 1, self.rng.integers(0, self.fmt.act_max + 1)]))
        return TensorInfo(shape=shape, step=float(np.ldexp(self.rng.integers(1, 99), -8)), zero=zero)

    def random_shape(self) -> tuple[int, int, int]:
        """A small picture, now and then a signal in time or a vector; it leaves room to grow."""
        channels, rows, columns = (int(n) for n in self.rng.integers(1, (10, 9, 9)))
        channels = min(channels, max(self.codes_max // 2 // (rows * columns), 1))
        kind = self.rng.random()
        return (
            (channels, 1, columns + 4) if kind < 0.15 else (channels, 1, 1) if kind < 0.2 else (channels, rows, columns)
        )

    def _same_scale(self, source: str) -> list[str]:
        """`source` and tensors that could be concatenated with it."""
        info, size = self.tensors[source], self.codes_max
        found = [source]
        for name, other in self.tensors.items():
            same = (other.shape[1:], other.step, other.zero) == (info.shape[1:], info.step, info.zero)
            total = sum(math.prod(self.tensors[n].shape) for n in (*found, name))
            if same and total <= size and self.rng.random() < 0.7:
                found.append(name)
        self.rng.shuffle(found)
        return found
