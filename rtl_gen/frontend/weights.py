"""The weights of the layers of an ONNX file, wherever the file keeps them: what `quantize` reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.errors import UsageError
from rtl_gen.frontend.constants import Constants
from rtl_gen.frontend.layers import turned
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.source import load, opset_of

# Other domains' forms of the same layers (onnxruntime's optimizer writes them).
SAME = {"com.microsoft.FusedConv": "Conv", "com.microsoft.FusedGemm": "Gemm", "com.microsoft.FusedMatMul": "MatMul"}
UNIT = {"QLinearConv": (3, 4, 5), "QLinearMatMul": (3, 4, 5)}  # where weight, scale and zero point are
TURNED = "weight turned to (O, I, ...)"


@dataclass(frozen=True, kw_only=True)
class LayerWeight:
    """A weight (O, I / groups, *kernel) of one layer or more; `refusal`: why it is none that could be quantized."""

    name: str
    array: NDArray[Any] | None = None
    groups: int = 1
    note: str = ""
    refusal: str = ""


def layer_weights(path: Path) -> Iterator[LayerWeight]:
    """Every constant that a node multiplies by, and those of 2 axes or more that it reads otherwise, with a refusal.

    Raises :class:`UsageError` for a damaged file, :class:`CheckError` if `onnx` is not installed.
    """
    model = load(path)
    constants = Constants(path.parent, opset_of(model))
    found: dict[tuple[Any, ...], LayerWeight] = {}
    read: set[str] = set()
    for node in _nodes(model.graph, constants, read):
        for weight in _of_node(node, constants):
            found.setdefault((weight.name, weight.groups, weight.note, weight.refusal), weight)
    layers = {weight.name for weight in found.values() if not weight.refusal}
    names, taken = {weight.name for weight in found.values()}, set[str]()
    for weight in found.values():
        if weight.refusal and weight.name in layers:
            continue
        # A weight that layers read in different ways is several weights.
        name = weight.name
        if name in taken:
            numbered = (f"{name}.{number}" for number in count(2))
            name = next(other for other in numbered if other not in names | taken)
        taken.add(name)
        yield replace(weight, name=name)
    for tensor in model.graph.initializer:
        if tensor.name not in taken:
            yield LayerWeight(name=tensor.name, refusal="" if tensor.name in read else "no node reads it")


def _nodes(graph: Any, constants: Constants, read: set[str]) -> Iterator[Node]:
    """The nodes that are not constant, those of branches and loops too; `read` gets what any node reads."""
    constants.add_tensors(graph)
    for position, proto in enumerate(graph.node):
        node = Node.of(proto, position)
        read.update(node.inputs)
        if constants.fold(node):
            continue
        yield node
        for attribute in proto.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g, constants, read)


def _of_node(node: Node, constants: Constants) -> Iterator[LayerWeight]:
    op = SAME.get(node.op, node.op)
    reader = {"Conv": _conv, "ConvTranspose": _conv, "Gemm": _gemm, "MatMul": _matmul}.get(op, _quantized)
    known = [name for name in node.inputs if name in constants]
    where = f"{node.op} {node.label}"
    if op in ("Conv", "ConvTranspose", "Gemm") and (len(node.inputs) < 2 or node.inputs[1] not in constants):
        name = node.inputs[1] if len(node.inputs) > 1 else node.label
        yield LayerWeight(name=name, refusal=f"weight of {where}, computed while the network runs")
        reader = None
    try:
        weight = None if reader is None else reader(node, op, constants)
    except UsageError:
        raise
    except (ValueError, TypeError, IndexError) as error:
        raise UsageError(f"{where}: its weight and options do not fit: {error}") from error
    if weight is not None:
        if (factor := node.get("alpha", 1.0)) != 1 and op in ("Gemm", "MatMul"):
            notes = filter(None, (weight.note, f"without its layer's alpha {factor:g}"))
            weight = replace(weight, note="; ".join(notes))
        yield weight
        return
    if op == "MatMul" and not known:
        yield LayerWeight(name=node.label, refusal=f"{where} multiplies two activations")
    for name in known:
        if constants[name].ndim > 1:
            yield LayerWeight(name=name, refusal=f"read by {where}, which is no layer of one matrix or kernel")


def _conv(node: Node, op: str, constants: Constants) -> LayerWeight:
    name, groups = node.inputs[1], node.get("group", 1)
    if type(groups) is not int:
        raise ValueError(f"group is {groups!r}; allowed: a number")
    array = constants[name]
    if op == "Conv":
        return LayerWeight(name=name, array=array, groups=groups)
    if groups < 1 or array.ndim < 2 or array.shape[0] % groups:
        raise ValueError(f"{array.shape} in {groups} groups")
    return LayerWeight(name=name, array=turned(array, groups), groups=groups, note=f"{op} {TURNED}")


def _gemm(node: Node, op: str, constants: Constants) -> LayerWeight:
    array = constants[node.inputs[1]]
    if node.get("transB", 0) or array.ndim != 2:
        return LayerWeight(name=node.inputs[1], array=array)
    return LayerWeight(name=node.inputs[1], array=array.T, note=f"{op} {TURNED}")


def _matmul(node: Node, op: str, constants: Constants) -> LayerWeight | None:
    first, second = node.inputs[:2]
    name = second if second in constants else first
    if name not in constants or constants[name].ndim != 2:
        return None
    array = constants[name]
    # A weight that is the second factor is (I, O), a first one (O, I), unless its own option says the reverse.
    if (name == second) != bool(node.get("transB" if name == second else "transA", 0)):
        return LayerWeight(name=name, array=array.T, note=f"{op} {TURNED}")
    return LayerWeight(name=name, array=array)


def _quantized(node: Node, op: str, constants: Constants) -> LayerWeight | None:
    """The real weights that integers stand for, where the node says their scale."""
    if op not in UNIT or not all(node.inputs[at] in constants for at in UNIT[op]):
        return None
    name, scale, zero = (node.inputs[at] for at in UNIT[op])
    array, unit, offset = constants[name], constants[scale], constants[zero]
    if array.ndim < 2 or (op == "QLinearMatMul" and array.ndim != 2):
        return None
    if op == "QLinearConv":
        shape = (-1, *(1,) * (array.ndim - 1)) if unit.size > 1 else ()
        real = (array.astype(np.float32) - offset.astype(np.float32).reshape(shape)) * unit.reshape(shape)
        return LayerWeight(name=name, array=real, groups=node.get("group", 1), note=f"dequantized from {array.dtype}")
    real = (array.astype(np.float32) - offset.astype(np.float32)) * unit
    return LayerWeight(name=name, array=real.T, note=f"dequantized from {array.dtype}, {TURNED}")
