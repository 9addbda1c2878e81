"""Semantic segmentation: which digit, if any, every pixel of a scene belongs to."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.tasks.digits import add_noise, batches_of, pick, place, writers
from benchmarks.training.tasks.networks import DilatedNet
from benchmarks.training.tasks.photographs import crop, photograph
from benchmarks.training.tasks.task import Recipe, Task, generator, predictions, to_pixels, uniform

TEXTURES = {
    "train": ("brick", "grass", "hubble_deep_field", "moon", "coins", "cell"),
    "valid": ("retina", "text"),
    "test": ("gravel", "immunohistochemistry", "camera"),
}
SIZE, CLASSES = 48, 11
CENTERS = ((-0.47, -0.47), (0.47, -0.47), (-0.47, 0.47), (0.47, 0.47))
"""Where a scene's digits are, up to REACH: x and y, from -1 to 1."""
SCALE, REACH, NOISE = (0.35, 0.55), 0.15, 0.05
INK = 0.35
"""A pixel belongs to a digit where its ink is above this."""
SCENES = 800
"""In a held-out split."""
COLORS = np.array(
    [
        *((32, 32, 32), (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
        *((140, 86, 75), (227, 119, 194), (188, 189, 34), (23, 190, 207), (255, 255, 255)),
    ],
    np.uint8,
)
"""Of the classes, in pictures: dark background, one colour per digit."""


class Segment(Task):
    """Digits and textures of the held-out splits are never trained on; the metric is the mean IoU of 11 classes."""

    name: ClassVar[str] = "segment"
    networks: ClassVar[Mapping[str, Callable[[], nn.Module]]] = {"dilated": lambda: DilatedNet(CLASSES)}
    example: ClassVar[tuple[int, ...]] = (1, SIZE, SIZE)
    primary: ClassVar[str] = "miou"
    unit: ClassVar[str] = "%"
    batch: ClassVar[int] = 16
    steps: ClassVar[int] = 40
    pretraining: ClassVar[Recipe] = Recipe(epochs=60, rate=3e-3)
    tuning: ClassVar[Recipe] = Recipe(epochs=12, rate=3e-3)

    def draw(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        return scenes("train", self.batch, random)

    def held_out(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = _held_out(split)
        for part in batches_of(SCENES, 50):
            yield images[part], labels[part]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, targets)

    def measure(self, pairs: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
        confusion = torch.zeros(CLASSES, CLASSES, dtype=torch.double)
        for outputs, targets in pairs:
            cells = targets * CLASSES + outputs.argmax(1)
            confusion += torch.bincount(cells.flatten(), minlength=CLASSES**2).reshape(CLASSES, CLASSES)
        hits = confusion.diagonal()
        iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)
        return {"miou": 100 * float(iou.mean()), "pixel_accuracy": 100 * float(hits.sum() / confusion.sum())}

    def pictures(self, model: nn.Module) -> dict[str, NDArray[np.uint8]]:
        images, labels = _held_out("test")
        output, target = next(predictions(model, iter([(images[:4], labels[:4])])))
        return {
            "input": to_pixels(_side_by_side(images[:4, 0])[None]),
            "target": COLORS[_side_by_side(target).numpy()],
            "output": COLORS[_side_by_side(output.argmax(1)).numpy()],
        }

    def sources(self) -> dict[str, list[str]]:
        return {split: [*writers(split), *(f"picture {name}" for name in names)] for split, names in TEXTURES.items()}


def scenes(split: str, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scenes (n, 1, SIZE, SIZE) in 0..1 and labels (n, SIZE, SIZE): 0 is background, 1 + d is the digit d."""
    images = torch.stack([_background(split, random) for _ in range(count)])
    labels = torch.zeros(count, SIZE, SIZE, dtype=torch.long)
    for middle in CENTERS:
        digit, value = pick(split, count, random)
        center = torch.tensor(middle) + uniform(random, -REACH, REACH, count, 2)
        ink = place(digit, SIZE, SCALE, center, random)
        # Ink is darker or lighter than what is behind it, more or less clearly.
        contrast = uniform(random, 0.25, 0.6, count, 1, 1, 1) * _signs(count, random)
        images = images + ink * contrast
        labels = torch.where(ink[:, 0] > INK, 1 + value[:, None, None], labels)
    return add_noise(images, NOISE, random), labels


def _background(split: str, random: torch.Generator) -> Tensor:
    """A square of a texture in grey (1, SIZE, SIZE), brightness and contrast changed at random."""
    names = TEXTURES[split]
    texture = photograph(names[int(torch.randint(len(names), (), generator=random))])
    grey = crop(texture, SIZE, random).mean(0, keepdim=True)
    gain, level = uniform(random, 0.4, 1.0, 2).tolist()
    return (grey - grey.mean()) * gain + 0.25 + 0.5 * level


def _signs(count: int, random: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(2, (count, 1, 1, 1), generator=random) - 1


@cache
def _held_out(split: str) -> tuple[Tensor, Tensor]:
    images, labels = scenes(split, SCENES, generator(1 if split == "valid" else 2))
    return images.contiguous(memory_format=torch.channels_last), labels


def _side_by_side(maps: Tensor) -> Tensor:
    """Four (H, W) as one (2H, 2W)."""
    first, second, third, fourth = maps
    return torch.cat([torch.cat([first, second], 1), torch.cat([third, fourth], 1)], 0)
