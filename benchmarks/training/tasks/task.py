"""The interface between a task and a training run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

SPLITS = ("train", "valid", "test")
"""`train` is learnt from, `valid` decides between settings, `test` is what results are reported on."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long and how fast: Adam from learning rate `rate` down to 0 along a cosine."""

    epochs: int
    rate: float


class Task(ABC):
    """Data, networks and measure of one task.

    `networks` makes the networks by name, `example` is the shape of one input (without the batch), `primary` the
    metric that decides (in every task higher is better), `unit` what it is counted in.
    """

    name: ClassVar[str]
    networks: ClassVar[Mapping[str, Callable[[], nn.Module]]]
    example: ClassVar[tuple[int, ...]]
    primary: ClassVar[str]
    unit: ClassVar[str]
    batch: ClassVar[int]
    steps: ClassVar[int]
    """Batches in an epoch."""
    pretraining: ClassVar[Recipe]
    tuning: ClassVar[Recipe]
    last_epochs: ClassVar[int] = 4
    """Epochs after tuning, on the network in integers."""

    def build(self, network: str, seed: int) -> nn.Module:
        """A new network; the same seed gives the same weights.  Raises ``ValueError`` for an unknown name."""
        if network not in self.networks:
            raise ValueError(f"network is {network!r}; allowed for {self.name}: {', '.join(self.networks)}")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.networks[network]()

    def batches(self, seed: int, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The (input, target) batches of one epoch: always the same for a seed and an epoch, on the CPU."""
        random = generator(seed, epoch)
        for _ in range(self.steps):
            inputs, targets = self.draw(random)
            yield inputs.contiguous(memory_format=torch.channels_last), targets

    @abstractmethod
    def draw(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """One batch of the train split."""

    @abstractmethod
    def held_out(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of the "valid" or "test" split: always the same."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss that training minimizes: a scalar."""

    @abstractmethod
    def measure(self, pairs: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
        """The metrics of (output, target) batches of a held-out split."""

    @abstractmethod
    def sources(self) -> dict[str, list[str]]:
        """Names of what each split is drawn from; no name is in two splits."""

    def evaluate(self, model: nn.Module, split: str = "test") -> dict[str, float]:
        """The metrics of `model` on a held-out split; the model's mode and weights stay as they are."""
        if split not in SPLITS[1:]:
            raise ValueError(f"split is {split!r}; allowed: {', '.join(SPLITS[1:])}")
        return self.measure(predictions(model, self.held_out(split)))

    def pictures(self, model: nn.Module) -> dict[str, NDArray[np.uint8]]:
        """A held-out example, (H, W, 3) by name: "input", "target" and "output"; nothing where it is no picture."""
        del model
        return {}


def predictions(model: nn.Module, pairs: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """(output, target) on the CPU for each (input, target), in evaluation mode and without gradients."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for inputs, targets in pairs:
                yield model(inputs.to(device)).float().cpu(), targets
    finally:
        model.train(training)


def generator(*numbers: int) -> torch.Generator:
    """A random stream of its own for each sequence of numbers."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def uniform(random: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Uniform random numbers from `low` to `high`."""
    return torch.rand(shape, generator=random) * (high - low) + low


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """A picture (1 or 3, H, W) in 0..1 as (H, W, 3) bytes."""
    pixels = picture.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
