"""Put a method on a model: weights and activations are quantized from here on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sw_ref.grouped import Streamed
from sw_ref.tiling import Tiling
from sw_ref.train import activations as linear
from sw_ref.train.baseline import Apot, Uniform
from sw_ref.train.choices import Choices
from sw_ref.train.export import check_exportable
from sw_ref.train.integers import stages_of
from sw_ref.train.layers import (
    Batch,
    Uses,
    evaluating,
    groups_of,
    observe,
    quantizable,
    to_outputs_first,
    transposed_groups,
)
from sw_ref.train.quantization import Quantization
from sw_ref.train.reorder import reorder
from sw_ref.train.select import Layer, select
from sw_ref.train.weights import Start, Words

BASELINES = {"uniform": Uniform, "apot": Apot}

TaskLoss = Callable[[nn.Module], Iterable[Tensor]]
"""Yields the task loss of one batch after the other, for the model that it is given."""


def prepare(
    model: nn.Module,
    *,
    calibration: Sequence[Batch],
    task_loss: TaskLoss | None = None,
    **choices: Any,
) -> Quantization:
    """Quantize `model` in place by a method, from its trained float weights; train it further as usual.

    `calibration`: batches of model inputs (a tensor, or a tuple of arguments); the first counts how often each layer
    is used, all of them start the activation steps.  `task_loss`: for methods with budget "cycles".  `choices`: the
    fields of :class:`Choices`; `method`, `fmt` and `ratio` are needed.  :attr:`Quantization.float_weights` lists what
    stays in float, for whatever reason.

    Raises ``ValueError`` with all layers that cannot be prepared or exported, what is wrong, and what is allowed; the
    model is then as it was.
    """
    made = Choices(**choices)
    chosen, fmt, ratio = made.chosen, made.fmt, made.ratio
    if chosen.budget == "cycles" and not callable(task_loss):
        raise ValueError(f"task_loss is {task_loss!r}; allowed for method {chosen.name}: a function that yields losses")
    modules = quantizable(model, made.skip)
    uses = observe(model, modules, calibration)
    if chosen.exports and made.activations is not None:
        check_exportable(model, modules, calibration[0])
    if made.integers:
        stages_of(model, modules, calibration[0])
    layers = {name: _layer(modules[name], uses[name].positions, made) for name in uses}
    if chosen.budget == "cycles" and task_loss is not None:
        measure_fisher(model, modules, layers, task_loss)
    if chosen.reorder:
        select(layers, fmt, chosen, ratio)
        reorder(model, layers, calibration[0], chosen, ratio)
    if chosen.weights == "words":
        select(layers, fmt, chosen, ratio)
    if chosen.weights != "float":
        _put_on(modules, layers, uses, made)
    return Quantization(model, method=chosen, fmt=fmt, tile=made.tile, lambda_v=made.lambda_v, layers=layers)


def _put_on(
    modules: Mapping[str, nn.Module], layers: Mapping[str, Layer], uses: Mapping[str, Uses], choices: Choices
) -> None:
    """Let modules use the quantizers of their weights and inputs."""
    # All are made before the first one is put on: nothing is half prepared if one cannot be.
    weights = {name: _weights(modules[name], layer, choices) for name, layer in layers.items()}
    kind = choices.activations
    inputs = {name: linear.find(use, choices.fmt, kind) for name, use in uses.items()} if kind is not None else {}
    for name, quantizer in weights.items():
        parametrize.register_parametrization(modules[name], "weight", quantizer)
    for name, quantizer in inputs.items():
        linear.attach(modules[name], quantizer)


def _layer(module: nn.Module, positions: int, choices: Choices) -> Layer:
    weight = to_outputs_first(module.weight.detach(), transposed_groups(module))  # type: ignore[union-attr, arg-type]
    values = np.array(weight.cpu().numpy(), order="C")  # a copy: the model's own may be permuted in place
    return Layer(
        weight=values,
        tiles=Tiling.of(values.shape, choices.tile),
        blocks=Tiling.of(values.shape, choices.tile, choices.granularity),
        positions=positions,
        streamed=Streamed.of(values.shape, choices.tile, groups_of(module)),
    )


def _weights(module: nn.Module, layer: Layer, choices: Choices) -> nn.Module:
    weight: Tensor = module.weight  # type: ignore[assignment]
    method, fmt = choices.chosen, choices.fmt
    if method.weights in BASELINES:
        scaled = {"per_channel": method.per_channel, "transposed_groups": transposed_groups(module)}
        quantizer: nn.Module = BASELINES[method.weights](weight, method.bits or fmt.bits, **scaled)
    else:
        start = Start(tiling=layer.blocks, scale=layer.scale, selection=layer.flags, norms=layer.norms)
        laid_out = {"granularity": choices.granularity, "transposed_groups": transposed_groups(module)}
        quantizer = Words(start, fmt=fmt, method=method, **laid_out)
    return quantizer.to(weight.device)


def measure_fisher(
    model: nn.Module, modules: dict[str, nn.Module], layers: dict[str, Layer], task_loss: TaskLoss
) -> None:
    """Set `fisher` of all layers: the squared gradient of the task loss per weight, mean over the batches.

    Raises ``ValueError`` if `task_loss` yields nothing, or a loss that is not finite.
    """
    weights = [modules[name].weight for name in layers]
    frozen = [name for name in layers if not modules[name].weight.requires_grad]  # type: ignore[union-attr]
    if frozen:
        raise ValueError(f"{frozen[0]}.weight is frozen; allowed for budget 'cycles': requires_grad, or in skip")
    totals = [torch.zeros_like(weight) for weight in weights]  # type: ignore[arg-type]
    count = 0
    with evaluating(model):
        losses = task_loss(model)
        if isinstance(losses, Tensor) or not isinstance(losses, Iterable):
            raise ValueError(
                f"task_loss returns a {type(losses).__name__}; allowed: one that yields losses, batch by batch"
            )
        for loss in losses:
            if not isinstance(loss, Tensor) or loss.numel() != 1:
                what = f"a tensor {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
                raise ValueError(f"task_loss yields {what}; allowed: tensors of one number")
            if not torch.isfinite(loss):
                raise ValueError(f"task_loss is {loss.item()}; allowed: finite numbers")
            grads = torch.autograd.grad(loss, weights, allow_unused=True)  # type: ignore[arg-type]
            for name, total, grad in zip(layers, totals, grads, strict=True):
                if grad is None:
                    raise ValueError(f"{name} is not in task_loss; allowed: layers that are, or those in skip")
                total += grad.square()
            count += 1
    if count == 0:
        raise ValueError("task_loss yields nothing; allowed: one loss or more")
    for (name, layer), total in zip(layers.items(), totals, strict=True):
        fisher = to_outputs_first(total / count, transposed_groups(modules[name]))
        layer.fisher = np.ascontiguousarray(fisher.cpu().numpy())
