"""Operators on single values: functions that become bounds or tables, and sums and factors that are constant."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.function import FORMULAS, Function
from rtl_gen.frontend.graph import Affine
from rtl_gen.frontend.importer import Importer, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.values import Refusal, Value, single
from sw_ref.network import Add

UNARY = (
    *("Abs", "Celu", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish", "Neg"),
    *("Reciprocal", "Selu", "Shrink", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"),
)


def extended(net: Importer, value: Value, function: Function) -> Value:
    """`value` with a longer function, which stands for the node in work, too."""
    net.emitted.add(net.at)
    return replace(value, function=function, sources=(*value.sources, net.at))


@operator(*UNARY, pointwise=True)
def unary(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    names = ("alpha", "beta", "gamma", "lambd", "bias", "approximate")
    parameters = {name: node.get(name, None) for name in names if name in node.attributes}
    if (kind := parameters.get("approximate", "none")) not in ("none", "tanh"):
        raise Refusal(f"approximate is {kind!r}; needed: 'none' or 'tanh'")
    net.give(node, extended(net, value, value.function.then(node.op, 0, **parameters)))


@operator("Relu", "Clip", pointwise=True)
def clip(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    low, high = 0.0, math.inf
    if node.op == "Clip":
        low = _scalar(net.constant(node, 1, "min", -math.inf))
        high = _scalar(net.constant(node, 2, "max", math.inf))
    if math.isnan(low) or math.isnan(high):
        raise Refusal("a bound is not a number; needed: two numbers")
    # ONNX: where min exceeds max, everything becomes max.
    net.give(node, extended(net, value, value.function.then("Clip", 0, min(low, high), high)))


@operator("PRelu", pointwise=True)
def prelu(net: Importer, node: Node) -> None:
    value, slope = net.value(node.inputs[0]), net.reals(node, 1)
    if slope is None or slope.size == 0 or (slope != slope.flat[0]).any():
        raise Refusal("it has a slope per channel; needed: one slope, because a layer has one table")
    net.give(node, extended(net, value, value.function.then("LeakyRelu", 0, alpha=float(slope.flat[0]))))


@operator("Swish", pointwise=True)
def swish(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    inner = value.function.then("Mul", 0, float(node.get("alpha", 1.0))).then("Sigmoid", 0)
    net.give(node, extended(net, value, value.function.combined(inner, "Mul")))


@operator("Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Max", "Min", pointwise=True)
def arithmetic(net: Importer, node: Node) -> None:
    op = {"Sum": "Add", "Mean": "Add"}.get(node.op, node.op)
    operands: list[Any] = [net.constants[n] if n in net.constants else net.value(n) for n in node.inputs]
    result = operands[0] if len(operands) > 1 else extended(net, operands[0], operands[0].function)
    for operand in operands[1:]:
        result = _pair(net, node, op, result, operand)
    if node.op == "Mean":
        result = extended(net, result, result.function.then("Mul", 0, 1 / len(operands)))
    net.give(node, result)


def _pair(net: Importer, node: Node, op: str, left: Any, right: Any) -> Any:
    if not isinstance(left, Value) and not isinstance(right, Value):
        if op != "Add":
            raise Refusal("several of its inputs are constant; needed: one")
        return np.asarray(left) + np.asarray(right)
    if isinstance(left, Value) and isinstance(right, Value):
        return _two(net, op, left, right)
    value, constant = (left, right) if isinstance(left, Value) else (right, left)
    return _with_constant(net, node, op, value, np.asarray(constant), first=value is left)


def _two(net: Importer, op: str, left: Value, right: Value) -> Value:
    """Of two tensors: a function of what both are made from, or their sum."""
    for one, other in ((left, right), (net.origin(left), right), (left, net.origin(right))):
        if one.same_place(other) and op in FORMULAS:
            both = replace(one, sources=(*one.sources, *(name for name in other.sources if name not in one.sources)))
            return extended(net, both, one.function.combined(other.function, op))
    if op not in ("Add", "Sub"):
        raise Refusal(f"it is a {op} of two activations; needed: one constant operand")
    if left.shape != right.shape:
        raise Refusal(f"it adds {left.shape} and {right.shape}; needed: equal shapes")
    if op == "Sub":
        right = extended(net, right, right.function.then("Mul", 0, -1.0))
    if left.index is not None and right.index is not None and np.array_equal(left.index, right.index):
        # Both in the same other order: added where they lie.
        tensors = (net.stored(left).tensor, net.stored(right).tensor)
        made = net.emit(Add(), *tensors)
        return Value(name="", tensor=made, shape=left.shape, index=left.index)
    tensors = (net.tensor(left), net.tensor(right))
    return Value(name="", tensor=net.emit(Add(), *tensors), shape=left.shape)


def _with_constant(net: Importer, node: Node, op: str, value: Value, constant: NDArray[Any], first: bool) -> Value:
    values = constant.astype(np.float64)
    if np.isnan(values).any() or np.broadcast_shapes(value.shape, values.shape) != value.shape:
        raise Refusal(f"its constant {values.shape} is not a number, or enlarges {value.shape}; needed: one that fits")
    if values.size and (values == values.flat[0]).all():
        return _with_scalar(net, op, value, float(values.flat[0]), first)
    if op in ("Add", "Sub"):
        sign = -1.0 if op == "Sub" and not first else 1.0
        return affine(net, value, np.full(1, sign), values if op == "Add" or not first else -values)
    if op == "Mul" or (op == "Div" and first):
        with np.errstate(all="ignore"):
            return affine(net, value, values if op == "Mul" else 1 / values, np.zeros(1))
    raise Refusal(f"it is a {op} with a constant that varies; needed: one number")


def _with_scalar(net: Importer, op: str, value: Value, constant: float, first: bool) -> Value:
    if op in ("Max", "Min"):
        bounds = (constant, math.inf) if op == "Max" else (-math.inf, constant)
        return extended(net, value, value.function.then("Clip", 0, *bounds))
    operands: tuple[int | float, ...] = (0, constant) if first else (constant, 0)
    return extended(net, value, value.function.then(op, *operands))


def affine(net: Importer, value: Value, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Value:
    """scale * value + shift, both constant, broadcast as numpy does, and varying along one axis at most."""
    rank = len(value.shape)
    parts = [part.reshape((1,) * (rank - part.ndim) + part.shape) for part in (scale, shift)]
    if not all(np.isfinite(part).all() for part in parts):
        raise Refusal("its constants are not finite; needed: finite ones")
    if any(np.broadcast_shapes(value.shape, part.shape) != value.shape for part in parts):
        raise Refusal(f"its constants {[part.shape for part in parts]} do not fit {value.shape}; needed: ones that fit")
    axes = {axis for part in parts for axis in range(rank) if (part != part.take([0], axis)).any()}
    if not axes:
        factor, offset = (float(part.flat[0]) for part in parts)
        function = value.function if factor == 1 else value.function.then("Mul", 0, factor)
        return extended(net, value, function if offset == 0 else function.then("Add", 0, offset))
    if len(axes) > 1 or 0 in axes:
        raise Refusal(f"its constant varies along axes {sorted(axes)}; needed: along the channels alone")
    (axis,) = axes
    moved = value.moved(axis, 1)
    tensor = net.tensor(moved)
    shape = net.shapes[tensor]
    corner = tuple(slice(None) if at == axis else 0 for at in range(rank))
    weight, bias = (np.broadcast_to(part[corner], shape[:1]) for part in parts)
    made = net.emit(Affine(), tensor, weight=single(weight), bias=bias.astype(np.float32))
    return Value(name="", tensor=made, shape=moved.shape).moved(1, axis)


def _scalar(value: Any) -> float:
    array = np.asarray(value, np.float64)
    if array.size != 1:
        raise Refusal(f"a bound has {array.size} values; needed: one")
    return float(array.reshape(-1)[0])
