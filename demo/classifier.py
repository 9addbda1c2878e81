"""The float classifier that the demo starts from, and its data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 1
HIDDEN = (40, 20)
"""Widths of the hidden layers.  20 is no multiple of 8, so ragged tiles occur."""
PIXEL_MAX = 16


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Real 8 x 8 images as float64 (n, 64) in 0..1, and the digits on them."""

    train_images: NDArray[np.float64]
    test_images: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    test_labels: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A float multi-layer perceptron: `weights` (O, I) and `biases` (O,) per layer, ReLU between the layers."""

    weights: list[NDArray[Any]]
    biases: list[NDArray[Any]]

    def predict(self, images: NDArray[np.float64]) -> NDArray[np.intp]:
        """The digits on `images` (n, 64)."""
        values = images
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ weight.T + bias, 0)
        return (values @ self.weights[-1].T + self.biases[-1]).argmax(axis=1)


def load() -> Digits:
    """scikit-learn's 1,797 images, split into 1,347 to train with and 450 to test with; always the same split."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / PIXEL_MAX, labels, test_size=0.25, random_state=SEED, stratify=labels)
    train_images, test_images, train_labels, test_labels = map(np.asarray, split)
    return Digits(
        train_images=train_images, test_images=test_images, train_labels=train_labels, test_labels=test_labels
    )


def train(digits: Digits) -> Classifier:
    """Train from a fixed seed."""
    model = MLPClassifier(HIDDEN, alpha=0.1, max_iter=1000, random_state=SEED)
    model.fit(digits.train_images, digits.train_labels)
    # scikit-learn keeps (I, O); everything here is (O, I).
    return Classifier(weights=[w.T for w in model.coefs_], biases=list(model.intercepts_))
