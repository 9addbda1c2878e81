"""A small network trained on real digits: float weights, and the activations that its layers really see."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from hw.config import ArrayConfig
from sw_ref.model import save_model
from sw_ref.quantize.tensor import quantize_tensor
from verif.hw.tb_array import ACTS_FILE, MODEL_FILE

HIDDEN, IMAGES = 12, 40


@dataclass(frozen=True)
class Network:
    """Per layer: weights (O, I) and activations (IMAGES, I) as shares 0..1 of the largest."""

    weights: dict[str, np.ndarray]
    acts: dict[str, np.ndarray]


def train() -> Network:
    """64 pixels, 12 hidden units, 10 classes; the same network each time."""
    pixels, classes = load_digits(return_X_y=True)
    pixels = pixels / 16
    network = MLPClassifier((HIDDEN,), random_state=1)
    for _ in range(25):
        network.partial_fit(pixels, classes, classes=range(10))
    hidden = np.maximum(pixels[:IMAGES] @ network.coefs_[0] + network.intercepts_[0], 0)
    return Network(
        weights={"hidden": network.coefs_[0].T, "output": network.coefs_[1].T},
        acts={"hidden": pixels[:IMAGES], "output": hidden / hidden.max()},
    )


def write_trained(network: Network, config: ArrayConfig, folder: Path, *, beats: int = 1000) -> None:
    """The network quantized for `config`, and as many real activation vectors as take about `beats` beats.

    Layers with more inputs than the array's depth are cut to it.
    """
    tensors = {
        name: quantize_tensor(weight[:, : config.depth], config.format, tile=config.tile, ratio=0.3)
        for name, weight in network.weights.items()
    }
    save_model(folder / MODEL_FILE, tensors)
    per_image = sum(int(tensor.two_word.size + tensor.two_word.sum()) for tensor in tensors.values())
    images = min(max(beats // per_image, 1), IMAGES)
    shares = {name: acts[:images, : config.depth] for name, acts in network.acts.items()}
    np.savez(folder / ACTS_FILE, allow_pickle=False, **shares)
