"""The straight-through operators: what goes forward is quantized, what comes back is written down here.

With g the gradient of the loss with respect to the output, and c = C + v per weight (1 where C is set):

========== ======================================== ==================== ==========================
operator   forward                                  dL/dw                dL/dc
========== ======================================== ==================== ==========================
outside    LogQ(w) + c * LogQ(r1)                   g, or g * (1 + c)    g * LogQ(r1)
inside     LogQ(w) + LogQ(r1 * c)                   g, or g * (1 + c)    g * r1
one word   LogQ(w)                                  g                    (there is no c)
========== ======================================== ==================== ==========================

r1 = w - LogQ(w) is on the scale U * 2^-k.  Both LogQ pass gradients as the identity does, so r1 passes 1 - 1 = 0 to w
("cancel": the same as if r1 were detached); with "through" the LogQ(w) in r1 counts as a constant, and r1 passes c.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sw_ref.format import StlqFormat
from sw_ref.train.logq import word


class TwoWords(Function):
    """w and c -> the weight that the array holds (with v = 0) or is led to (with v above 0)."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, factor: Tensor, marks: Tensor, fmt: StlqFormat, literal: bool, mode: tuple[str, str]
    ) -> Tensor:
        """`marks`: those of U and of U * 2^-k (see :mod:`sw_ref.train.logq`), stacked."""
        anneal, residual_gradient = mode
        # In literal mode numpy takes r1 in float64, so that no bit of it is lost.
        exact = weight.double() if literal else weight
        first = word(exact, marks[0], fmt, literal)
        r1 = exact - first
        if anneal == "inside":
            slope = r1
            second = word(r1 * factor, marks[1], fmt, literal)
        else:
            slope = word(r1, marks[1], fmt, literal)
            second = slope * factor
        ctx.through = residual_gradient == "through"
        ctx.save_for_backward(
            slope.to(weight.dtype) if ctx.needs_input_grad[1] else None, factor if ctx.through else None
        )
        return first.add_(second).to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        slope, factor = ctx.saved_tensors
        to_weight = grad * (1 + factor) if ctx.through else grad
        to_factor = grad * slope if slope is not None else None
        return to_weight, to_factor, None, None, None, None


class OneWord(Function):
    """w -> LogQ(w); the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, marks: Tensor, fmt: StlqFormat, literal: bool) -> Tensor:
        """`marks`: those of U."""
        return word(weight, marks, fmt, literal)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return grads[0], None, None, None


class LinearSteps(Function):
    """x and s = log2(step) -> step * clip(floor(x / step + 1/2), low, high), with a learned step (s broadcasts to x).

    dL/dx = g where low < x / step < high, else 0.  dL/ds = ln(2) * step * the sum of g * q where clipped, and inside of
    g * (q - x / step) (LSQ) or of 0 (PACT: `clip_only`), with q the clipped code.  There is no second derivative.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, log_step: Tensor, limits: tuple[int, int], clip_only: bool) -> Tensor:
        out = linear_codes(x, log_step, limits).mul_(exp2(log_step))
        # Their makers and takers keep x and the output anyway: nothing else of their size is saved.
        ctx.save_for_backward(x, log_step, out)
        ctx.rest = limits, clip_only
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]  (it stays static)
        (x, log_step, out), (limits, clip_only) = ctx.saved_tensors, ctx.rest
        (grad,) = grads
        to_x = x * exp2(-log_step)
        torch.ops.aten.hardtanh_backward.grad_input(grad, to_x, *limits, grad_input=to_x)
        # Everywhere g * step * q, less g * (what does not count) inside.
        # (Subtracted before they are summed: the two sums are much larger than their difference.)
        to_step = (grad * out).addcmul_(to_x, out if clip_only else x, value=-1).sum_to_size(log_step.shape)
        return to_x, to_step * math.log(2), None, None


def linear_codes(x: Tensor, log_step: Tensor, limits: tuple[int, int]) -> Tensor:
    """clip(floor(x / step + 1/2)): the activation codes, as floats."""
    return (x * exp2(-log_step)).add_(0.5).floor_().clamp_(*limits)


def exp2(exponent: Tensor) -> Tensor:
    """2^exponent, rounded from float64: the same bits for the same number, in a tensor of any size and layout.

    In float32 the vector loops of PyTorch and their scalar remainders differ in the last bit.
    """
    return exponent.double().exp2().to(exponent.dtype)


def log2(values: Tensor) -> Tensor:
    """The inverse of :func:`exp2`, rounded from float64 as well."""
    return values.double().log2().to(values.dtype)
