"""The options of a PyTorch convolution, as an export has them."""

from typing import Any

from torch import nn

from sw_ref.train.graph import Graph
from sw_ref.train.layers import kind


def convolution_options(name: str, layer: nn.Module, graph: Graph) -> dict[str, Any]:
    """Stride, padding, dilation, groups of a convolution, per kernel axis; nothing for other layers.

    Raises ``ValueError`` for what an export cannot say.
    """
    if kind(layer) not in ("conv", "conv_transpose"):
        return {}
    for node in (node for node in graph.nodes if node.module == name):
        given = {key: value for key, value in node.options.items() if value not in (None, [None])}
        if given:
            raise ValueError(f"{name} is called with {given}; allowed: its input alone, the rest in the layer")
    if layer.padding_mode != "zeros":
        raise ValueError(f"{name}: padding_mode is {layer.padding_mode!r}; allowed: 'zeros'")
    options = {key: list(getattr(layer, key)) for key in ("stride", "dilation")} | {"groups": layer.groups}
    if kind(layer) == "conv_transpose":
        options["output_padding"] = list(layer.output_padding)  # type: ignore[arg-type]
    return options | {"padding": _padding(name, layer)}


def _padding(name: str, layer: Any) -> list[int]:
    if layer.padding == "valid":
        return [0] * len(layer.kernel_size)
    if layer.padding != "same":
        return list(layer.padding)
    totals = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(total % 2 for total in totals):
        raise ValueError(
            f"{name}: padding 'same' is uneven for kernel {layer.kernel_size}; allowed: the same both sides"
        )
    return [total // 2 for total in totals]
