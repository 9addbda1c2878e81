"""A task that trains in milliseconds, for tests of everything around training."""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.training.tasks.task import SPLITS, Recipe, Task, generator, predictions, to_pixels


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32, 1)),
    )


class Tiny(Task):
    """How bright a noisy 6 x 6 picture is; the metric is the squared error, with a minus sign."""

    name: ClassVar[str] = "tiny"
    networks: ClassVar[Mapping[str, Callable[[], nn.Module]]] = {"plain": network}
    example: ClassVar[tuple[int, ...]] = (1, 6, 6)
    primary: ClassVar[str] = "closeness"
    unit: ClassVar[str] = "squares"
    batch: ClassVar[int] = 4
    steps: ClassVar[int] = 5
    pretraining: ClassVar[Recipe] = Recipe(epochs=2, rate=1e-2)
    tuning: ClassVar[Recipe] = Recipe(epochs=4, rate=1e-3)
    last_epochs: ClassVar[int] = 1

    def draw(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        inputs = torch.rand(self.batch, *self.example, generator=random)
        return inputs, inputs.mean((1, 2, 3))[:, None]

    def held_out(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.draw(generator(SPLITS.index(split)))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean()

    def measure(self, pairs: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
        return {"closeness": -float(torch.stack([self.loss(*pair) for pair in pairs]).mean())}

    def pictures(self, model: nn.Module) -> dict[str, NDArray[np.uint8]]:
        inputs, target = next(self.held_out("test"))
        output, _ = next(predictions(model, iter([(inputs, target)])))
        grey = {"input": inputs[0], "target": target[0].expand(1, 6, 6), "output": output[0].expand(1, 6, 6)}
        return {name: to_pixels(picture) for name, picture in grey.items()}

    def sources(self) -> dict[str, list[str]]:
        return {split: [split] for split in SPLITS}
