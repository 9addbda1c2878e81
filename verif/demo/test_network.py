"""The demo's integer network: exact requantization, and ragged tiles really occur."""

from fractions import Fraction
from math import floor

import numpy as np

from demo.classifier import HIDDEN, Classifier
from demo.network import Layer, golden, quantize
from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor


def test_activate_is_relu_and_exact_rounding() -> None:
    tensor = quantize_tensor(np.ones((1, 1)), StlqFormat())
    layer = Layer(name="x", weight=np.ones((1, 1)), tensor=tensor, bias=np.array([7]), multiplier=20000, shift=18)
    sums = np.arange(-3000, 3000)[:, None]
    wanted = [max(0, min(127, floor(Fraction((s + 7) * 20000, 2**18) + Fraction(1, 2)))) for s in range(-3000, 3000)]
    assert layer.activate(sums)[:, 0].tolist() == wanted


def test_integers_predict_what_the_floats_do_on_an_exact_network() -> None:
    # Weights that are levels, and activations on a grid: quantization loses next to nothing.
    rng = np.random.default_rng(5)
    weights = [rng.choice([0.5, 0.25, -0.5, -0.125, 0], size) for size in ((9, 16), (4, 9))]
    classifier = Classifier(weights=weights, biases=[rng.normal(size=9), rng.normal(size=4)])
    images = rng.integers(0, 128, (200, 16)) / 127
    network = quantize(classifier, images, StlqFormat(), tile=(8, 8), ratio=1.0)
    same = network.predict(images, golden) == classifier.predict(images)
    assert same.mean() > 0.97


def test_hidden_layers_give_ragged_tiles() -> None:
    assert any(size % 8 for size in HIDDEN)
