"""The layers of a model that have weights to quantize, and how their weights lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd  # the only common base class of the transposed convolutions
from torch.nn.utils import parametrize

KINDS = {
    nn.Linear: "linear",
    nn.Conv1d: "conv",
    nn.Conv2d: "conv",
    nn.ConvTranspose1d: "conv_transpose",
    nn.ConvTranspose2d: "conv_transpose",
}
NO_PRODUCT = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm)
"""Modules whose `weight` multiplies nothing by a matrix."""

Batch = Tensor | Sequence[Any]
"""The arguments of one call of a model: one tensor, or a tuple of arguments."""


def quantizable(model: nn.Module) -> dict[str, nn.Module]:
    """Modules with a float32 parameter `weight` of 2 to 4 axes, by name; embeddings and norms are none.

    A user's own module counts if it has such a weight, (O, I, *kernel), and takes the activations as first argument.
    Raises ``ValueError`` if there is none, one is of another type, or the model is prepared already.
    """
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            raise ValueError(f"{name}.weight has a parametrization already; allowed: a model that is not prepared")
        weight = getattr(module, "weight", None)
        if not isinstance(weight, nn.Parameter) or isinstance(module, NO_PRODUCT) or not 2 <= weight.ndim <= 4:
            continue
        if weight.dtype != torch.float32:
            raise ValueError(f"{name}.weight is {weight.dtype}; allowed: torch.float32")
        if not torch.isfinite(weight).all():
            raise ValueError(f"{name}.weight holds NaN or infinity; allowed: finite numbers")
        found[name] = module
    if not found:
        raise ValueError("the model has no weights to quantize; allowed: one layer or more")
    return found


def kind(module: nn.Module) -> str:
    """What the layer computes: "linear", "conv", "conv_transpose", or "custom" for a user's own."""
    return next((name for cls, name in KINDS.items() if isinstance(module, cls)), "custom")


def to_outputs_first(weight: Tensor, module: nn.Module) -> Tensor:
    """A layer's weight as (O, I, *kernel): transposed convolutions hold (I, O / groups, *kernel)."""
    if not isinstance(module, _ConvTransposeNd):
        return weight
    inputs, outputs, *kernel = weight.shape
    groups = int(module.groups)
    split = weight.reshape(groups, inputs // groups, outputs, *kernel).transpose(1, 2)
    return split.reshape(groups * outputs, inputs // groups, *kernel)


def to_layout(weight: Tensor, module: nn.Module) -> Tensor:
    """The inverse of :func:`to_outputs_first`."""
    if not isinstance(module, _ConvTransposeNd):
        return weight
    outputs, inputs, *kernel = weight.shape
    groups = int(module.groups)
    split = weight.reshape(groups, outputs // groups, inputs, *kernel).transpose(1, 2)
    return split.reshape(groups * inputs, outputs // groups, *kernel)


def call(model: nn.Module, batch: Batch) -> Any:
    """The model's output for a batch."""
    return model(batch) if isinstance(batch, Tensor) else model(*batch)


@dataclass
class Uses:
    """How often a layer's weights are used, and what it is given.

    `calls`: how often it ran; `positions`: products per weight and sample; `low`: the smallest activation seen.
    """

    calls: int = 0
    positions: int = 0
    low: float = math.inf


def count_uses(model: nn.Module, layers: dict[str, nn.Module], batch: Batch) -> dict[str, Uses]:
    """Run the model once and count, in order of execution; a layer that does not run is an error (``ValueError``)."""
    uses: dict[str, Uses] = {}
    hooks = []
    for name, module in layers.items():

        def record(module: nn.Module, args: tuple[Any, ...], output: Tensor, name: str = name) -> None:
            use = uses.setdefault(name, Uses())
            use.calls += 1
            use.positions += positions(module, args[0], output)
            use.low = min(use.low, float(args[0].detach().min()))

        hooks.append(module.register_forward_hook(record))
    with evaluating(model), torch.no_grad():
        call(model, batch)
    for hook in hooks:
        hook.remove()
    missing = [name for name in layers if name not in uses]
    if missing:
        raise ValueError(f"{missing[0]} does not run in the model's forward; allowed: layers that do, in `skip` others")
    return uses


def positions(module: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """How often each weight is used per sample: output positions; of a transposed convolution input positions."""
    weight_axes = getattr(module, "weight").ndim  # noqa: B009  (a module's attribute, unknown to the type checker)
    if kind(module) == "conv_transpose":
        return math.prod(inputs.shape[2:])
    if weight_axes == 2:
        return math.prod(output.shape[1:-1])
    return math.prod(output.shape[2:])


class evaluating:  # noqa: N801  (reads as a statement: with evaluating(model))
    """The model in evaluation mode inside; each module as it was afterwards."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.training = {module: module.training for module in self.model.modules()}
        self.model.eval()

    def __exit__(self, *_: object) -> None:
        for module, training in self.training.items():
            module.training = training
