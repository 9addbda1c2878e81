"""ONNX files as they come: loaded without trust, and what is constant in them computed."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import CheckError, UsageError

ELEMENTS_MAX = 1 << 28  # of one constant: more than the largest layer that anybody would put into an array
# What the readers of protobuf, of tensors and of external data raise for a damaged file.
DAMAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RuntimeError)
# Deterministic operators whose result is a constant if all of their inputs are.
ELEMENTWISE = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Where", "Equal", "Less", "Greater", "And", "Or", "Not"),
    *("LessOrEqual", "GreaterOrEqual", "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Floor", "Ceil", "Round"),
    *("Erf", "Sigmoid", "Tanh", "Relu", "Clip", "Sign", "Cast", "CastLike", "Identity", "Dropout"),
)
MOVING = (
    *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather", "GatherElements"),
    *("DepthToSpace", "SpaceToDepth", "Compress"),
)
REDUCING = ("ReduceL1", "ReduceL2", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
FOLDABLE = (
    *(*ELEMENTWISE, *MOVING, *REDUCING, "ReduceSumSquare", "Constant", "ConstantOfShape", "Expand", "Range", "Tile"),
    *(
        "Concat",
        "Shape",
        "Size",
        "DequantizeLinear",
        "QuantizeLinear",
        "MatMul",
        "NonZero",
        "CumSum",
        "LpNormalization",
    ),
)


@dataclass(frozen=True)
class Node:
    """A node of the file, with its attributes as Python values."""

    proto: Any
    label: str
    attributes: dict[str, Any]

    @classmethod
    def of(cls, proto: Any, position: int) -> "Node":
        from onnx.helper import get_attribute_value

        try:
            attributes = {item.name: get_attribute_value(item) for item in proto.attribute}
        except DAMAGE as error:
            raise UsageError(f"node {proto.name or proto.op_type} is damaged: {error}") from error
        label = proto.name or next(filter(None, proto.output), "") or f"{proto.op_type}_{position}"
        return cls(proto, label, attributes)

    @property
    def op(self) -> str:
        """The operator's type; other domains than ONNX's own are part of it."""
        return (
            self.proto.op_type if self.proto.domain in ("", "ai.onnx") else f"{self.proto.domain}.{self.proto.op_type}"
        )

    @property
    def inputs(self) -> list[str]:
        return list(self.proto.input)

    @property
    def outputs(self) -> list[str]:
        return list(self.proto.output)

    def get(self, name: str, default: Any) -> Any:
        """An attribute, strings as `str`."""
        value = self.attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else value


def load(path: Path) -> Any:
    """The model of an ONNX file, its functions inlined; external data stays where it is until it is read.

    Raises :class:`UsageError` for a file that is missing or damaged, :class:`CheckError` if `onnx` is.
    """
    onnx = library("onnx")
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise UsageError(f"network is {path}: no such file; allowed: an ONNX file")
    try:
        model = onnx.load(os.fspath(path), load_external_data=False)
        if model.functions:
            from onnx.inliner import inline_local_functions

            model = inline_local_functions(model)
    except (DecodeError, onnx.checker.ValidationError, *DAMAGE) as error:
        raise UsageError(f"network {path} is damaged: not an ONNX model: {_first_line(error)}") from error
    except OSError as error:
        raise UsageError(f"network is {path}: {error.strerror or error}; allowed: a file that can be read") from error
    if not model.graph.node:
        raise UsageError(f"network {path} is damaged: it holds no nodes; allowed: an ONNX model with one or more")
    return model


def library(name: str) -> Any:
    """A library of the extra `onnx`. Raises :class:`CheckError` saying how to install it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        # A compiled module that is interrupted while it loads says that it cannot.
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        wrong = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be loaded ({error})"
        raise CheckError(f"{name} {wrong}; to install it: pip install 'stlq[onnx]'") from None


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators."""
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    latest = library("onnx").defs.onnx_opset_version()
    if not versions or not 1 <= versions[0] <= latest:
        raise UsageError(f"network has opset {versions[0] if versions else None}; allowed: 1 to {latest}")
    return versions[0]


class Constants:
    """What is known before the network runs: arrays by name, computed when they are first asked for."""

    def __init__(self, folder: Path, opset: int) -> None:
        self._folder = folder
        self._opset = opset
        self._tensors: dict[str, Any] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def add_tensors(self, tensors: Any) -> None:
        """Take initializers of a graph; they are read when they are asked for."""
        for tensor in tensors:
            self._tensors[tensor.name] = tensor

    def __contains__(self, name: str) -> bool:
        return name in self._tensors or name in self._arrays

    def __setitem__(self, name: str, array: NDArray[Any]) -> None:
        self._arrays[name] = array

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An array. Raises :class:`UsageError` with the tensor's name if it is damaged."""
        if name not in self._arrays:
            self._arrays[name] = self.read(self._tensors[name])
        return self._arrays[name]

    def read(self, tensor: Any) -> NDArray[Any]:
        """The array of a TensorProto. Raises :class:`UsageError`."""
        onnx = library("onnx")
        dims = list(tensor.dims)
        try:
            if min(dims, default=0) < 0 or math.prod(dims) > ELEMENTS_MAX:
                raise ValueError(f"shape is {dims}; allowed: 0 or more each, {ELEMENTS_MAX} elements in all")
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                tensor = self._external(tensor, dims)
            return onnx.numpy_helper.to_array(tensor)
        except (onnx.checker.ValidationError, *DAMAGE, OSError) as error:
            raise UsageError(f"tensor {tensor.name} is damaged: {_first_line(error)}") from error

    def _external(self, tensor: Any, dims: list[int]) -> Any:
        onnx = library("onnx")
        entries = {item.key: item.value for item in tensor.external_data}
        size = int(entries.get("length", 0))
        # Before anything is allocated: 16 bytes hold the widest element.
        if not 0 <= size <= 16 * max(math.prod(dims), 1) or int(entries.get("offset", 0)) < 0:
            raise ValueError(f"external data of {size} bytes for shape {dims}")
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        # Paths that leave the folder are refused by the library.
        onnx.external_data_helper.load_external_data_for_tensor(copy, os.fspath(self._folder))
        copy.data_location = onnx.TensorProto.DEFAULT
        return copy

    def fold(self, node: Node) -> bool:
        """Compute a node whose inputs are all constants; whether that could be done."""
        if node.op not in FOLDABLE or not all(name in self for name in node.inputs if name):
            return False
        arrays = [self[name] if name else None for name in node.inputs]
        if node.op == "Constant" and "value" in node.attributes:
            results = [self.read(node.attributes["value"])]
        elif node.op == "ConstantOfShape":
            results = [self._filled(node, arrays)]
        elif _result_size(node.op, arrays) > ELEMENTS_MAX:
            raise UsageError(f"node {node.label} makes more than {ELEMENTS_MAX} elements; allowed: at most that")
        else:
            results = evaluate(node, arrays, self._opset)
        if results is None:
            return False
        for name, array in zip(node.outputs, results, strict=False):
            self[name] = np.asarray(array)
        return True

    def _filled(self, node: Node, arrays: list[Any]) -> NDArray[Any]:
        shape = [int(size) for size in arrays[0].reshape(-1)] if arrays and arrays[0] is not None else [-1]
        if min(shape, default=0) < 0 or math.prod(shape) > ELEMENTS_MAX:
            raise UsageError(f"node {node.label} makes shape {shape}; allowed: at most {ELEMENTS_MAX} elements")
        value = self.read(node.attributes["value"]) if "value" in node.attributes else np.zeros(1, np.float32)
        return np.broadcast_to(value.reshape(-1)[:1].reshape(()), shape)


def evaluate(node: Node, arrays: list[Any], opset: int) -> list[Any] | None:
    """What a node makes of arrays, by ONNX's own reference; None if it cannot say."""
    onnx = library("onnx")
    from onnx.reference import ReferenceEvaluator

    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    names = [name for name in dict.fromkeys(node.inputs) if name]
    kept = [name for name in node.outputs if name]
    graph = onnx.helper.make_graph(
        [proto],
        "one",
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in names],
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in kept],
    )
    try:
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
        with np.errstate(all="ignore"):
            feeds = {name: array for name, array in zip(node.inputs, arrays, strict=True) if name}
            made = dict(zip(kept, ReferenceEvaluator(model).run(None, feeds), strict=True))
    except Exception:  # the reference raises whatever numpy does
        return None
    return [made.get(name) for name in node.outputs]


def _result_size(op: str, arrays: list[Any]) -> int:
    """An upper bound of the elements that a foldable node makes."""
    given = [array for array in arrays if array is not None]
    largest = sum(array.size for array in given)
    try:
        if op in ELEMENTWISE:
            return math.prod(np.broadcast_shapes(*(array.shape for array in given)))
        if op == "Expand":
            return math.prod(np.broadcast_shapes(given[0].shape, tuple(map(int, given[1].reshape(-1)))))
        if op == "Tile":
            return given[0].size * math.prod(max(int(times), 0) for times in given[1].reshape(-1))
        if op == "Range":
            start, limit, delta = (float(array.reshape(-1)[0]) for array in given)
            return math.ceil(abs((limit - start) / delta))
        if op == "MatMul":
            return given[0].size * given[1].shape[-1]
        if op == "Gather":
            return given[1].size * (given[0].size // min(given[0].shape))
    except (ValueError, IndexError, ZeroDivisionError, OverflowError):
        return 0  # nonsense; the reference will refuse it
    return largest


def live_nodes(nodes: list[Node], outputs: set[str]) -> set[int]:
    """Positions of the nodes that something at the end depends on."""
    wanted, live = set(outputs), set()
    for position in range(len(nodes) - 1, -1, -1):
        if wanted & set(nodes[position].outputs) - {""}:
            live.add(position)
            wanted.update(names_read(nodes[position].proto))
    return live


def names_read(proto: Any) -> Iterator[str]:
    """The tensors that a node reads, those of its branches too."""
    yield from filter(None, proto.input)
    for attribute in proto.attribute:
        if attribute.HasField("g"):
            for inner in attribute.g.node:
                yield from names_read(inner)
            yield from (output.name for output in attribute.g.output)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
