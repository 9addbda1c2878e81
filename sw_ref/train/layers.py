"""The layers of a model that have weights to quantize, and how their weights lie."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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


def quantizable(model: nn.Module, skip: Collection[str] = ()) -> dict[str, nn.Module]:
    """Modules with a float32 parameter `weight` of 2 to 4 axes, by name; embeddings and norms are none.

    A user's own module counts if it has such a weight, (O, I, *kernel), and takes the activations as first argument.
    `skip`: names of modules that are left out, with all modules inside them.
    Raises ``ValueError`` with everything that is wrong: no such weight, one of another type or not finite, a model that
    is prepared already, a name in `skip` that is no module of the model.
    """
    modules = dict(model.named_modules())
    problems = [f"skip holds {name!r}; allowed: names of the model's modules" for name in skip if name not in modules]
    found: dict[str, nn.Module] = {}
    for name, module in modules.items():
        if any(other in ("", name) or name.startswith(f"{other}.") for other in skip):
            continue
        parametrized = parametrize.is_parametrized(module, "weight")
        weight = None if parametrized else getattr(module, "weight", None)
        if parametrized:
            problems.append(f"{name}.weight has a parametrization already; allowed: a model that is not prepared")
        elif not isinstance(weight, nn.Parameter) or isinstance(module, NO_PRODUCT) or not 2 <= weight.ndim <= 4:
            continue
        elif weight.dtype != torch.float32:
            problems.append(f"{name}.weight is {weight.dtype}; allowed: torch.float32")
        elif not torch.isfinite(weight).all():
            problems.append(f"{name}.weight holds NaN or infinity; allowed: finite numbers")
        else:
            found[name] = module
    if not found and not problems:
        problems.append("the model has no weights to quantize; allowed: one layer or more")
    refuse(problems)
    return found


def refuse(problems: Sequence[str]) -> None:
    """``ValueError`` with all problems in one line, if there are any."""
    if problems:
        raise ValueError("; ".join(problems))


def kind(module: nn.Module) -> str:
    """The kind of a layer: "linear", "conv", "conv_transpose", or "custom" for a user's own `forward`."""
    own = (name for cls, name in KINDS.items() if isinstance(module, cls) and type(module).forward is cls.forward)
    return next(own, "custom")


def transposed_groups(module: nn.Module) -> int:
    """Groups of a transposed convolution, whose weight is (I, O / groups, *kernel); 0 for all other layers."""
    return int(module.groups) if isinstance(module, _ConvTransposeNd) else 0


def groups_of(module: nn.Module) -> int:
    """The groups of a convolution; 1 for other layers."""
    return int(module.groups) if kind(module).startswith("conv") else 1  # type: ignore[arg-type]


def to_outputs_first(weight: Tensor, transposed_groups: int) -> Tensor:
    """A layer's weight as (O, I, *kernel)."""
    if not transposed_groups:
        return weight
    inputs, outputs, *kernel = weight.shape
    split = weight.reshape(transposed_groups, inputs // transposed_groups, outputs, *kernel).transpose(1, 2)
    return split.reshape(transposed_groups * outputs, inputs // transposed_groups, *kernel)


def to_layout(weight: Tensor, transposed_groups: int) -> Tensor:
    """The inverse of :func:`to_outputs_first`."""
    if not transposed_groups:
        return weight
    outputs, inputs, *kernel = weight.shape
    split = weight.reshape(transposed_groups, outputs // transposed_groups, inputs, *kernel).transpose(1, 2)
    return split.reshape(transposed_groups * inputs, outputs // transposed_groups, *kernel)


def per_output(scale: Tensor, channels: Sequence[int], axes: int, transposed_groups: int) -> Tensor:
    """One value per output channel, (O,), or one for all, (), so that it broadcasts against a layer's weight.

    `channels`: O and I of the weight as (O, I, *kernel), which has as many `axes`.
    """
    if scale.ndim == 0:
        return scale
    kernel = (1,) * (axes - 2)
    if not transposed_groups:
        return scale.reshape(-1, 1, *kernel)
    return to_layout(scale.reshape(-1, 1, *kernel).expand(*channels, *kernel), transposed_groups)


FLOOR = 2.0**-8
"""The least start of a channel's scale, as a share of the median of its layer."""


def trainable(scales: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scales per output channel, (O,), that training can start from; `weight` is (O, ...).

    The best scale of a channel that is 0, or next to nothing, would hold it there: one that is 0 gets the median of the
    others (1 if there are none), the others at least :data:`FLOOR` of it.
    """
    zero = ~weight.reshape(len(weight), -1).any(1)
    if zero.all():
        return np.ones_like(scales)
    median = np.median(scales[~zero])
    return np.where(zero, median, np.maximum(scales, FLOOR * median)).astype(np.float32)


def call(model: nn.Module, batch: Batch) -> Any:
    """The model's output for a batch."""
    return model(batch) if isinstance(batch, Tensor) else model(*batch)


SAMPLES = 1 << 16
"""Activations of each layer that are kept for its first step."""


@dataclass
class Uses:
    """How a layer is used: `positions`, products per weight and sample.

    `samples`: some of the activations that it is given; `low`: the smallest of all.
    """

    positions: int = 0
    low: float = math.inf
    samples: list[Tensor] = field(default_factory=list, repr=False)


def observe(model: nn.Module, layers: dict[str, nn.Module], batches: Sequence[Batch]) -> dict[str, Uses]:
    """Run the model on all batches and see how its layers are used, in order of execution.

    Raises ``ValueError`` if there is no batch, something else than batches, or a layer that does not run.
    """
    if not isinstance(batches, (list, tuple)) or not all(isinstance(b, (Tensor, list, tuple)) for b in batches):
        kinds = {type(b).__name__ for b in batches} if isinstance(batches, (list, tuple)) else set()
        what = f"holds {', '.join(sorted(kinds))}" if kinds else f"is a {type(batches).__name__}"
        raise ValueError(f"calibration {what}; allowed: a list of batches, each a tensor or a tuple of arguments")
    if not batches:
        raise ValueError("there are no calibration batches; allowed: one or more")
    uses: dict[str, Uses] = {}
    share = SAMPLES // len(batches) + 1

    def record(module: nn.Module, args: tuple[Any, ...], output: Tensor, name: str) -> None:
        if not args or not args[0].numel():
            raise ValueError(f"{name} is called without activations; allowed: some, as the first argument")
        use, inputs = uses.setdefault(name, Uses()), args[0].detach()
        if counting:
            use.positions += positions(module, inputs, output)
        use.low = min(use.low, float(inputs.min()))
        use.samples.append(inputs.flatten()[:: inputs.numel() // share + 1])

    hooks = [module.register_forward_hook(partial(record, name=name)) for name, module in layers.items()]
    try:
        with evaluating(model), torch.no_grad():
            for number, batch in enumerate(batches):
                counting = number == 0
                call(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    refuse(
        [
            f"{name} does not run in the model's forward; allowed: layers that run, or those in skip"
            for name in layers
            if name not in uses
        ]
    )
    return uses


def positions(module: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """How often each weight is used per sample: output positions; of a transposed convolution input positions."""
    weight_axes = getattr(module, "weight").ndim  # noqa: B009  (a module's attribute, unknown to the type checker)
    if transposed_groups(module):
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
