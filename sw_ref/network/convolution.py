"""Convolutions: `conv`, `linear` (a 1 x 1 convolution) and `conv_transpose`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sw_ref.format import parameter
from sw_ref.network.operator import (
    OPTION_MAX,
    SIZE_MAX,
    Arithmetic,
    Range,
    Shape,
    check_size,
    numbers,
    shape_of,
)
from sw_ref.windows import Window, correlate, sliding


@dataclass(frozen=True, kw_only=True)
class Weighted(Arithmetic):
    """An operator with weights (O, I, *kernel), to whose sums a second tensor may be added."""

    arity: ClassVar[tuple[int, int | None]] = (1, 2)

    def sum_range(self, shape: Shape, weights: NDArray[np.int32], act_max: int) -> Range:
        flat = weights.reshape(len(weights), -1)
        return act_max * np.minimum(flat, 0).sum(1, np.int64), act_max * np.maximum(flat, 0).sum(1, np.int64)


@dataclass(frozen=True, kw_only=True)
class Conv(Weighted):
    """S[o, y, x] = sum of W[o, i, u, v] * a[i', y * stride + u * dilation - top, ...]; outside the input a is z.

    Weights (O, C / groups, ky, kx), or (O, C / groups, kx) for one axis.  `padding`: top, left, bottom, right.
    """

    op: ClassVar[str] = "conv"
    weight_axes: ClassVar[tuple[int, ...]] = (3, 4)

    stride: tuple[int, int] = numbers((1, 1), count=2, low=1)
    padding: tuple[int, int, int, int] = numbers((0, 0, 0, 0), count=4)
    dilation: tuple[int, int] = numbers((1, 1), count=2, low=1)
    groups: int = parameter(1, low=1, high=SIZE_MAX, help="groups of channels that do not see each other")

    def windows(self, shape: Shape, weights: tuple[int, ...]) -> tuple[Window, Window]:
        """How the kernel's rows and columns slide over an input."""
        return window_pair(shape, kernel_of(weights), self.stride, self.dilation, self.padding)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        check_groups(shapes[0], weights, self.groups)
        rows, columns = self.windows(shapes[0], weights)
        return weights[0], rows.outputs, columns.outputs

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        windows = self.windows(shape_of(acts), weights.shape)
        return correlate(acts, square(weights), windows, groups=self.groups, fill=zero)


@dataclass(frozen=True, kw_only=True)
class Linear(Weighted):
    """S[o, y, x] = sum of W[o, i] * a[i, y, x]: a 1 x 1 convolution with weights (O, C)."""

    op: ClassVar[str] = "linear"
    weight_axes: ClassVar[tuple[int, ...]] = (2,)

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        check_groups(shapes[0], weights, 1)
        return weights[0], *shapes[0][1:]

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        return Conv().sums(acts, square(weights), zero)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One of the convolutions that a transposed one consists of.

    It makes the outputs `first`, `first + stride`, ... of each axis from the taps `taps` of the kernel, which it
    reads in the order of `windows`.
    """

    first: tuple[int, int]
    taps: tuple[slice, slice]
    windows: tuple[Window, Window]

    def part(self, weights: NDArray[np.int32]) -> NDArray[np.int32]:
        """The weights of its taps, from all weights (O, I, ky, kx)."""
        return weights[(slice(None), slice(None), *self.taps)]

    def absent(self, weights: NDArray[np.int32]) -> NDArray[np.int64]:
        """The sum of the weights of all other taps, which read z: int64 (O,)."""
        return weights.sum(axis=(1, 2, 3), dtype=np.int64) - self.part(weights).sum(axis=(1, 2, 3), dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class ConvTranspose(Weighted):
    """A convolution of the input with `stride` - 1 codes z between its codes, with the kernel turned around.

    Weights (O, C / groups, ky, kx): tap u of input row y goes to output row y * stride + u * dilation - top.  All
    that no input code reaches is z, so that S has all taps at every position.  `padding` cuts the output: top, left,
    bottom, right; `output_padding` lengthens it at the bottom and at the right.
    """

    op: ClassVar[str] = "conv_transpose"
    weight_axes: ClassVar[tuple[int, ...]] = (3, 4)

    stride: tuple[int, int] = numbers((1, 1), count=2, low=1)
    padding: tuple[int, int, int, int] = numbers((0, 0, 0, 0), count=4)
    output_padding: tuple[int, int] = numbers((0, 0), count=2)
    dilation: tuple[int, int] = numbers((1, 1), count=2, low=1)
    groups: int = parameter(1, low=1, high=SIZE_MAX, help="groups of channels that do not see each other")

    def output_shape(self, shapes: Sequence[Shape], weights: tuple[int, ...]) -> Shape:
        check_groups(shapes[0], weights, self.groups)
        sizes = [
            (size - 1) * s + d * (k - 1) + 1 + more - before - after
            for size, s, d, k, more, before, after in zip(
                shapes[0][1:],
                self.stride,
                self.dilation,
                kernel_of(weights),
                self.output_padding,
                self.padding[:2],
                self.padding[2:],
                strict=True,
            )
        ]
        if min(sizes) < 1:
            raise ValueError(f"padding is {self.padding}, which leaves {sizes} rows and columns; allowed: 1 or more")
        spans = [d * (k - 1) for d, k in zip(self.dilation, kernel_of(weights), strict=True)]
        check_size(shapes[0][0], sizes[0] + spans[0], sizes[1] + spans[1])
        return weights[0], sizes[0], sizes[1]

    def phases(self, shape: Shape, weights: tuple[int, ...]) -> Iterator[Phase]:
        """The stride^2 convolutions, for an input (C, H, W); those that make no output are left out."""
        sizes = self.output_shape([shape], weights)[1:]
        axes = [
            [
                self._phase(axis, first, kernel_of(weights)[axis], sizes[axis])
                for first in range(min(stride, sizes[axis]))
            ]
            for axis, stride in enumerate(self.stride)
        ]
        for row, (row_taps, row_window) in enumerate(axes[0]):
            for column, (column_taps, column_window) in enumerate(axes[1]):
                yield Phase(first=(row, column), taps=(row_taps, column_taps), windows=(row_window, column_window))

    def _phase(self, axis: int, first: int, kernel: int, size: int) -> tuple[slice, Window]:
        """The taps u with first + top - u * dilation a multiple of the stride, the last one first, and their window."""
        stride, dilation, before = self.stride[axis], self.dilation[axis], self.padding[axis]
        step = stride // math.gcd(stride, dilation)
        taps = [u for u in range(min(step, kernel)) if (first + before - u * dilation) % stride == 0]
        outputs = -(-(size - first) // stride)
        if not taps:
            return slice(0, 0), Window(origin=0, stride=1, dilation=1, taps=0, outputs=outputs)
        last = taps[0] + (kernel - 1 - taps[0]) // step * step
        found = slice(last, taps[0] - 1 if taps[0] else None, -step)
        window = Window(
            origin=(first + before - last * dilation) // stride,
            stride=1,
            dilation=dilation * step // stride,
            taps=(last - taps[0]) // step + 1,
            outputs=outputs,
        )
        return found, window

    def sums(self, acts: NDArray[Any], weights: NDArray[np.int32], zero: int) -> NDArray[Any]:
        shape, kernel = shape_of(acts), square(weights)
        sums = np.empty((len(acts), *self.output_shape([shape], kernel.shape)), np.int64)
        for phase in self.phases(shape, kernel.shape):
            at = tuple(slice(first, None, step) for first, step in zip(phase.first, self.stride, strict=True))
            made = zero * phase.absent(kernel)[:, None, None]
            if (part := phase.part(kernel)).size:
                made = made + correlate(acts, part, phase.windows, groups=self.groups, fill=zero).astype(np.int64)
            sums[(slice(None), slice(None), *at)] = made
        return sums


def square(weights: NDArray[np.int32]) -> NDArray[np.int32]:
    """Weights with two kernel axes: (O, I, ky, kx)."""
    return weights.reshape(*weights.shape[:2], *kernel_of(weights.shape))


def kernel_of(weights: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of a kernel; the axes that a weight lacks are the first ones."""
    rows, columns = (1, 1, *weights[2:])[-2:]
    return rows, columns


def check_groups(shape: Shape, weights: tuple[int, ...], groups: int) -> None:
    """Raise ``ValueError`` unless channels, weights and groups fit."""
    if shape[0] != weights[1] * groups or weights[0] % groups:
        raise ValueError(
            f"groups is {groups} for weights {weights} and {shape[0]} channels; "
            "allowed: channels = groups * weight inputs, outputs a multiple of groups"
        )
    if max(kernel_of(weights)) > OPTION_MAX:
        raise ValueError(f"kernel is {kernel_of(weights)}; allowed: up to {OPTION_MAX}")


def window_pair(
    shape: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> tuple[Window, Window]:
    """The windows of rows and of columns; `padding`: top, left, bottom, right."""
    check_size(shape[0], shape[1] + padding[0] + padding[2], shape[2] + padding[1] + padding[3])
    rows, columns = (
        sliding(
            shape[1 + axis],
            taps=kernel[axis],
            stride=stride[axis],
            dilation=dilation[axis],
            padding=(padding[axis], padding[axis + 2]),
        )
        for axis in (0, 1)
    )
    return rows, columns
