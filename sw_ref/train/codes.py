"""The operators of a network in integers on PyTorch tensors: the same integers, with gradients.

Tensors are (n, C, H, W) and hold code - zero point, so that 0 is the real number 0 and pads everything.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from sw_ref.network import (
    AveragePool,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    MaxPool,
    Pad,
    PixelShuffle,
    Resize,
)
from sw_ref.network.operator import Operator
from sw_ref.train.layers import to_layout

PADS = {"zero": "constant", "edge": "replicate", "reflect": "reflect"}


class Rounded(Function):
    """floor(x + 1/2), as the requantizer rounds; the gradient passes unchanged."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.add(0.5).floor_()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


class Replaced(Function):
    """`value`, with the gradient that `smooth` has."""

    @staticmethod
    def forward(ctx: Any, smooth: Tensor, value: Tensor) -> Tensor:
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None


def sums(options: Operator, x: Tensor, weight: Tensor) -> Tensor:
    """The sums of a convolution; `weight`: (O, I, *kernel), output channels first, of the type of `x`."""
    kernel = weight.reshape(*weight.shape[:2], *(1, 1, *weight.shape[2:])[-2:])
    if isinstance(options, ConvTranspose):
        made = functional.conv_transpose2d(
            x, to_layout(kernel, options.groups), None, options.stride, 0, 0, options.groups, options.dilation
        )
        (top, left, bottom, right), (rows, columns) = options.padding, options.output_padding
        return functional.pad(made, (-left, columns - right, -top, rows - bottom))
    conv = options if isinstance(options, Conv) else Conv()
    return functional.conv2d(padded(x, conv.padding), kernel, None, conv.stride, 0, conv.dilation, conv.groups)


def window_sums(options: AveragePool, x: Tensor) -> Tensor:
    """The sum over each window of an average."""
    return functional.avg_pool2d(padded(x, options.padding), options.kernel, options.stride, divisor_override=1)


def move(options: Operator, inputs: Sequence[Tensor]) -> Tensor:
    """The output of an operator that moves codes; ``ValueError`` for one that no model makes."""
    x = inputs[0]
    if isinstance(options, MaxPool):
        filled = padded(x, options.padding, value=-torch.inf)
        return functional.max_pool2d(filled, options.kernel, options.stride, 0, options.dilation)
    if isinstance(options, Concat):
        return torch.cat(list(inputs), 1)
    if isinstance(options, Resize):
        return x.repeat_interleave(options.factor[0], 2).repeat_interleave(options.factor[1], 3)
    if isinstance(options, PixelShuffle):
        return functional.pixel_shuffle(x, options.block)
    if isinstance(options, Pad):
        return padded(x, options.padding, mode=PADS[options.mode])
    if isinstance(options, Flatten):
        return x.flatten(1)[..., None, None]
    raise ValueError(f"operator is {options.op}; allowed: those that a model is made of")


def padded(x: Tensor, padding: tuple[int, int, int, int], *, mode: str = "constant", value: float = 0.0) -> Tensor:
    """`x` with more rows and columns; `padding`: top, left, bottom, right."""
    top, left, bottom, right = padding
    sides = (left, right, top, bottom)
    if not any(sides):
        return x
    return functional.pad(x, sides, mode, value) if mode == "constant" else functional.pad(x, sides, mode)
