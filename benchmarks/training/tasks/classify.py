"""Classification: which digit it is, on distorted and noisy pictures of 16 x 16 pixels."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.training.tasks.digits import add_noise, batches_of, digits, pick, place, writers
from benchmarks.training.tasks.networks import residual_network, separable_network
from benchmarks.training.tasks.task import SPLITS, Recipe, Task, generator, uniform

SIZE = 16
SCALE, REACH, NOISE = (0.7, 1.0), 0.2, 0.25
VIEWS = 10
"""Each held-out digit is shown this often, distorted differently: one digit is then less than the last decimal."""


class Classify(Task):
    """Digits of writers that were not trained on; the metric is the share recognized."""

    name: ClassVar[str] = "classify"
    networks: ClassVar[Mapping[str, Callable[[], nn.Module]]] = {
        "residual": residual_network,
        "separable": separable_network,
    }
    example: ClassVar[tuple[int, ...]] = (1, SIZE, SIZE)
    primary: ClassVar[str] = "accuracy"
    unit: ClassVar[str] = "%"
    batch: ClassVar[int] = 64
    steps: ClassVar[int] = 32
    pretraining: ClassVar[Recipe] = Recipe(epochs=60, rate=3e-3)
    tuning: ClassVar[Recipe] = Recipe(epochs=10, rate=1e-3)

    def draw(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        images, labels = pick("train", self.batch, random)
        return _show(images, random), labels

    def held_out(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = _views(split)
        for part in batches_of(len(labels), 256):
            yield images[part], labels[part]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(outputs, targets)

    def measure(self, pairs: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
        right = torch.cat([outputs.argmax(1) == targets for outputs, targets in pairs])
        return {"accuracy": 100 * float(right.double().mean())}

    def sources(self) -> dict[str, list[str]]:
        return {split: writers(split) for split in SPLITS}


def _show(images: Tensor, random: torch.Generator) -> Tensor:
    center = uniform(random, -REACH, REACH, len(images), 2)
    return add_noise(place(images, SIZE, SCALE, center, random), NOISE, random)


@cache
def _views(split: str) -> tuple[Tensor, Tensor]:
    source = digits(split)
    images = _show(source.images.repeat(VIEWS, 1, 1, 1), generator(1 if split == "valid" else 2))
    return images.contiguous(memory_format=torch.channels_last), source.labels.repeat(VIEWS)
