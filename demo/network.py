"""The classifier in integers: quantized weights, biases in units of a sum, requantization between the layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.classifier import Classifier
from sw_ref.activations import quantize_activations, search_step
from sw_ref.format import StlqFormat
from sw_ref.integer import dot, fixed_point, requantize
from sw_ref.model import StlqTensor
from sw_ref.quantize.tensor import quantize_tensor

Sums = Callable[["Layer", NDArray[Any]], NDArray[np.int64]]
"""What computes the dot products of a layer: int64 (n, O) from activation codes (n, I)."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer in integers.

    `weight`: the trained floats.  `bias`: int64 (O,), in units of a sum.  A sum times `multiplier` / 2^`shift` is
    the next layer's activation code; the last layer's sums are compared as they are.
    """

    name: str
    weight: NDArray[Any]
    tensor: StlqTensor
    bias: NDArray[np.int64]
    multiplier: int
    shift: int

    def activate(self, sums: NDArray[np.int64]) -> NDArray[np.int32]:
        """ReLU and requantization, in exact integers."""
        codes = requantize(sums, multiplier=self.multiplier, shift=self.shift, bias=self.bias, fmt=self.tensor.format)
        return np.maximum(codes, 0)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The classifier in integers; `pixel_step` is the real value of a pixel's code 1."""

    layers: list[Layer]
    pixel_step: float

    def predict(self, images: NDArray[Any], sums: Sums) -> NDArray[np.intp]:
        """The digits on `images` (n, 64), with every dot product taken by `sums`."""
        *hidden, last = self.layers
        acts = quantize_activations(images, self.pixel_step, last.tensor.format)
        for layer in hidden:
            acts = layer.activate(sums(layer, acts))
        return (sums(last, acts) + last.bias).argmax(axis=1)


def golden(layer: Layer, acts: NDArray[Any]) -> NDArray[np.int64]:
    """The dot products of a layer by the golden model."""
    return dot(layer.tensor, acts)


def quantize(
    classifier: Classifier, images: NDArray[Any], fmt: StlqFormat, *, tile: tuple[int, int], ratio: float
) -> Network:
    """The classifier in integers; the activations' steps are found on sample `images`, layer by layer."""
    step = pixel_step = search_step(images, fmt)
    acts = quantize_activations(images, step, fmt)
    layers = []
    for index, (weight, bias) in enumerate(zip(classifier.weights, classifier.biases, strict=True)):
        tensor = quantize_tensor(weight, fmt, tile=tile, ratio=ratio)
        unit = step * float(tensor.unit)
        whole = np.rint(bias / unit).astype(np.int64)
        step = search_step(np.maximum((dot(tensor, acts) + whole) * unit, 0), fmt)
        multiplier, shift = fixed_point(unit / step)
        layers.append(
            Layer(
                name=f"layer{index + 1}", weight=weight, tensor=tensor, bias=whole, multiplier=multiplier, shift=shift
            )
        )
        acts = layers[-1].activate(dot(tensor, acts))
    return Network(layers=layers, pixel_step=pixel_step)
