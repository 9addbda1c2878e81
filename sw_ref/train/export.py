"""From a trained model to what the hardware reads: :func:`finalize`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.export import Export, ExportedLayer, Node
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.quantize.levels import quantize_words
from sw_ref.tiling import Tiling
from sw_ref.train.activations import Activations
from sw_ref.train.graph import Graph, record_graph
from sw_ref.train.layers import Batch, kind, refuse, to_outputs_first
from sw_ref.train.quantization import Quantization
from sw_ref.train.weights import Words

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def finalize(model: nn.Module, quantization: Quantization, example: Batch) -> Export:
    """Words, flags, scales, activation steps, biases and graph of a trained model; the model stays as it is.

    `example`: one batch of model inputs, to see in which order the layers run.  A batch norm that alone takes a
    layer's output is folded into the layer's multiplier and bias, as in evaluation mode.

    Raises ``ValueError`` if v is not 0 everywhere, the method makes no words, activations are float, or a layer pads
    with something else than zeros or is called with more than its input.
    """
    method, view = quantization.method, quantization.on(model)
    if not method.exports:
        raise ValueError(f"method is {method.name}; allowed: one whose weights are words")
    found = dict(view.words())
    shared = export_format(view)
    graph = record_graph(model, found, example)
    norms = foldable_norms(graph, model, found)
    layers = {}
    for name, quantizer in found.items():
        layer, acts = view.layers[name], _activations(name, view.layers[name])
        tensor = to_tensor(name, layer, quantizer, shared, view.tile)
        multiplier, bias = _affine(layer, tensor)
        if name in norms:
            multiplier, bias = _fold(model.get_submodule(norms[name]), multiplier, bias)
        layers[name] = ExportedLayer(
            name=name,
            kind=kind(layer),
            options=_options(name, layer, graph),
            tensor=tensor,
            act_step=acts.step.item(),
            act_format=acts.fmt,
            multiplier=multiplier,
            bias=bias,
            norm=norms.get(name),
        )
    nodes = _without(graph.nodes, norms)
    return Export(layers=layers, graph=nodes, parameters=_parameters(nodes, model, layers, graph.constants))


def check_exportable(model: nn.Module, layers: Mapping[str, nn.Module], batch: Batch) -> None:
    """Raises ``ValueError`` with everything in the layers that :func:`finalize` would refuse."""
    graph = record_graph(model, layers, batch)
    problems = []
    for name, layer in layers.items():
        try:
            _options(name, layer, graph)
        except ValueError as error:
            problems.append(str(error))
    for norm in foldable_norms(graph, model, layers).values():
        if model.get_submodule(norm).running_mean is None:
            problems.append(f"{norm} keeps no running statistics; allowed: track_running_stats=True")
    refuse(problems)


def to_tensor(name: str, layer: nn.Module, quantizer: Words, fmt: StlqFormat, tile: tuple[int, int]) -> StlqTensor:
    """The words of a layer, checked against the weight that it trained with."""
    if quantizer.v is not None and torch.count_nonzero(quantizer.v):
        left = int(torch.count_nonzero(quantizer.v))
        raise ValueError(f"{name}: v is not 0 in {left} of {quantizer.v.numel()} blocks; allowed: 0 (step to the end)")
    original: Tensor = layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
    values, trained = (_outputs_first(w, quantizer) for w in (original, layer.weight))  # type: ignore[arg-type]
    blocks, scale = quantizer.tiling, quantizer.scale.cpu().numpy()
    mask = blocks.expand(quantizer.selection.cpu().numpy())
    unit = scale.reshape(-1, *(1,) * (values.ndim - 1)) if scale.ndim else scale
    word1, word2 = quantize_words(values, unit, fmt, mask, literal=quantizer.method.literal)
    tiles = Tiling.of(values.shape, tile)
    tensor = StlqTensor(
        word1=word1,
        word2=word2,
        two_word=tiles.any(mask).astype(np.uint8),
        scale=scale,
        format=fmt,
        tile=tile,
        granularity=quantizer.granularity,
    )
    if not np.array_equal(tensor.dequantize(), trained):
        raise ValueError(f"{name}: its words do not stand for the weights that it trained with")
    return tensor


def export_format(quantization: Quantization) -> StlqFormat:
    """The format of the whole network; ``ValueError`` if no one format holds the activations of all its layers."""
    return common_format([_activations(name, quantization.layers[name]).fmt for name, _ in quantization.words()])


def common_format(formats: list[StlqFormat]) -> StlqFormat:
    """One format that holds the activations of all layers: one bit wider where unsigned ones meet signed ones.

    >>> common_format([StlqFormat(act_bits=6), StlqFormat(act_bits=6, act_signed=False)]).act_bits
    7
    """
    signed = any(fmt.act_signed for fmt in formats)
    bits = max(fmt.act_bits + (signed and not fmt.act_signed) for fmt in formats)
    return replace(formats[0], act_signed=signed, act_bits=bits)


def foldable_norms(graph: Graph, model: nn.Module, layers: Iterable[str]) -> dict[str, str]:
    """Layer name -> name of the batch norm that alone takes its output, channel by channel; both run once."""
    takers: dict[str, list[str]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            takers.setdefault(source, []).append(node.name)
    modules = dict(model.named_modules())

    def foldable(name: str) -> bool:
        first, *others = takers.get(name, [""])
        # A linear layer's channels are its output's last axis, a batch norm's the second one.
        channels = kind(modules[name]) != "linear" or graph.axes[name] == 2
        alone = not others and name not in graph.returned and graph.runs_once(name) and graph.runs_once(first)
        return isinstance(modules.get(first), NORMS) and channels and alone

    return {name: takers[name][0] for name in layers if foldable(name)}


def _without(nodes: list[Node], norms: dict[str, str]) -> list[Node]:
    """The graph with the folded norms taken out: who took the norm's output takes the layer's."""
    layer_of = {norm: layer for layer, norm in norms.items()}
    kept = [node for node in nodes if node.name not in layer_of]
    return [replace(node, inputs=[layer_of.get(source, source) for source in node.inputs]) for node in kept]


def _parameters(
    nodes: list[Node], model: nn.Module, layers: Collection[str], constants: dict[str, Tensor]
) -> dict[str, NDArray[Any]]:
    """Every tensor that the nodes need beside those of the layers."""
    found = {source: constants[source] for node in nodes for source in node.inputs if source in constants}
    for name in {node.module: None for node in nodes if node.module is not None and node.module not in layers}:
        found |= {f"{name}.{key}": value for key, value in model.get_submodule(name).state_dict().items()}
    return {name: np.array(tensor.detach().cpu().numpy(), order="C") for name, tensor in found.items()}


def _outputs_first(weight: Tensor, quantizer: Words) -> NDArray[np.float32]:
    return np.ascontiguousarray(to_outputs_first(weight.detach(), quantizer.transposed_groups).cpu().numpy())


def _activations(name: str, layer: nn.Module) -> Activations:
    found = getattr(layer, "act_quantizer", None)
    if not isinstance(found, Activations):
        raise ValueError(f"{name}: its activations are float; allowed: a model prepared with activations")
    return found


def _affine(layer: nn.Module, tensor: StlqTensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What turns the layer's sums into its outputs: act_step * U * 2^-(M+k), and its bias; each (O,)."""
    outputs = tensor.shape[0]
    step = _activations("layer", layer).step.item()
    bias = getattr(layer, "bias", None)
    values = bias.detach().cpu().numpy().astype(np.float64) if isinstance(bias, Tensor) else np.zeros(outputs)
    return np.broadcast_to(tensor.unit.astype(np.float64) * step, outputs).copy(), values


def _fold(
    norm: nn.Module, multiplier: NDArray[np.float64], bias: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Multiplier and bias with a batch norm's running statistics and affine parameters in them."""

    def values(name: str, default: float) -> NDArray[np.float64]:
        tensor = getattr(norm, name)
        return np.full(len(bias), default) if tensor is None else tensor.detach().cpu().numpy().astype(np.float64)

    if getattr(norm, "running_mean", None) is None:
        raise ValueError("a batch norm keeps no running statistics; allowed: track_running_stats=True")
    gain = values("weight", 1.0) / np.sqrt(values("running_var", 1.0) + float(norm.eps))  # type: ignore[arg-type]
    return multiplier * gain, (bias - values("running_mean", 0.0)) * gain + values("bias", 0.0)


def _options(name: str, layer: nn.Module, graph: Graph) -> dict[str, Any]:
    """Stride, padding, dilation, groups of a convolution, per kernel axis; nothing for other layers."""
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
