"""Channel reordering: weights that gain from a second word are gathered in the same tiles.

The order of a layer's output channels is free as long as whoever reads them reads them in the same order.  So the
model's own float weights are permuted, rows of one layer with the columns of the next: it computes the same as before,
and nothing else has to know.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.train.graph import Graph, record_graph, tensors
from sw_ref.train.layers import Batch, call, evaluating, kind, transposed_groups
from sw_ref.train.methods import Method
from sw_ref.train.select import Layer, choose

CHANNELWISE = {
    *("BatchNorm1d", "BatchNorm2d", "ReLU", "ReLU6", "LeakyReLU", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"),
    *("Dropout", "Dropout2d", "Identity", "relu", "relu_", "leaky_relu", "max_pool2d", "avg_pool2d", "dropout"),
}
"""Operations with one input that treat all channels alike."""
ROUNDING = 1e-9
"""A smaller gain is no gain: sums in another order differ by that."""


def reorder(model: nn.Module, layers: dict[str, Layer], batch: Batch, method: Method, ratio: float) -> list[str]:
    """Permute the output channels of every layer where that is free and of use, those that gain most first.

    Free: its output passes only through channelwise operations, depthwise layers among them, into layers without
    groups.  Of use: the beats for `ratio` save more of the loss.  `layers` must be measured (:meth:`Layer.measure`),
    and are permuted with the model.  The graph does not show everything: tied weights, or modules that do something of
    their own with channels. So the model's outputs on `batch` are compared, in evaluation mode. Where they change, or
    are not finite, the order stays.
    Returns the names of those whose outputs have another order now.
    """
    graph, expected = record_graph(model, layers, batch), _outputs(model, batch)
    saved, restore = _saved(layers, method, ratio), _snapshot(model, layers)
    reordered = []
    for name in layers:
        readers = _readers(name, graph, model, layers)
        if readers is None or not _is_plain(model.get_submodule(name)):
            continue
        passed, takers = readers
        made = [name, *(step for step in passed if step in layers)]
        norms = [step for step in passed if step not in layers]
        try:
            order = _order([layers[layer] for layer in made], [layers[taker] for taker in takers])
            _apply(order, model, layers, made, norms, takers)
            now = _saved(layers, method, ratio) if _same(expected, _outputs(model, batch)) else saved
        except (IndexError, RuntimeError, ValueError):  # its channels are not where they are taken to be
            now = saved
        if now > saved * (1 + ROUNDING):
            saved, restore = now, _snapshot(model, layers)
            reordered.append(name)
        else:
            restore()
    return reordered


def _outputs(model: nn.Module, batch: Batch) -> list[Tensor]:
    with evaluating(model), torch.no_grad():
        return tensors(call(model, batch))


def _same(expected: list[Tensor], found: list[Tensor]) -> bool:
    """Whether outputs are equal but for the order of sums. Outputs that are not finite could hide a difference."""
    return all(
        a.shape == b.shape and (_close(a, b) if a.is_floating_point() and a.numel() else torch.equal(a, b))
        for a, b in zip(expected, found, strict=True)
    )


def _close(a: Tensor, b: Tensor) -> bool:
    peak = float(a.abs().max())
    return math.isfinite(peak) and torch.allclose(a, b, rtol=0, atol=1e-4 * peak)


def _snapshot(model: nn.Module, layers: dict[str, Layer]) -> Callable[[], None]:
    """A function that puts the model and its layers back to their present state."""
    values = [(tensor, tensor.detach().clone()) for tensor in (*model.parameters(), *model.buffers())]
    fields = [(layer, vars(layer).copy()) for layer in layers.values()]

    @torch.no_grad()
    def restore() -> None:
        for tensor, value in values:
            tensor.copy_(value)
        for layer, own in fields:
            vars(layer).update(own)

    return restore


def _saved(layers: dict[str, Layer], method: Method, ratio: float) -> float:
    """The reduction of the loss by the best second words for these beats."""
    for layer in layers.values():
        layer.gains = layer.blocks.sums(layer.saved)
    choose(layers, ratio, method)
    return sum(float(layer.gains[layer.flags].sum()) for layer in layers.values())


def _apply(
    order: NDArray[np.intp],
    model: nn.Module,
    layers: dict[str, Layer],
    made: list[str],
    norms: list[str],
    takers: list[str],
) -> None:
    """Permute the channels that the layers `made` put out, the `norms` pass on, and the `takers` read."""
    for name in made:
        _permute_outputs(model.get_submodule(name), layers[name], order)
    for name in norms:
        for tensor in _own_tensors(model.get_submodule(name)):
            _permute(tensor, 0, order)
    for name in takers:
        _permute_inputs(model.get_submodule(name), layers[name], order)


def _readers(name: str, graph: Graph, model: nn.Module, layers: dict[str, Layer]) -> tuple[list[str], list[str]] | None:
    """Modules that a layer's output passes through, and the layers that it ends in; None if its order is not free."""
    if not graph.runs_once(name):
        return None
    passed: list[str] = []
    takers: list[str] = []
    waiting = [name]
    while waiting:
        source = waiting.pop()
        found = [node for node in graph.nodes if source in node.inputs]
        if not found or source in graph.returned:
            return None
        for node in found:
            if node.module in layers and not _is_depthwise(model.get_submodule(node.module)):
                takers.append(node.module)
            elif node.module in layers or (node.op in CHANNELWISE and len(node.inputs) == 1):
                waiting.append(node.name)
                if node.module is not None and _moves(node.module, model, layers):
                    passed.append(node.module)
            else:
                return None
    plain = all(_is_plain(model.get_submodule(taker)) for taker in takers)
    once = all(map(graph.runs_once, (*passed, *takers)))
    return (passed, takers) if plain and once else None


def _moves(name: str, model: nn.Module, layers: dict[str, Layer]) -> bool:
    """Whether a module that an order passes through keeps something for each channel, which moves with it."""
    return name in layers or next(_own_tensors(model.get_submodule(name)), None) is not None


def _is_plain(module: nn.Module) -> bool:
    """Whether each output channel reads all input channels, in an order that is the weight's."""
    return kind(module) != "custom" and getattr(module, "groups", 1) == 1


def _is_depthwise(module: nn.Module) -> bool:
    """Whether each output channel reads the input channel of its own number, and no other."""
    return kind(module) in ("conv", "conv_transpose") and (
        module.groups == module.in_channels == module.out_channels > 1  # type: ignore[union-attr, operator]
    )


def _order(outputs: list[Layer], takers: list[Layer]) -> NDArray[np.intp]:
    """Channels by what their second words gain per beat, of layers that make them and that read them; most first."""
    made = [layer.saved.sum(tuple(range(1, layer.saved.ndim))) / layer.positions for layer in outputs]
    read = [layer.saved.sum((0, *range(2, layer.saved.ndim))) / layer.positions for layer in takers]
    return np.argsort(-sum(made + read), kind="stable")


def _permute_outputs(module: nn.Module, layer: Layer, order: NDArray[np.intp]) -> None:
    # (O, I, ...), but (I, O, ...) if transposed; a depthwise one has its only channel axis first in both.
    _permute(module.weight, 1 if transposed_groups(module) == 1 else 0, order)
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
