"""Fine-tuning from a conversion without training, beside the usual start: are a quarter of the epochs enough?

``python -m benchmarks.training.starts --floats build/floats`` prints a line of JSON per network, seed, start share of
the epochs, and share of the learning rate.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.training.run import CALIBRATION_EPOCH, Setting, calibration, fine_tuning, measure, pretrained, put_on
from benchmarks.training.spec import Run
from benchmarks.training.untrained import NETWORKS, TILE, export
from benchmarks.training.variants import NO_GAINS, applied
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.network import Network, Node
from sw_ref.train import settle_batch_norm
from sw_ref.train.activations import activations_of
from sw_ref.train.graph import record_graph
from sw_ref.train.layers import to_layout
from sw_ref.train.norms import foldable_norms, gain_and_mean
from sw_ref.train.quantization import Quantization
from sw_ref.train.weights import Words

METHODS = {"usual": "stlq", "converted": "no-v"}
"""By start.  A conversion has chosen its second words, so that no v fades out there."""
WAYS = (
    ("usual", 0.25, 1.0),
    ("usual", 1.0, 1.0),
    ("converted", 0.25, 0.1),
    ("converted", 0.25, 1.0),
    ("converted", 1.0, 1.0),
)
"""Start, share of the epochs, share of the learning rate."""


def score(run: Run, floats: Path, start: str) -> dict[str, Any]:
    """The score of a run on the test split, at once and after fine-tuning, from one of the starts."""
    model = pretrained(run, Setting(floats=floats))
    with tempfile.TemporaryDirectory() as folder:
        made = converted(run, model, Path(folder) / "net.onnx") if start == "converted" else None
        quantization = put_on(run, model)
        if made is not None:
            begin(made, model, quantization, calibration(run))
        at_once = measure(run.of_task, model)
        fine_tuning(run, model, quantization, Path(folder)).run(lambda facts: None)
        settle_batch_norm(model, (inputs for inputs, _ in run.of_task.batches(run.seed, CALIBRATION_EPOCH)))
    scores = {"at_once": at_once, "result": measure(run.of_task, model)}
    return {name: metrics["test"][run.of_task.primary] for name, metrics in scores.items()}


def converted(run: Run, model: nn.Module, path: Path) -> Network:
    """The conversion of a float network without training, whose tensors have no gains."""
    export(model, run.of_task.example, path)
    data = torch.cat(calibration(run)).numpy()
    fmt = replace(run.format, act_signed=False)
    with applied((NO_GAINS,)):
        return convert(import_onnx(path), {"x": data}, fmt, tile=TILE, ratio=run.ratio).network


@torch.no_grad()
def begin(network: Network, model: nn.Module, quantization: Quantization, batches: Sequence[Tensor]) -> None:
    """Give a prepared model the words, scales, biases and steps of a conversion."""
    modules = dict(model.named_modules())
    norms = foldable_norms(record_graph(model, quantization.layers, batches[0]), model, quantization.layers)
    nodes = [node for node in network.nodes if node.weights is not None]
    for name, words in quantization.words():
        # Sums may change the order of layers, but not of those of one shape.
        node = next(node for node in nodes if node.weight_shape == words.tiling.shape)
        nodes.remove(node)
        layer, norm = modules[name], modules[norms[name]] if name in norms else None
        _begin_layer(layer, norm, words, node, network)
    for name in norms.values():
        _renew(modules[name], model, torch.cat(list(batches)))


def _renew(norm: Any, model: nn.Module, inputs: Tensor) -> None:
    """Let a batch norm compute the same from the statistics that its inputs have now."""
    seen: list[Tensor] = []
    hook = norm.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model.eval()(inputs)
    hook.remove()
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    moved, mean = seen[0].mean((0, 2, 3)) - norm.running_mean, seen[0].mean((0, 2, 3))
    norm.running_var.copy_(seen[0].var((0, 2, 3), correction=0))
    norm.running_mean.copy_(mean)
    norm.weight.copy_(gain * (norm.running_var + norm.eps).sqrt())
    norm.bias.add_(moved * gain)


def _begin_layer(layer: nn.Module, norm: nn.Module | None, words: Words, node: Node, network: Network) -> None:
    assert node.weights is not None
    assert node.requantizer is not None
    source, outputs = network.tensors[node.inputs[0]], node.weights.shape[0]
    gain, mean = gain_and_mean(norm, outputs)
    shape = words.tiling.shape
    held = node.weights.dequantize().reshape(shape) / gain.reshape(-1, *(1,) * (len(shape) - 1))
    original = layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
    original.copy_(to_layout(torch.from_numpy(held.astype(np.float32)), words.transposed_groups))
    words.selection.copy_(torch.from_numpy(node.weights.two_word.astype(bool)).reshape(words.selection.shape))
    words.rescale(torch.from_numpy((node.weights.scale / np.abs(gain)).astype(np.float32)))
    sums = node.weights.integers().reshape(outputs, -1).sum(axis=1)
    bias = (node.requantizer.bias + source.zero * sums) * node.weights.unit.astype(np.float64) * source.step
    if norm is not None:
        norm.bias.copy_(torch.from_numpy(bias + mean * gain))  # type: ignore[operator, union-attr]
        bias = np.zeros(outputs)
    if norm is None or layer.bias is not None:
        layer.bias.copy_(torch.from_numpy(bias))  # type: ignore[operator, union-attr]
    if source.zero == 0:
        activations_of(node.name, layer).log_step.fill_(float(np.log2(source.step)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floats", type=Path, required=True, help="folder of the float networks")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the float networks (default: 0)")
    parser.add_argument("--networks", nargs="+", choices=[n for _, n in NETWORKS], default=[n for _, n in NETWORKS])
    args = parser.parse_args()
    torch.set_num_threads(1)
    for seed in args.seeds:
        for task, network in NETWORKS:
            if network not in args.networks:
                continue
            for start, share, rate in WAYS:
                run = Run(task=task, network=network, method=METHODS[start], seed=seed, tile=TILE)
                run = replace(run, epochs=round(run.tuning.epochs * share), rate=run.tuning.rate * rate)
                facts = {"network": network, "seed": seed, "start": start, "share": share, "rate": rate}
                print(json.dumps(facts | score(run, args.floats, start)), flush=True)


if __name__ == "__main__":
    main()
