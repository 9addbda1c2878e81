"""Windows that slide over positions: kernels, strides, dilations and paddings as ONNX gives them."""

from collections.abc import Sequence

from rtl_gen.frontend.node import Node
from rtl_gen.frontend.values import Refusal

Padding = tuple[int, int, int, int]


def pair(node: Node, name: str, axes: int, default: int = 1) -> tuple[int, int]:
    """An attribute with a number for each of 1 or 2 axes as (vertical, horizontal). Raises :class:`Refusal`."""
    values = list(node.get(name, []))
    if len(values) not in (0, axes) or any(value < default for value in values):
        raise Refusal(f"{name} is {values}; needed: {axes} numbers, {default} or more")
    first, second = [default] * (2 - len(values)) + values
    return first, second


def paddings(
    node: Node, axes: int, size: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Padding:
    """(top, left, bottom, right), computed where `auto_pad` asks for it. Raises :class:`Refusal`.

    `axes`: 1 or 2, which the file has; all else has two.
    """
    auto = auto_pad(node)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
            for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
        ]
        small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
        (top, left), (bottom, right) = (small, large) if auto == "SAME_UPPER" else (large, small)
        return top, left, bottom, right
    pads = list(node.get("pads", [])) or [0] * (2 * axes)
    if len(pads) != 2 * axes or min(pads) < 0:
        raise Refusal(f"pads is {pads}; needed: a start and an end per axis, 0 or more")
    if axes == 1:
        pads = [0, pads[0], 0, pads[1]]
    return pads[0], pads[1], pads[2], pads[3]


def auto_pad(node: Node) -> str:
    """How padding is found. Raises :class:`Refusal`, also where the file gives it as well."""
    auto, pads = node.get("auto_pad", "NOTSET"), list(node.get("pads", []))
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise Refusal(f"auto_pad is {auto!r}; needed: NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    if auto != "NOTSET" and any(pads):
        raise Refusal(f"auto_pad is {auto}, and pads is {pads}; needed: one of them")
    return auto
