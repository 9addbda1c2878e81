"""Windows that slide over positions: kernels, strides, dilations and paddings as ONNX gives them."""

from collections.abc import Sequence

from rtl_gen.frontend.node import Node
from rtl_gen.frontend.values import Refusal

Padding = tuple[int, int, int, int]


def pair(node: Node, name: str, default: int = 1) -> tuple[int, int]:
    """An attribute with a number per axis as (vertical, horizontal). Raises :class:`Refusal`."""
    values = list(node.get(name, []))
    if len(values) > 2 or any(value < default for value in values):
        raise Refusal(f"{name} is {values}; needed: one or two numbers, {default} or more")
    first, second = [default] * (2 - len(values)) + values
    return first, second


def paddings(
    node: Node, size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Padding:
    """(top, left, bottom, right), computed where `auto_pad` asks for it. Raises :class:`Refusal`."""
    auto = node.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
            for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
        ]
        small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
        (top, left), (bottom, right) = (small, large) if auto == "SAME_UPPER" else (large, small)
        return top, left, bottom, right
    pads = [0] * 4 if auto == "VALID" else list(node.get("pads", [0] * 4))
    if len(pads) == 2:
        pads = [0, pads[0], 0, pads[1]]
    if len(pads) != 4 or min(pads) < 0:
        raise Refusal(f"pads is {pads}; needed: a start and an end per axis, 0 or more")
    return pads[0], pads[1], pads[2], pads[3]
