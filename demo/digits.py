"""The demo's data: handwritten digits that come with scikit-learn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 1
PIXEL_MAX = 16


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Images as float32 (n, 1, 8, 8) in 0..1, and the digits on them as int64 (n,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def load() -> tuple[Digits, Digits]:
    """Of 1,797 real images 1,347 to train with and 450 to test with; always the same split."""
    images, labels = load_digits(return_X_y=True)
    images = (images / PIXEL_MAX).astype(np.float32).reshape(-1, 1, 8, 8)
    split = train_test_split(images, labels, test_size=0.25, random_state=SEED, stratify=labels)
    train_images, test_images, train_labels, test_labels = map(np.asarray, split)
    return Digits(images=train_images, labels=train_labels), Digits(images=test_images, labels=test_labels)
