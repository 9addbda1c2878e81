"""Weight tensors of known character, from a fixed seed."""

import numpy as np
from numpy.typing import NDArray

SEED = 4711


def make(kind: str, shape: tuple[int, ...], seed: int = SEED) -> NDArray[np.float32]:
    """A float32 tensor: see the keys for what there is."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))

    def outliers() -> NDArray[np.float64]:
        values = rng.standard_normal(size)
        values[:: max(size // 8, 1)] *= 30
        return values

    makers = {
        "gauss": lambda: rng.standard_normal(size),
        "laplace": lambda: rng.laplace(size=size),
        "student": lambda: rng.standard_t(3, size),
        "uniform": lambda: rng.uniform(-1, 1, size),
        "outliers": outliers,
        "sparse": lambda: rng.standard_normal(size) * (rng.random(size) < 0.03),
        "binary": lambda: rng.choice([-0.3, 0.3], size),
        "positive": lambda: np.abs(rng.standard_normal(size)),
    }
    return makers[kind]().reshape(shape).astype(np.float32)
