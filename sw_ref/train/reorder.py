"""Channel reordering: weights that gain from a second word are gathered in the same tiles.

The order of a layer's output channels is free as long as whoever reads them reads them in the same order.  So the
model's own float weights are permuted, rows of one layer with the columns of the next: it computes the same as before,
and nothing else has to know.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.train.graph import Node, record_graph
from sw_ref.train.layers import Batch, kind, transposed_groups
from sw_ref.train.select import Layer

CHANNELWISE = {
    *("BatchNorm1d", "BatchNorm2d", "ReLU", "ReLU6", "LeakyReLU", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"),
    *("Dropout", "Dropout2d", "Identity", "relu", "relu_", "leaky_relu", "max_pool2d", "avg_pool2d", "dropout"),
}
"""Operations with one input that treat all channels alike."""


def reorder(model: nn.Module, layers: dict[str, Layer], batch: Batch) -> list[str]:
    """Permute the output channels of every layer where that is free, those that gain most first; returns their names.

    Free: its output passes only through channelwise operations into layers without groups.  `layers` must be measured
    (:meth:`Layer.measure`), and are permuted with the model.
    """
    nodes = record_graph(model, layers, batch)
    reordered = []
    for name in layers:
        readers = _readers(name, nodes, model, layers)
        if readers is None or not _is_plain(model.get_submodule(name)):
            continue
        passed, takers = readers
        order = _order(layers[name], [layers[taker] for taker in takers])
        _permute_outputs(model.get_submodule(name), layers[name], order)
        for norm in passed:
            for tensor in _own_tensors(model.get_submodule(norm)):
                _permute(tensor, 0, order)
        for taker in takers:
            _permute_inputs(model.get_submodule(taker), layers[taker], order)
        reordered.append(name)
    return reordered


def _readers(
    name: str, nodes: list[Node], model: nn.Module, layers: dict[str, Layer]
) -> tuple[list[str], list[str]] | None:
    """Modules that a layer's output passes through, and the layers that it ends in; None if its order is not free."""
    if sum(node.name == name for node in nodes) != 1:
        return None
    passed: list[str] = []
    takers: list[str] = []
    waiting = [name]
    while waiting:
        source = waiting.pop()
        found = [node for node in nodes if source in node.inputs]
        if not found:
            return None  # the model's output
        for node in found:
            if node.name in layers:
                takers.append(node.name)
            elif node.op in CHANNELWISE and len(node.inputs) == 1:
                waiting.append(node.name)
                passed.append(node.name)
            else:
                return None
    plain = all(_is_plain(model.get_submodule(taker)) for taker in takers)
    once = len({*passed, *takers}) == len(passed) + len(takers)
    modules = dict(model.named_modules())
    return ([p for p in passed if p in modules], takers) if plain and once else None


def _is_plain(module: nn.Module) -> bool:
    """Whether each output channel reads all input channels, in an order that is the weight's."""
    return kind(module) != "custom" and getattr(module, "groups", 1) == 1


def _order(producer: Layer, takers: list[Layer]) -> NDArray[np.intp]:
    """Channels by what their second words gain per beat, in the layer and in those that read it; most first."""
    axes = tuple(range(1, producer.saved.ndim))
    worth = producer.saved.sum(axes) / producer.positions
    for taker in takers:
        worth = worth + taker.saved.sum((0, *range(2, taker.saved.ndim))) / taker.positions
    return np.argsort(-worth, kind="stable")


def _permute_outputs(module: nn.Module, layer: Layer, order: NDArray[np.intp]) -> None:
    _permute(module.weight, 1 if transposed_groups(module) else 0, order)
    _permute(module.bias, 0, order)
    for field in ("weight", "fisher", "saved"):
        setattr(layer, field, np.ascontiguousarray(getattr(layer, field)[order]))


def _permute_inputs(module: nn.Module, layer: Layer, order: NDArray[np.intp]) -> None:
    _permute(module.weight, 0 if transposed_groups(module) else 1, order)
    for field in ("weight", "fisher", "saved"):
        setattr(layer, field, np.ascontiguousarray(getattr(layer, field)[:, order]))


def _own_tensors(module: nn.Module) -> Iterator[Tensor]:
    """A channelwise module's parameters and buffers, one value per channel."""
    yield from (tensor for tensor in (*module.parameters(), *module.buffers()) if tensor.ndim == 1)


@torch.no_grad()
def _permute(tensor: object, axis: int, order: NDArray[np.intp]) -> None:
    if isinstance(tensor, Tensor):
        tensor.copy_(tensor.index_select(axis, torch.from_numpy(order).to(tensor.device)))
