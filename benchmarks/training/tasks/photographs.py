"""The pictures that come inside scikit-image and scikit-learn, by name; nothing is downloaded."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data
from sklearn.datasets import load_sample_image
from torch import Tensor

FROM_SKLEARN = ("china", "flower")


@cache
def photograph(name: str) -> Tensor:
    """A picture as float32 (3, H, W) in 0..1, in sRGB; grey pictures have three equal channels."""
    pixels = _read(name)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return torch.tensor(pixels.transpose(2, 0, 1), dtype=torch.float32) / 255


def _read(name: str) -> NDArray[np.uint8]:
    if name in FROM_SKLEARN:
        return load_sample_image(f"{name}.jpg")
    if name == "stereo_motorcycle":
        return data.stereo_motorcycle()[0]  # the other view shows the same scene
    return getattr(data, name)()


def crop(picture: Tensor, size: int, random: torch.Generator) -> Tensor:
    """A random square (3, size, size) of a picture, turned and mirrored at random."""
    top, left = (int(torch.randint(side - size + 1, (), generator=random)) for side in picture.shape[1:])
    part = picture[:, top : top + size, left : left + size]
    turns, mirrored = torch.randint(4, (), generator=random), torch.randint(2, (), generator=random)
    part = torch.rot90(part, int(turns), (1, 2))
    return part.flip(2) if mirrored else part
