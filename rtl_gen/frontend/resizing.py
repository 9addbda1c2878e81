"""Resize and Upsample: what they do along each axis is asked of ONNX's own reference, and matched with ours."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.frontend.constants import evaluate
from rtl_gen.frontend.importer import Importer, check_axis, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.source import library
from rtl_gen.frontend.values import Refusal, Value
from sw_ref.network import ConvTranspose, Pad
from sw_ref.network import Resize as Nearest
from sw_ref.network.bilinear import COORDINATES, Interpolation, interpolation

BILINEAR = (2, 4)  # factors whose weights are exact words


@operator("Resize", "Upsample")
def resize(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    if len(value.shape) not in (3, 4):
        raise Refusal(f"its tensor has {len(value.shape)} axes; needed: 3 or 4")
    tensor = net.tensor(value)
    goal, scales = _goal(net, node, value)
    factors = tuple(after // before for after, before in zip(goal, value.shape, strict=True))
    if goal != tuple(np.multiply(factors, value.shape)) or factors[:2] != (1, 1) or min(factors) < 1:
        raise Refusal(f"it makes {goal} of {value.shape}; needed: whole factors, of positions only")
    shift = 4 - len(value.shape)
    lines = {axis + shift - 2: _line(net, node, value, axis, scales[axis]) for axis in range(2, len(value.shape))}
    factor = (factors[2 - shift] if shift == 0 else 1, factors[-1])
    if all(np.array_equal(line, nearest(len(line), factor[axis])) for axis, line in lines.items()):
        made = net.emit(Nearest(factor=factor), tensor) if factor != (1, 1) else tensor
    else:
        made = _bilinear(net, tensor, factor, lines)
    if made == tensor:
        net.dropped.add(net.at)
    net.made(node, made, len(value.shape))


def nearest(size: int, factor: int) -> NDArray[np.float64]:
    """The weight of each of `size` positions in each of size * factor positions."""
    return np.repeat(np.eye(size), factor, axis=1)


def linear(size: int, factor: int, *, half_pixel: bool) -> NDArray[np.float64]:
    """The same for linear interpolation whose ends repeat.

    Output j lies at (j + 1/2) / factor - 1/2 of the input, or (not `half_pixel`) at j / factor.
    """
    places = np.arange(size * factor)
    at = np.clip((places + 0.5) / factor - 0.5 if half_pixel else places / factor, 0, size - 1)
    return np.maximum(1 - np.abs(at - np.arange(size)[:, None]), 0)


def _bilinear(net: Importer, tensor: str, factor: tuple[int, int], lines: dict[int, NDArray[Any]]) -> str:
    """The ends repeated, then a depthwise transposed convolution, along one axis after the other."""
    for axis, line in lines.items():
        if factor[axis] == 1 and np.allclose(line, np.eye(len(line)), atol=1e-6):
            continue
        kinds = [
            kind
            for kind in COORDINATES
            if np.allclose(line, linear(len(line), factor[axis], half_pixel=kind == "half_pixel"), atol=1e-6)
        ]
        if factor[axis] not in BILINEAR or not kinds:
            raise Refusal(
                f"it interpolates by {factor[axis]}; needed: the nearest neighbour, or linear by "
                f"{' or '.join(map(str, BILINEAR))} with half pixels or asymmetric"
            )
        tensor = _interpolated(net, tensor, axis, interpolation(factor[axis], kinds[0]))
    return tensor


def _interpolated(net: Importer, tensor: str, axis: int, along: Interpolation) -> str:
    channels, *_ = net.shapes[tensor]
    pads, cut, stride, kernel = [0, 0, 0, 0], [0, 0, 0, 0], [1, 1], [1, 1]
    (pads[axis], pads[axis + 2]), (cut[axis], cut[axis + 2]) = along.edges, along.padding
    stride[axis], kernel[axis] = along.factor, len(along.weights)
    padded = net.emit(Pad(padding=(pads[0], pads[1], pads[2], pads[3]), mode="edge"), tensor, sources=())
    options = ConvTranspose(stride=(stride[0], stride[1]), padding=(cut[0], cut[1], cut[2], cut[3]), groups=channels)
    weight = np.reshape(along.weights, kernel) / along.denominator
    return net.emit(options, padded, weight=np.broadcast_to(weight, (channels, 1, *kernel)).astype(np.float32))


def _goal(net: Importer, node: Node, value: Value) -> tuple[tuple[int, ...], list[float]]:
    """The shape that is made, and the factor of each axis, as the file says it."""
    scales = node.attributes.get("scales")
    if node.op == "Resize":
        scales = net.constant(node, 1 if net.opset < 11 else 2)
    elif len(node.inputs) > 1:
        scales = net.constant(node, 1)
    sizes = net.constant(node, 3)
    rank = len(value.shape)
    axes = [check_axis(int(axis), rank) for axis in node.get("axes", range(rank))]
    if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("it keeps the aspect ratio; needed: sizes that are meant as they are")
    given = sizes if sizes is not None and np.size(sizes) else scales
    if given is None or np.size(given) != len(axes):
        raise Refusal(f"its scales are {given}; needed: one per axis")
    goal, factors = list(value.shape), [1.0] * rank
    for axis, number in zip(axes, np.reshape(given, -1), strict=True):
        factors[axis] = float(number) / value.shape[axis] if given is sizes else float(number)
        goal[axis] = int(number) if given is sizes else math.floor(value.shape[axis] * float(number))
    return tuple(goal), factors


def _line(net: Importer, node: Node, value: Value, axis: int, factor: float) -> NDArray[np.float64]:
    """The weight of each position along an axis in each position of the result: (before, after)."""
    onnx = library("onnx")
    attributes = {
        name: node.attributes[name]
        for name in ("mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside")
        if name in node.attributes
    }
    if net.opset < 11 or node.op == "Upsample":
        attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    if node.get("coordinate_transformation_mode", "") == "tf_crop_and_resize" or (
        node.get("antialias", 0) and factor < 1
    ):
        raise Refusal("it crops; needed: coordinates of the whole tensor")
    proto = onnx.helper.make_node("Resize", ["x", "", "scales"], ["y"], **attributes)
    size = value.shape[axis]
    if size * size * factor > 1 << 24:
        raise Refusal(f"it interpolates {size} positions; needed: fewer")
    unit = np.eye(size, dtype=np.float32)[:, None]
    made = evaluate(Node.of(proto, 0), [unit, None, np.array([1, 1, factor], np.float32)], 19)
    if made is None:
        raise Refusal("ONNX's reference cannot say what it does; needed: its documented modes")
    return np.asarray(made[0], np.float64)[:, 0]
