"""Quantized models by their float meaning: pairs of QuantizeLinear and DequantizeLinear are bounds, no more."""

from dataclasses import replace
from typing import Any

import numpy as np

from rtl_gen.frontend.importer import Importer, check_axis, operator
from rtl_gen.frontend.node import Node
from rtl_gen.frontend.pointwise import affine, extended
from rtl_gen.frontend.values import Refusal

BITS = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}
BITS |= {"uint4": (0, 15), "int4": (-8, 7)}


@operator("QuantizeLinear", moves=True)
def quantize(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0])
    scale, zero = _parameters(net, node)
    kind = "uint8" if zero is None else zero.dtype.name
    if kind not in BITS or np.size(scale) != 1 or node.get("output_dtype", 0):
        raise Refusal(f"it makes {kind} with {np.size(scale)} scales; needed: {', '.join(BITS)}, one scale")
    low, high = ((bound - _number(zero)) * _number(scale) for bound in BITS[kind])
    # An input's range is what calibration finds, not what the file says.
    if value.tensor not in net.ports or value.function.steps:
        value = extended(net, value, value.function.then("Clip", 0, low, high))
    net.give(node, replace(value, whole=True, codes=(scale, zero)))


@operator("DequantizeLinear", moves=True)
def dequantize(net: Importer, node: Node) -> None:
    value = net.value(node.inputs[0], whole=True)
    scale, zero = _parameters(net, node)
    if value.codes is not None:
        same = all(_number(a) == _number(b) for a, b in zip(value.codes, (scale, zero), strict=True))
        if np.size(scale) != 1 or not same:
            raise Refusal("its scale or zero point is not that of the QuantizeLinear before it; needed: the same")
        net.give(node, replace(value, whole=False, codes=None))
        return
    if node.get("block_size", 0):
        raise Refusal("it has a scale per block; needed: one, or one per channel")
    scales = np.asarray(scale, np.float64)
    shift = -scales * (0.0 if zero is None else np.asarray(zero, np.float64))
    if scales.size > 1:
        axis = check_axis(node.get("axis", 1), len(value.shape))
        after = (1,) * (len(value.shape) - axis - 1)
        scales, shift = scales.reshape(-1, *after), shift.reshape(-1, *after)
    net.give(node, affine(net, replace(value, whole=False), scales, shift))


def _parameters(net: Importer, node: Node) -> tuple[Any, Any]:
    scale = net.constant(node, 1)
    if scale is None or not np.all(np.isfinite(np.asarray(scale, np.float64))):
        raise Refusal("it has no finite scale; needed: one")
    return scale, net.constant(node, 2)


def _number(value: Any) -> float:
    return 0.0 if value is None else float(np.reshape(value, -1)[0])
