"""From a trained model to what the hardware reads: :func:`finalize`."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.export import Export, ExportedLayer, Node
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.network import Network
from sw_ref.train.activations import activations_of
from sw_ref.train.graph import Graph, record_graph
from sw_ref.train.integers import to_integers
from sw_ref.train.layers import Batch, kind, refuse
from sw_ref.train.norms import foldable_norms, gain_and_mean, problem, values
from sw_ref.train.options import convolution_options
from sw_ref.train.quantization import Quantization
from sw_ref.train.tensor import to_tensor


def finalize(model: nn.Module, quantization: Quantization, example: Batch) -> Export:
    """Words, flags, scales, activation steps, biases and graph of a trained model; the model stays as it is.

    `example`: one batch of model inputs, to see in which order the layers run.  A batch norm that alone takes a
    layer's output is folded into the layer's multiplier and bias, as in evaluation mode.  The export's `integers` is
    the network of :func:`to_integers`, as it is now.  Without such a call there is none, and `refused` says so, or what
    the model has that no such network can have: its scales would be others than those that were trained and measured.

    Raises ``ValueError`` if v is not 0 everywhere, the method makes no words, activations are float, or a layer pads
    with something else than zeros or is called with more than its input.
    """
    method, view = quantization.method, quantization.on(model)
    if not method.exports:
        raise ValueError(f"method is {method.name}; allowed: one whose weights are words")
    found = dict(view.words())
    graph = record_graph(model, found, example)
    norms = foldable_norms(graph, model, found)
    layers = _exported(view, graph, norms)
    nodes = _without(graph.nodes, norms)
    integers, refused = _integers(model, quantization, example)
    return Export(
        layers=layers,
        graph=nodes,
        parameters=_parameters(nodes, model, layers, graph.constants),
        integers=integers,
        refused=refused,
    )


def _exported(view: Quantization, graph: Graph, norms: dict[str, str]) -> dict[str, ExportedLayer]:
    """The layers whose weights are words; `norms`: the batch norms that are folded, by layer."""
    refuse([*filter(None, (problem(name, view.model.get_submodule(name)) for name in norms.values()))])
    shared, layers = export_format(view), {}
    for name, quantizer in view.words():
        layer, acts = view.layers[name], activations_of(name, view.layers[name])
        tensor = to_tensor(name, layer, quantizer, shared, view.tile)
        norm = view.model.get_submodule(norms[name]) if name in norms else None
        multiplier, bias = _affine(layer, tensor, norm)
        layers[name] = ExportedLayer(
            name=name,
            kind=kind(layer),
            options=convolution_options(name, layer, graph),
            tensor=tensor,
            act_step=acts.step.item(),
            act_format=acts.fmt,
            multiplier=multiplier,
            bias=bias,
            norm=norms.get(name),
        )
    return layers


def _integers(model: nn.Module, quantization: Quantization, example: Batch) -> tuple[Network | None, str]:
    """The network in integers, or why there is none."""
    made = quantization.integers
    if made is not None:
        if model is not quantization.model:
            raise ValueError("model is a copy of that in integers; allowed: the model that to_integers was given")
        return made.network(), ""
    held = copy.deepcopy(model)
    try:
        to_integers(held, quantization.on(held), example)
    except ValueError as error:
        return None, str(error)
    return None, "it was not trained in integers; needed: to_integers and some epochs more, before finalize"


def check_exportable(model: nn.Module, layers: Mapping[str, nn.Module], batch: Batch) -> None:
    """Raises ``ValueError`` with everything in the layers that :func:`finalize` would refuse."""
    graph = record_graph(model, layers, batch)
    problems = []
    for name, layer in layers.items():
        try:
            convolution_options(name, layer, graph)
        except ValueError as error:
            problems.append(str(error))
    norms = foldable_norms(graph, model, layers).values()
    problems += [problem(name, model.get_submodule(name)) for name in norms]
    refuse([*filter(None, problems)])


def export_format(quantization: Quantization) -> StlqFormat:
    """The format of the whole network; ``ValueError`` if no one format holds the activations of all its layers."""
    return common_format([activations_of(name, quantization.layers[name]).fmt for name, _ in quantization.words()])


def common_format(formats: list[StlqFormat]) -> StlqFormat:
    """One format that holds the activations of all layers: one bit wider where unsigned ones meet signed ones.

    >>> common_format([StlqFormat(act_bits=6), StlqFormat(act_bits=6, act_signed=False)]).act_bits
    7
    """
    signed = any(fmt.act_signed for fmt in formats)
    bits = max(fmt.act_bits + (signed and not fmt.act_signed) for fmt in formats)
    return replace(formats[0], act_signed=signed, act_bits=bits)


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


def _affine(
    layer: nn.Module, tensor: StlqTensor, norm: nn.Module | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and bias from a layer's sums to its outputs, its norm folded: act_step * U * 2^-(M+k), bias; each (O,)."""
    outputs = tensor.shape[0]
    (gain, mean), step = gain_and_mean(norm, outputs), activations_of("layer", layer).step.item()
    bias = (values(getattr(layer, "bias", None), outputs) - mean) * gain + values(getattr(norm, "bias", None), outputs)
    return np.broadcast_to(tensor.unit.astype(np.float64) * step, outputs) * gain, bias
