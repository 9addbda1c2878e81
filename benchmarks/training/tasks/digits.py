"""scikit-learn's handwritten digits, split by writer.

Each writer of this set filled in the same form, so the labels repeat, and three rows of 0 to 9 mark where a writer
begins.  Nobody's hand is in two splits.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

from benchmarks.training.tasks.task import uniform

STARTS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667, 1797)
"""First image of each of the 14 writers, and the end."""
WRITERS = {"train": range(8), "valid": range(8, 10), "test": range(10, 14)}
PIXEL_MAX = 16.0


@dataclass(frozen=True)
class Digits:
    """Images (n, 1, 8, 8) in 0..1 and their labels (n,) int64."""

    images: Tensor
    labels: Tensor


@cache
def digits(split: str) -> Digits:
    """The digits of a split."""
    writers = WRITERS[split]
    part = slice(STARTS[writers.start], STARTS[writers.stop])
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).float().reshape(-1, 1, 8, 8) / PIXEL_MAX
    return Digits(images[part], torch.from_numpy(labels[part]).long())


def writers(split: str) -> list[str]:
    """Names of a split's writers."""
    return [f"writer {number}" for number in WRITERS[split]]


def place(images: Tensor, size: int, scale: tuple[float, float], center: Tensor, random: torch.Generator) -> Tensor:
    """Draw each 8 x 8 image, slanted and stretched a little, onto a canvas of its own: (n, 1, size, size).

    `scale` is the range of a digit's height as a share of the canvas; `center` (n, 2) is where it goes: x and y,
    from -1 to 1.
    """
    count = len(images)
    angle, shear = uniform(random, -0.3, 0.3, count), uniform(random, -0.25, 0.25, count)
    height = uniform(random, *scale, count)
    width = height * uniform(random, 0.8, 1.2, count)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # grid_sample maps the canvas to the image: the inverse of the digit's turn, slant and size.
    rows = torch.stack([cos / width, (sin + shear * cos) / width, -sin / height, cos / height], 1).reshape(-1, 2, 2)
    theta = torch.cat([rows, -rows @ center[..., None]], 2)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    return functional.grid_sample(images, grid, mode="bicubic", align_corners=False).clamp_(0, 1)


def add_noise(images: Tensor, strength: float, random: torch.Generator) -> Tensor:
    """Gaussian noise of standard deviation `strength`, clipped to 0..1."""
    return (images + strength * torch.randn(images.shape, generator=random)).clamp_(0, 1)


def pick(split: str, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` random digits of a split: images and labels."""
    source = digits(split)
    chosen = torch.randint(len(source.labels), (count,), generator=random)
    return source.images[chosen], source.labels[chosen]


def batches_of(count: int, size: int) -> list[slice]:
    """`count` things in slices of at most `size`."""
    return [slice(i * size, min((i + 1) * size, count)) for i in range(math.ceil(count / size))]
