"""The walk over an ONNX graph: every node becomes nodes of ours, moves data, is constant, or is refused by name."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.builder import Builder
from rtl_gen.frontend.constants import Constants
from rtl_gen.frontend.node import Node, live_nodes, names_read
from rtl_gen.frontend.source import DAMAGE
from rtl_gen.frontend.values import Refusal, Value

Handler = Callable[["Importer", Node], None]
HANDLERS: dict[str, Handler] = {}
POINTWISE: set[str] = set()  # operators that extend the function of a value
MOVES: set[str] = set()  # operators for which nothing needs to stand: their data change place or type only
FLOATS = (1, 10, 11, 16)  # TensorProto: FLOAT, FLOAT16, DOUBLE, BFLOAT16
WHOLE = (2, 3, 4, 5, 6, 7)  # UINT8, INT8, UINT16, INT16, INT32, INT64
HOST = ("Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "TopK")
TAIL = (*HOST, "Resize", "Upsample", "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose")
NEEDED = {
    **dict.fromkeys(("LSTM", "GRU", "RNN", "Loop", "Scan"), "needed: a network without recurrence"),
    **dict.fromkeys(("LRN", "InstanceNormalization", "LayerNormalization"), "needed: a batch norm, which is constant"),
    **dict.fromkeys(("GroupNormalization", "RMSNormalization"), "needed: a batch norm, which is constant"),
    **dict.fromkeys(("Attention", "MultiHeadAttention"), "needed: no products of two activations"),
}


def operator(*names: str, pointwise: bool = False, moves: bool = False) -> Callable[[Handler], Handler]:
    """Declare the handler of ONNX operators: `pointwise` for members of POINTWISE, `moves` for those of MOVES."""

    def declare(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        POINTWISE.update(names if pointwise else ())
        MOVES.update(names if moves else ())
        return handler

    return declare


class Importer(Builder):
    """The network while it is made.

    `account` says of every node of the file what became of it; `refused` has (operator, node, reason).
    """

    def __init__(self, folder: Path, opset: int) -> None:
        super().__init__()
        self.opset = opset
        self.constants = Constants(folder, opset)
        self.account: dict[str, str] = {}
        self.refused: list[tuple[str, str, str]] = []
        self.host: list[Node] = []
        self._host_names: set[str] = set()
        self._ops: dict[str, str] = {}
        self._lost: set[str] = set()
        self._readers: Counter[str] = Counter()
        self._plain: Counter[str] = Counter()
        self._tail: set[str] = set()

    def walk(self, protos: Iterable[Any], outputs: set[str]) -> None:
        """Import nodes in order; those on which no output depends are left out."""
        nodes = [Node.of(proto, position) for position, proto in enumerate(protos)]
        live = live_nodes(nodes, outputs)
        labels = self._labels(nodes)
        self._count(nodes, live, outputs)
        for position, (node, label) in enumerate(zip(nodes, labels, strict=True)):
            self.account[label] = "unused"
            if position in live:
                self._node(replace(node, label=label))

    def _labels(self, nodes: list[Node]) -> list[str]:
        """A name for each node; one that occurs twice is numbered."""
        labels: dict[str, None] = {}
        numbers: Counter[str] = Counter()  # how many variants of a name were tried
        for node in nodes:
            label = node.label
            while label in labels or label in self.account:
                numbers[node.label] += 1
                label = f"{node.label}_{numbers[node.label] + 1}"
            labels[label] = None
        return list(labels)

    def _count(self, nodes: list[Node], live: set[int], outputs: set[str]) -> None:
        """Count the readers of each tensor, and find the tensors that only the host could need."""
        readers: dict[str, list[int]] = {}
        for position in sorted(live):
            for name in names_read(nodes[position].proto):
                readers.setdefault(name, []).append(position)
                self._readers[name] += 1
                self._plain[name] += nodes[position].op in POINTWISE
        self._readers.update(outputs)
        tail: set[int] = set()
        for position in sorted(live, reverse=True):
            after = [reader for name in nodes[position].outputs for reader in readers.get(name, [])]
            if nodes[position].op in TAIL and tail.issuperset(after):
                tail.add(position)
                self._tail.update(nodes[position].outputs)

    def _node(self, node: Node) -> None:
        self.at, self.output = node.label, next(filter(None, node.outputs), node.label)
        self._ops[node.label] = node.op
        twice = [name for name in node.outputs if name and self.is_known(name)]
        if twice:
            raise UsageError(f"node {node.label} makes {twice[0]}, which is there already; allowed: each tensor once")
        unknown = [name for name in node.inputs if name and not self.is_known(name)]
        if unknown:
            raise UsageError(
                f"node {node.label} reads {unknown[0]}, which nothing before it makes; allowed: nodes in order"
            )
        if self.constants.fold(node):
            self.account[node.label] = "constant"
            return
        self.account[node.label] = "moved"
        try:
            self._import(node)
        except (UsageError, MemoryError):
            raise
        except (Refusal, *DAMAGE) as refusal:
            if node.op in ("Resize", "Upsample") and self._ends(node):
                self._to_host(node)
            else:
                plain = isinstance(refusal, (Refusal, ValueError))
                reason = str(refusal) if plain else f"its options or inputs are of the wrong kind ({refusal})"
                self.refused.append((node.op, node.label, reason))
                self._lost.update(node.outputs)

    def is_known(self, name: str) -> bool:
        """Whether a tensor is there: a value, a constant, what a refused node makes, or what the host does."""
        return any(name in known for known in (self.values, self.constants, self._lost, self._host_names))

    def _ends(self, node: Node) -> bool:
        return all(name in self._tail for name in node.outputs)

    def _import(self, node: Node) -> None:
        handler = HANDLERS.get(node.op)
        if handler is None and not (node.op in HOST and self._ends(node)):
            place = "in the middle of the network, needed: at its end" if node.op in HOST else ""
            raise Refusal(place or NEEDED.get(node.op, "no operator of the integer network does it"))
        if misuse := node.misuse(self.opset):
            raise Refusal(misuse)
        if self._lost.intersection(node.inputs):
            self._lost.update(node.outputs)
        elif node.op in HOST or self._host_names.intersection(node.inputs):
            self._to_host(node)
        elif handler is not None:
            handler(self, node)
            if all(name in self.constants for name in node.outputs if name):
                self.account[node.label] = "constant"
            for name in node.outputs:
                if name and not self.is_known(name) and self.is_read(name):
                    raise Refusal(f"its output {name} has no counterpart; needed: a network that does not read it")
                self._settle(name)

    def may_move(self, label: str) -> bool:
        """Whether nothing needs to stand for a node of the file."""
        return self._ops[label] in MOVES and label not in self.emitted

    def _to_host(self, node: Node) -> None:
        self.account[node.label] = "host"
        self.host.append(node)
        self._host_names.update(node.outputs)

    def _settle(self, name: str) -> None:
        """Store a function that is read as a tensor, too, so that all of its readers share it."""
        value = self.values.get(name)
        if value is not None and value.function.steps and self._plain[name] < self._readers[name]:
            # An input may still be seen in another order first.
            self.values[name] = value if value.tensor in self.ports else self.stored(value)

    def is_read(self, name: str) -> bool:
        """Whether any node, or the network's user, reads a tensor."""
        return self._readers[name] > 0

    def value(self, name: str, *, whole: bool = False) -> Value:
        """A tensor that depends on the input. `whole`: integers will do. Raises :class:`Refusal`."""
        if name not in self.values:
            raise Refusal(f"its input {name or 0!r} is a constant; needed: a tensor that depends on the input")
        value = self.values[name]
        if value.whole and not whole:
            raise Refusal(f"its input {name} holds integers; needed: a DequantizeLinear or Cast before it")
        return value

    def constant(self, node: Node, position: int, attribute: str = "", default: Any = None) -> Any:
        """An input that must be constant, or (older opsets) an attribute, or the default. Raises :class:`Refusal`."""
        name = node.inputs[position] if position < len(node.inputs) else ""
        if name:
            if name not in self.constants:
                raise Refusal(f"its input {name} depends on the network's input; needed: a constant")
            return self.constants[name]
        return node.attributes.get(attribute, default)

    def reals(self, node: Node, position: int) -> NDArray[Any] | None:
        """A constant input as finite real numbers; None if it is absent."""
        array = self.constant(node, position)
        return None if array is None else finite(array, node.inputs[position])

    def give(self, node: Node, value: Value, output: int = 0) -> None:
        """An output of a node is `value`."""
        name = node.outputs[output]
        self.values[name] = replace(value, name=name)

    def made(self, node: Node, tensor: str, rank: int, like: Value | None = None) -> None:
        """The output of a node is a tensor of the network, just emitted, with `rank` axes in the file.

        `like`: it holds integers if that value does.
        """
        channels, *size = self.shapes[tensor]
        value = Value(name="", tensor=tensor, shape=(self.batch, channels, *size[4 - rank :]))
        self.give(node, value if like is None else replace(value, whole=like.whole, codes=like.codes))


def finite(array: NDArray[Any], name: str) -> NDArray[Any]:
    """A constant as float32, or float64 if it is that or wider than float32. Raises :class:`Refusal` unless finite."""
    small = "float" in array.dtype.name  # bfloat16 and float8 have no kind of their own
    if array.dtype.kind not in "fiub" and not small:
        raise Refusal(f"its constant {name} is {array.dtype}; needed: real numbers")
    values = array.astype(
        np.float64 if array.dtype.itemsize > 2 and array.dtype != np.float32 else np.float32, copy=False
    )
    if not np.isfinite(values).all():
        raise Refusal(f"its constant {name} holds a number that is not finite; needed: finite ones")
    return values


def check_axis(axis: int, rank: int) -> int:
    """`axis` counted from the front. Raises :class:`Refusal`."""
    if not -rank <= axis < rank:
        raise Refusal(f"axis is {axis}; needed: one of its tensor's {rank}")
    return axis % rank
