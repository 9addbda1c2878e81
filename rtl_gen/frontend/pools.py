"""Pooling, and means over positions."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from rtl_gen.frontend.importer import Importer, check_axis, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.values import Refusal, Value
from rtl_gen.frontend.windows import Padding, paddings, pair
from sw_ref.network import AveragePool, MaxPool


@operator("MaxPool", "AveragePool")
def pool(net: Importer, node: Node) -> None:
    if any(name and net.is_read(name) for name in node.outputs[1:]):
        raise Refusal("its indices are read; needed: a network that reads the maxima alone")
    value = net.value(node.inputs[0], whole=node.op == "MaxPool")
    if len(value.shape) not in (3, 4) or len(node.get("kernel_shape", [])) != len(value.shape) - 2:
        raise Refusal(f"it has {len(value.shape) - 2} kernel axes; needed: 1 or 2")
    tensor = net.tensor(value)
    size, axes = net.shapes[tensor][1:], len(value.shape) - 2
    kernel, stride, dilation = (pair(node, name, axes) for name in ("kernel_shape", "strides", "dilations"))
    given = paddings(node, axes, size, kernel, stride, dilation)
    padding = _ceiled(size, kernel, stride, dilation, given) if node.get("ceil_mode", 0) else given
    window: dict[str, Any] = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    if node.op == "MaxPool":
        options: MaxPool | AveragePool = MaxPool(**window)
    else:
        longer = any(now > before for now, before in zip(padding, given, strict=True))
        counted = bool(node.get("count_include_pad", 0))
        if counted and longer and any(given):
            raise Refusal("it counts padding, but not what ceil_mode adds to it; needed: one of the two")
        options = AveragePool(**window, count_padding=not any(padding) or (counted and not longer))
    net.made(node, net.emit(options, tensor), len(value.shape), like=value)


def _ceiled(size: Any, kernel: Any, stride: Any, dilation: Any, padding: Padding) -> Padding:
    """The padding with which rounding down gives what ceil_mode gives: a window must start before the end padding."""
    ends = []
    for axis in (0, 1):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        inside = size[axis] + padding[axis]
        count = math.ceil((inside + padding[axis + 2] - span) / stride[axis]) + 1
        count -= (count - 1) * stride[axis] >= inside
        ends.append(max((count - 1) * stride[axis] + span - inside, 0))
    return padding[0], padding[1], ends[0], ends[1]


@operator("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax")
def reduce(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    rank = len(value.shape)
    axes, keep = tuple(range(2, rank)), True
    if node.op.startswith("Reduce"):
        given = net.constant(node, 1, "axes")
        if given is None or np.size(given) == 0:
            given = [] if node.get("noop_with_empty_axes", 0) else range(rank)
        axes = tuple(sorted({check_axis(int(axis), rank) for axis in np.reshape(given, -1)}))
        keep = bool(node.get("keepdims", 1))
    if not axes:
        net.dropped.add(net.at)
        net.give(node, value)
        return
    if 0 in axes:
        raise Refusal("it reduces over the batch; needed: over positions")
    rest = [axis for axis in range(1, rank) if axis not in axes]
    result = _reduced(net, node, value, axes, rest)
    kept = [1 if axis in axes else value.shape[axis] for axis in range(rank)]
    shape = kept if keep else [size for axis, size in enumerate(kept) if axis not in axes]
    net.give(node, replace(result, shape=tuple(shape)))


def _reduced(net: Importer, node: Node, value: Value, axes: tuple[int, ...], rest: list[int]) -> Value:
    """The maximum, mean or sum over `axes`, as a tensor that has the other axes in order."""
    if not rest and len(axes) > 2:
        raise Refusal("it reduces over channels and positions at once; needed: over positions")
    if rest[:1] == [1] or not rest:
        moved = value if rest else value.seen(value.places()[:, None])
    elif len(rest) == 1:
        moved = value.moved(rest[0], 1)
        axes = tuple(range(2, len(value.shape)))
    else:
        raise Refusal("it reduces over the channels and keeps several axes; needed: over positions")
    tensor = net.tensor(moved)
    size = net.shapes[tensor][1:]
    shift = 4 - len(moved.shape)
    kernel = size if not rest else _window(size, [axis + shift for axis in axes])
    options = (
        MaxPool(kernel=kernel, stride=kernel)
        if node.op in ("ReduceMax", "GlobalMaxPool")
        else AveragePool(kernel=kernel, stride=kernel)
    )
    made = Value(name="", tensor=net.emit(options, tensor), shape=(1,))
    if node.op != "ReduceSum":
        return made
    function = made.function.then("Mul", 0, float(math.prod(kernel)))
    return replace(made, function=function, sources=(net.at,))


def _window(size: tuple[int, int], axes: list[int]) -> tuple[int, int]:
    return size[0] if 2 in axes else 1, size[1] if 3 in axes else 1
