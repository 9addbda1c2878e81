"""Image enhancement, the paper's SID task in small: from a dark, noisy raw exposure to the picture."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.tasks.networks import UNet
from benchmarks.training.tasks.photographs import crop, photograph
from benchmarks.training.tasks.task import Recipe, Task, generator, predictions, to_pixels, uniform

PICTURES = {
    "train": (
        *("astronaut", "coffee", "china", "hubble_deep_field", "retina", "immunohistochemistry"),
        *("brick", "grass", "gravel", "coins", "moon", "text"),
    ),
    "valid": ("stereo_motorcycle", "page"),
    "test": ("chelsea", "flower", "rocket", "camera"),
}
SIZE, HELD_OUT_SIZE = 64, 256
DIMMED = 0.6
"""The least factor by which channels, and pictures, are multiplied in training."""
EXPOSURES = 2
"""Held-out crops are exposed this often, with noise of their own."""
FULL_WELL = (60.0, 240.0)
"""Electrons of the brightest pixel: a few, as in a short exposure, so that shot noise shows."""
READ_NOISE = 2.0
"""Standard deviation in electrons."""


class Enhance(Task):
    """Whole pictures are held out; the metric is the mean PSNR of their middle parts, beside it the SSIM."""

    name: ClassVar[str] = "enhance"
    networks: ClassVar[Mapping[str, Callable[[], nn.Module]]] = {"unet": UNet}
    example: ClassVar[tuple[int, ...]] = (4, SIZE // 2, SIZE // 2)
    primary: ClassVar[str] = "psnr"
    unit: ClassVar[str] = "dB"
    batch: ClassVar[int] = 8
    steps: ClassVar[int] = 40
    pretraining: ClassVar[Recipe] = Recipe(epochs=80, rate=2e-3)
    tuning: ClassVar[Recipe] = Recipe(epochs=16, rate=1.5e-3)

    def draw(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        names = PICTURES["train"]
        chosen = torch.randint(len(names), (self.batch,), generator=random).tolist()
        clean = torch.stack([recolor(crop(photograph(names[i]), SIZE, random), random) for i in chosen])
        return expose(clean, random), clean

    def held_out(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        yield from _exposed(split)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.l1_loss(outputs, targets)

    def measure(self, pairs: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
        psnr, ssim = [], []
        for outputs, targets in pairs:
            for seen, clean in zip(outputs.clamp(0, 1), targets, strict=True):
                psnr.append(-10 * float(torch.log10((seen - clean).double().square().mean())))
                similarity: Any = structural_similarity(seen.numpy(), clean.numpy(), channel_axis=0, data_range=1.0)
                ssim.append(float(similarity))
        return {"psnr": sum(psnr) / len(psnr), "ssim": sum(ssim) / len(ssim)}

    def pictures(self, model: nn.Module) -> dict[str, NDArray[np.uint8]]:
        inputs, targets = _exposed("test")[0]
        output, target = next(predictions(model, iter([(inputs[:1], targets[:1])])))
        raw = inputs[:1, [0, 1, 3]].repeat_interleave(2, 2).repeat_interleave(2, 3)
        return {"input": to_pixels(raw[0]), "target": to_pixels(target[0]), "output": to_pixels(output[0])}

    def sources(self) -> dict[str, list[str]]:
        return {split: [f"picture {name}" for name in names] for split, names in PICTURES.items()}


def recolor(picture: Tensor, random: torch.Generator) -> Tensor:
    """A picture with its channels in another order and dimmed: a dozen pictures have too few colours to learn from."""
    gains = uniform(random, DIMMED, 1, 3, 1, 1) * uniform(random, DIMMED, 1, 1)
    return picture[torch.randperm(3, generator=random)] * gains


def expose(clean: Tensor, random: torch.Generator) -> Tensor:
    """sRGB pictures (n, 3, 2H, 2W) as a sensor sees them in a short exposure, amplified: (n, 4, H, W) in 0..1.

    Linear light, one colour per pixel (Bayer: red, two greens, blue), photons counted (Poisson), read noise added,
    divided by the full well again.  The square root (half of sRGB's curve) evens out the noise over brightness.
    """
    linear = torch.where(clean <= 0.04045, clean / 12.92, ((clean + 0.055) / 1.055) ** 2.4)
    red, green, blue = linear.unbind(1)
    planes = [red[:, ::2, ::2], green[:, ::2, 1::2], green[:, 1::2, ::2], blue[:, 1::2, 1::2]]
    raw = torch.stack(planes, 1)
    well = torch.exp(uniform(random, 0, 1, len(raw), 1, 1, 1) * torch.tensor(FULL_WELL[1] / FULL_WELL[0]).log())
    well = well * FULL_WELL[0]
    electrons = torch.poisson(raw * well, generator=random)
    electrons = electrons + READ_NOISE * torch.randn(raw.shape, generator=random)
    return (electrons / well).clamp(0, 1).sqrt()


@cache
def _exposed(split: str) -> list[tuple[Tensor, Tensor]]:
    random = generator(1 if split == "valid" else 2)
    pairs = []
    for name in PICTURES[split]:
        clean = _middle(photograph(name), HELD_OUT_SIZE).repeat(EXPOSURES, 1, 1, 1)
        pairs.append((expose(clean, random).contiguous(memory_format=torch.channels_last), clean))
    return pairs


def _middle(picture: Tensor, size: int) -> Tensor:
    """The middle part (3, up to size, up to size); its sides are multiples of 8, which the U-Net's levels need."""
    height, width = (min(side // 8 * 8, size) for side in picture.shape[1:])
    top, left = (picture.shape[1] - height) // 2, (picture.shape[2] - width) // 2
    return picture[:, top : top + height, left : left + width]
