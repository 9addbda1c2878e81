"""Operators that move data: views, concatenation, padding."""

import math
from dataclasses import replace

import numpy as np

from rtl_gen.frontend.constants import evaluate
from rtl_gen.frontend.importer import FLOATS, Importer, check_axis, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.source import type_name
from rtl_gen.frontend.values import Refusal, Value
from sw_ref.network import Concat as Join
from sw_ref.network import Pad as Padded
from sw_ref.network import Slice


@operator(
    *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Split", "Gather"),
    *("DepthToSpace", "SpaceToDepth"),
    moves=True,
)
def move(net: Importer, node: Node) -> None:
    """Moves are done on places by ONNX's own reference; what they come to is seen when the tensor is read."""
    value = net.value(node.inputs[0], whole=True)
    others = [net.constant(node, position) for position in range(1, len(node.inputs))]
    results = evaluate(node, [value.places(), *others], net.opset)
    if results is None:
        raise Refusal(f"it does not fit a tensor of shape {value.shape}, or its options; needed: options that fit")
    for output, index in enumerate(results):
        if index is not None and node.outputs[output]:
            if index.size == 0:
                raise Refusal("its result is empty; needed: one element or more")
            net.give(node, value.seen(np.asarray(index, np.int64)), output)


@operator("Identity", "Dropout", moves=True)
def identity(net: Importer, node: Node) -> None:
    if node.op == "Dropout":
        training = net.constant(node, 2) if len(node.inputs) > 2 else None
        if (training is not None and np.any(training)) or any(name and net.is_read(name) for name in node.outputs[1:]):
            raise Refusal("it drops values, or its mask is read; needed: inference")
    net.give(node, net.value(node.inputs[0], whole=True))


@operator("Cast", "CastLike", moves=True)
def cast(net: Importer, node: Node) -> None:
    target = node.get("to", 0)
    if node.op == "CastLike" and node.inputs[0] in net.constants:
        net.constants[node.outputs[0]] = net.constants[node.inputs[0]].astype(np.float32)
        return
    value = net.value(node.inputs[0], whole=True)
    if node.op == "CastLike":
        given = net.constant(node, 1)
        target = 1 if given.dtype.kind == "f" else 0
    if target not in FLOATS or value.codes is not None:
        raise Refusal(f"it casts to {type_name(target)}; needed: float32, float16, float64 or bfloat16")
    net.give(node, replace(value, whole=False))


@operator("Shape", "Size")
def shape(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0], whole=True)
    rank = len(value.shape)
    start, end, _ = slice(node.get("start", 0), node.get("end", rank)).indices(rank)
    size = np.array(value.shape[start:end], np.int64)
    net.constants[node.outputs[0]] = size if node.op == "Shape" else np.array(math.prod(value.shape), np.int64)


@operator("Expand", "Tile", moves=True)
def repeat(net: Importer, node: Node) -> None:
    value, sizes = net.value(node.inputs[0]), net.constant(node, 1)
    sizes = tuple(int(size) for size in sizes.reshape(-1))
    if node.op == "Expand":
        grown = np.broadcast_shapes(value.shape, sizes)
    else:
        grown = tuple(n * size for n, size in zip(value.shape, sizes, strict=True))
    if grown != value.shape:
        raise Refusal(f"it repeats {value.shape} into {grown}; needed: the same shape")
    net.give(node, value)


@operator("Concat")
def concat(net: Importer, node: Node) -> None:
    constant = [name for name in node.inputs if name in net.constants]
    if constant:
        raise Refusal(f"its input {constant[0]} is a constant; needed: tensors that depend on the input")
    values = [net.value(name) for name in node.inputs]
    axis = check_axis(node.get("axis", 1), len(values[0].shape))
    if axis == 0:
        raise Refusal("it joins along the batch; needed: along the channels")
    tensors = tuple(net.tensor(value.moved(axis, 1)) for value in values)
    made = net.emit(Join(), *tensors)
    moved = values[0].moved(axis, 1).shape
    joined = sum(value.shape[axis] for value in values)
    net.give(node, Value(name="", tensor=made, shape=(moved[0], joined, *moved[2:])).moved(1, axis))


@operator("Pad", moves=True)
def pad(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0], whole=True)
    if value.codes is not None:
        raise Refusal("it pads codes of a QuantizeLinear; needed: DequantizeLinear before it")
    rank = len(value.shape)
    pads = [int(size) for size in np.reshape(net.constant(node, 1, "pads"), -1)]
    axes = net.constant(node, 3)
    axes = range(rank) if axes is None else [check_axis(int(axis), rank) for axis in np.reshape(axes, -1)]
    if len(pads) != 2 * len(axes):
        raise Refusal(f"pads are {pads}; needed: a start and an end for each of {len(axes)} axes")
    around = [(0, 0)] * rank
    for position, axis in enumerate(axes):
        around[axis] = (pads[position], pads[position + len(pads) // 2])
    if not any(map(any, around)):
        net.give(node, value)
        return
    mode = str(node.get("mode", "constant")).replace("constant", "zero")
    fill = net.constant(node, 2, "value", 0.0)
    if mode == "zero" and fill is not None and np.any(fill):
        raise Refusal(f"its value is {np.reshape(fill, -1)[0]}; needed: 0")
    free = [axis for axis in range(1, rank) if around[axis] == (0, 0)]
    if any(around[0]) or not free:
        raise Refusal(f"pads are {pads}; needed: pads along positions only")
    axis = 1 if 1 in free else free[-1]
    moved, around = value.moved(axis, 1), [around[0], (0, 0), *(a for k, a in enumerate(around) if k not in (0, axis))]
    tensor = _cropped(net, net.tensor(moved), around)
    if max(map(max, around)) > 0:
        (top, bottom), (left, right) = ((max(a, 0), max(b, 0)) for a, b in ((0, 0), *around[2:])[-2:])
        tensor = net.emit(Padded(padding=(top, left, bottom, right), mode=mode), tensor)
    size = tuple(n + sum(a) for n, a in zip(moved.shape, around, strict=True))
    net.give(node, Value(name="", tensor=tensor, shape=size, whole=value.whole).moved(1, axis))


def _cropped(net: Importer, tensor: str, around: list[tuple[int, int]]) -> str:
    """Without what negative pads cut off."""
    channels, height, width = net.shapes[tensor]
    (top, bottom), (left, right) = ((max(-a, 0), max(-b, 0)) for a, b in ((0, 0), *around[2:])[-2:])
    if not any((top, bottom, left, right)):
        return tensor
    return net.emit(Slice(start=(0, top, left), stop=(channels, height - bottom, width - right)), tensor)
