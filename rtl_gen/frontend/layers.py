"""Layers with weights: Conv, ConvTranspose, Gemm, MatMul, BatchNormalization."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.importer import Importer, check_axis, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.pointwise import affine
from rtl_gen.frontend.values import Refusal, Value
from rtl_gen.frontend.windows import auto_pad, paddings, pair
from sw_ref.network import Conv, ConvTranspose, Linear


@operator("Conv")
def conv(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    weight, groups = _kernel(net, node, value)
    outputs, inputs = weight.shape[:2]
    if outputs % groups or inputs * groups != value.shape[1]:
        raise Refusal(f"weights {weight.shape} in {groups} groups do not fit {value.shape[1]} channels")
    tensor = net.tensor(value)
    axes = len(value.shape) - 2
    stride, dilation = pair(node, "strides", axes), pair(node, "dilations", axes)
    padding = paddings(node, axes, net.shapes[tensor][1:], weight.shape[2:], stride, dilation)
    options = Conv(stride=stride, dilation=dilation, padding=padding, groups=groups)
    made = net.emit(options, tensor, weight=weight, bias=_bias(net, node, outputs))
    net.made(node, made, len(value.shape))


@operator("ConvTranspose")
def conv_transpose(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    weight, groups = _kernel(net, node, value)
    inputs, outputs, *kernel = weight.shape
    if inputs != value.shape[1] or inputs % groups:
        raise Refusal(f"weights {weight.shape} in {groups} groups do not fit {value.shape[1]} channels")
    weight = turned(weight, groups)
    tensor, axes = net.tensor(value), len(value.shape) - 2
    parts: dict[str, Any] = {"stride": pair(node, "strides", axes), "dilation": pair(node, "dilations", axes)}
    parts |= _transposed_padding(node, axes, net.shapes[tensor][1:], tuple(kernel), parts)
    options = ConvTranspose(**parts, groups=groups)
    made = net.emit(options, tensor, weight=weight, bias=_bias(net, node, outputs * groups))
    net.made(node, made, len(value.shape))


def turned(weight: NDArray[Any], groups: int) -> NDArray[Any]:
    """A ConvTranspose weight (I, O / groups, *kernel) as (O, I / groups, *kernel)."""
    inputs, outputs, *kernel = weight.shape
    cut = weight.reshape(groups, inputs // groups, outputs, *kernel)
    return np.ascontiguousarray(np.swapaxes(cut, 1, 2)).reshape(groups * outputs, inputs // groups, *kernel)


def _transposed_padding(
    node: Node, axes: int, size: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any]
) -> dict[str, Any]:
    """Padding and output padding; `output_shape` decides the padding if it is given, as auto_pad SAME does."""
    extra = pair(node, "output_padding", axes, 0)
    wanted = node.get("output_shape", None)
    auto = auto_pad(node)
    if wanted is None and auto in ("NOTSET", "VALID"):
        padding = paddings(node, axes, size, kernel, options["stride"], options["dilation"])
        return {"padding": padding, "output_padding": extra}
    if wanted is None:
        wanted = [n * s for n, s in zip(size, options["stride"], strict=True)][-axes:]
    if len(wanted) != axes:
        raise Refusal(f"output_shape is {wanted}; needed: {axes} numbers")
    wanted = [1] * (2 - axes) + list(wanted)
    starts, ends = [], []
    for n, s, d, k, more, goal in zip(size, options["stride"], options["dilation"], kernel, extra, wanted, strict=True):
        cut = s * (n - 1) + more + d * (k - 1) + 1 - goal
        small = cut // 2 if auto == "SAME_UPPER" else cut - cut // 2
        starts.append(small)
        ends.append(cut - small)
    if min(starts + ends) < 0:
        raise Refusal(f"output_shape {wanted} is larger than the convolution's; needed: output_padding instead")
    return {"padding": (*starts, *ends), "output_padding": extra}


def _kernel(net: Importer, node: Node, value: Value) -> tuple[NDArray[np.float32], int]:
    """The weight with two kernel axes, and the groups."""
    weight = net.reals(node, 1)
    if weight is None or weight.ndim != len(value.shape) or weight.ndim not in (3, 4):
        raise Refusal(f"it has {len(value.shape) - 2} kernel axes; needed: 1 or 2")
    groups, kernel = node.get("group", 1), node.get("kernel_shape", weight.shape[2:])
    if groups < 1 or 0 in weight.shape:
        raise Refusal(f"it has {groups} groups and weights {weight.shape}; needed: 1 or more")
    if tuple(kernel) != weight.shape[2:]:
        raise Refusal(f"kernel_shape is {list(kernel)}; needed: {list(weight.shape[2:])}, as its weights have it")
    if weight.ndim == 3:
        weight = weight[:, :, None]
    return weight.astype(np.float32, copy=False), groups


def _bias(net: Importer, node: Node, outputs: int) -> NDArray[np.float32] | None:
    bias = net.reals(node, 2)
    if bias is not None and bias.size != outputs:
        raise Refusal(f"its bias has {bias.size} values; needed: {outputs}, one per output channel")
    return None if bias is None else bias.reshape(-1).astype(np.float32)


@operator("Gemm")
def gemm(net: Importer, node: Node) -> None:
    if node.get("transA", 0):
        raise Refusal("transA is 1: its batch would be its channels; needed: transA 0")
    weight = net.reals(node, 1)
    if weight is None or weight.ndim != 2:
        raise Refusal("its weight is no matrix; needed: (I, O)")
    weight = weight if node.get("transB", 0) else weight.T
    if node.get("alpha", 1.0) != 1:
        weight = weight * np.float64(node.get("alpha", 1.0))
    value, bias = net.value(node.inputs[0]), net.reals(node, 2)
    if len(value.shape) != 2:
        raise Refusal(f"its tensor has {len(value.shape)} axes; needed: 2")
    result = _linear(net, value, weight, axis=1)
    if bias is not None:
        result = affine(net, result, np.ones(1), np.atleast_1d(bias) * np.float64(node.get("beta", 1.0)))
    net.give(node, result)


@operator("MatMul")
def matmul(net: Importer, node: Node) -> None:
    first, second = node.inputs
    if first in net.values and second in net.values:
        raise Refusal("it is a product of two activations; needed: one constant factor")
    if second in net.constants:
        value, weight = net.value(first), net.reals(node, 1)
        axis = len(value.shape) - 1
    else:
        value, weight = net.value(second), net.reals(node, 0)
        axis = max(len(value.shape) - 2, 0)
    assert weight is not None
    if second in net.constants:
        weight = weight[:, None] if weight.ndim == 1 else weight
        weight = np.swapaxes(weight, -1, -2)
    more = max(weight.ndim - max(len(value.shape), 2), 0)  # axes that the weight puts before the tensor's
    if weight.ndim > 2 and weight.size == weight.shape[-1] * weight.shape[-2]:
        weight = weight.reshape(weight.shape[-2:])
    if weight.ndim != 2 or axis == 0:
        raise Refusal("it is a batch of matrices, or works on the batch axis; needed: one constant matrix")
    result = _linear(net, value, weight, axis)
    if more:
        result = result.seen(result.places().reshape((1,) * more + result.shape))
    one = second in net.constants and net.constants[second].ndim == 1
    net.give(node, result.seen(result.places()[..., 0]) if one else result)


def _linear(net: Importer, value: Value, weight: NDArray[Any], axis: int) -> Value:
    """A matrix (O, I) times the channels on `axis`, at every position."""
    axis = check_axis(axis, len(value.shape))
    if value.shape[axis] != weight.shape[1] or weight.size == 0:
        raise Refusal(f"its weights are {weight.shape} for {value.shape[axis]} channels")
    moved = value.moved(axis, 1)
    tensor = net.tensor(moved)
    made = net.emit(Linear(), tensor, weight=weight.astype(np.float32, copy=False))
    shape = (moved.shape[0], len(weight), *moved.shape[2:])
    return Value(name="", tensor=made, shape=shape).moved(1, axis)


@operator("BatchNormalization")
def batch_norm(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    if node.get("training_mode", 0) or any(name and net.is_read(name) for name in node.outputs[1:]):
        raise Refusal("it is in training mode; needed: inference")
    if not node.get("spatial", 1) or len(value.shape) < 2:
        raise Refusal("it has a norm per position; needed: one per channel")
    gain, shift, mean, variance = (np.asarray(net.reals(node, position), np.float64) for position in (1, 2, 3, 4))
    if any(part.shape != (value.shape[1],) for part in (gain, shift, mean, variance)):
        raise Refusal(f"its parameters do not have {value.shape[1]} values; needed: one per channel")
    deviation = np.sqrt(np.maximum(variance + node.get("epsilon", 1e-5), 0))
    if not deviation.all():
        raise Refusal("its variance is 0 or less; needed: more than 0")
    scale = gain / deviation
    axes = (1,) * (len(value.shape) - 2)
    net.give(node, affine(net, value, scale.reshape(-1, *axes), (shift - mean * scale).reshape(-1, *axes)))
