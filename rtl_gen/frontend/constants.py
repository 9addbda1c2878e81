"""Constants of an ONNX file: initializers, and results of nodes whose inputs are all constants."""

import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.source import DAMAGE, first_line, library

ELEMENTS_MAX = 1 << 28  # of one constant: more than the largest layer that anybody would put into an array
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


class Constants:
    """Arrays that are known before the network runs, by name. They are computed when they are first asked for."""

    def __init__(self, folder: Path, opset: int) -> None:
        self._folder = folder
        self._opset = opset
        self._tensors: dict[str, Any] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def add_tensors(self, graph: Any) -> None:
        """Take initializers of a graph; they are read when they are asked for.

        Raises :class:`UsageError` if two have one name.
        """
        named = [(tensor.name, tensor) for tensor in graph.initializer]
        named += [(sparse.values.name, sparse) for sparse in graph.sparse_initializer]
        for name, times in Counter(name for name, _ in named).items():
            if times > 1:
                raise UsageError(f"the graph has initializer {name} {times} times; allowed: once")
        self._tensors |= dict(named)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors or name in self._arrays

    def __setitem__(self, name: str, array: NDArray[Any]) -> None:
        self._arrays[name] = array

    def __getitem__(self, name: str) -> NDArray[Any]:
        """An array. Raises :class:`UsageError` with the tensor's name if it is damaged."""
        if name not in self._arrays:
            self._arrays[name] = self.read(self._tensors[name], name)
        return self._arrays[name]

    def read(self, tensor: Any, name: str) -> NDArray[Any]:
        """The array of a TensorProto, or of a sparse one; errors call it by `name`. Raises :class:`UsageError`."""
        onnx = library("onnx")
        dims = list(tensor.dims)
        try:
            if min(dims, default=0) < 0 or math.prod(dims) > ELEMENTS_MAX:
                raise ValueError(f"shape is {dims}; allowed: 0 or more each, {ELEMENTS_MAX} elements in all")
            if isinstance(tensor, onnx.SparseTensorProto):
                return dense(self.read(tensor.values, name), self.read(tensor.indices, name), dims)
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                tensor = self._external(tensor, dims)
            return onnx.numpy_helper.to_array(tensor)
        except UsageError:
            raise
        except (onnx.checker.ValidationError, *DAMAGE, OSError) as error:
            raise UsageError(f"tensor {name} is damaged: {first_line(error)}") from error

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
        if node.op == "Constant" and (value := node.attributes.get("value", node.attributes.get("sparse_value"))):
            results = [self.read(value, node.label)]
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
        value: NDArray[Any] = np.zeros(1, np.float32)
        if "value" in node.attributes:
            value = self.read(node.attributes["value"], node.label)
        return np.broadcast_to(value.reshape(-1)[:1].reshape(()), shape)


def dense(values: NDArray[Any], indices: NDArray[Any], dims: list[int]) -> NDArray[Any]:
    """The array of a sparse tensor, whose `indices` are positions in C order, or one per axis."""
    array = np.zeros(dims, values.dtype)
    places = indices if indices.ndim == 1 else np.ravel_multi_index(tuple(indices.T), tuple(dims))
    if places.size and not 0 <= places.min() <= places.max() < array.size:
        raise ValueError(f"its indices go from {places.min()} to {places.max()}; allowed: 0 to {array.size - 1}")
    array.reshape(-1)[places] = values
    return array


OLDEST = {"DequantizeLinear": 19}
"""The first version of an operator that the reference knows, where older ones do the same."""


def evaluate(node: Node, arrays: list[Any], opset: int) -> list[Any] | None:
    """The outputs of a node for given arrays, by ONNX's own reference; None if it cannot compute them."""
    onnx = library("onnx")
    from onnx.reference import ReferenceEvaluator

    opset = max(opset, OLDEST.get(node.op, opset))
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
