"""The activation quantizer: linear, A bits, with a learned step (LSQ) or a learned clip (PACT)."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sw_ref.activations import search_step
from sw_ref.format import StlqFormat
from sw_ref.train.layers import Uses
from sw_ref.train.straight import LinearSteps, exp2, linear_codes

KINDS = ("lsq", "pact")


class Activations(nn.Module):
    """Quantizes what a layer is given: step * clip(floor(x / step + 1/2)), in the range of `fmt`.

    The parameter is log2 of the step, so that an optimizer's rate is relative to it and it stays above 0.  Its gradient
    is not made smaller as LSQ's is: Adam's epsilon would swallow it.  PACT's clip is step * (largest code): only
    clipped activations move it.
    """

    def __init__(self, fmt: StlqFormat, step: float, kind: str) -> None:
        super().__init__()
        self.fmt, self.clip_only = fmt, kind == "pact"
        self.log_step = nn.Parameter(torch.tensor(math.log2(step)))

    @property
    def step(self) -> Tensor:
        """The real value of code 1."""
        return exp2(self.log_step)

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest code."""
        return self.fmt.act_min, self.fmt.act_max

    @torch.no_grad()
    def fix(self, step: float, *, signed: bool) -> None:
        """Take this step and range from here on."""
        self.fmt = replace(self.fmt, act_signed=signed)
        self.log_step.fill_(math.log2(step)).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return LinearSteps.apply(x.float(), self.log_step, self.limits, self.clip_only)

    def codes(self, x: Tensor) -> Tensor:
        """The integer activations: int32."""
        return linear_codes(x.float(), self.log_step, self.limits).int()


def quantize_inputs(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """A forward pre-hook: the layer's first argument, quantized.  (A plain function, so that copies share nothing.)"""
    return (module.act_quantizer(args[0]), *args[1:])  # type: ignore[operator]


def find(use: Uses, fmt: StlqFormat, kind: str) -> Activations:
    """The quantizer of a layer's input: unsigned if none was negative; the step of least squared error."""
    fmt = replace(fmt, act_signed=use.low < 0)
    samples = torch.cat(use.samples)
    return Activations(fmt, search_step(samples.cpu().numpy(), fmt), kind).to(samples.device)


def attach(layer: nn.Module, quantizer: Activations) -> None:
    """Quantize the layer's input from here on."""
    layer.act_quantizer = quantizer
    layer.register_forward_pre_hook(quantize_inputs)


def activations_of(name: str, layer: nn.Module) -> Activations:
    """The quantizer of a layer's input.  ``ValueError`` if it has none."""
    found = getattr(layer, "act_quantizer", None)
    if not isinstance(found, Activations):
        raise ValueError(f"{name}: its activations are float; allowed: a model prepared with activations")
    return found
