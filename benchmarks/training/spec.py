"""The specification of a training run: :class:`Run`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.training.tasks import TASKS
from benchmarks.training.tasks.task import Recipe, Task
from sw_ref.format import StlqFormat
from sw_ref.tiling import Selection, check_tile
from sw_ref.train.methods import find_method

LAST_SHARE = 0.1
"""The learning rate of the epochs on the network in integers, as a share of that of fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """The specification of a run. Two runs with equal fields give the same result on one device.

    `network`, `pretrain_epochs`, `epochs` and `rate`: None for the task's own.
    Raises ``ValueError`` with what is wrong, its value and what is allowed.
    """

    task: str
    method: str
    network: str | None = None
    bits: int = 3
    act_bits: int = 6
    residual_shift: int = 2
    ratio: float = 0.15
    tile: tuple[int, int] = (8, 8)
    seed: int = 0
    pretrain_epochs: int | None = None
    epochs: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task is {self.task!r}; allowed: {', '.join(TASKS)}")
        networks = self.of_task.networks
        if self.network is None:
            object.__setattr__(self, "network", next(iter(networks)))
        if self.network not in networks:
            raise ValueError(f"network is {self.network!r}; allowed for {self.task}: {', '.join(networks)}")
        find_method(self.method)
        Selection(ratio=self.ratio)
        check_tile(self.tile)
        StlqFormat(bits=self.bits, act_bits=self.act_bits, residual_shift=self.residual_shift)
        for name in ("seed", "pretrain_epochs", "epochs"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1 << 63:
                raise ValueError(f"{name} is {value}; allowed: a whole number, 0 to 2^63 - 1")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ValueError(f"rate is {self.rate}; allowed: a number between 0 and 1")

    @property
    def of_task(self) -> Task:
        return TASKS[self.task]

    @property
    def format(self) -> StlqFormat:
        return StlqFormat(bits=self.bits, act_bits=self.act_bits, residual_shift=self.residual_shift)

    @property
    def pretraining(self) -> Recipe:
        return _recipe(self.of_task.pretraining, self.pretrain_epochs, None)

    @property
    def tuning(self) -> Recipe:
        return _recipe(self.of_task.tuning, self.epochs, self.rate)

    @property
    def last(self) -> Recipe:
        """The epochs on the network in integers."""
        return Recipe(epochs=self.of_task.last_epochs, rate=self.tuning.rate * LAST_SHARE)

    @property
    def about(self) -> dict[str, Any]:
        """The fields as JSON has them, with the task's own where they were left open, and the method's choices."""
        tuning = {"epochs": self.tuning.epochs, "rate": self.tuning.rate}
        choices = {
            f"method.{name}": value for name, value in asdict(find_method(self.method)).items() if name != "name"
        }
        own = {"tile": list(self.tile), "pretrain_epochs": self.pretraining.epochs}
        return asdict(self) | own | tuning | choices

    @property
    def about_float(self) -> dict[str, Any]:
        """All that the float network depends on, and nothing else: all methods share it."""
        recipe = asdict(self.pretraining)
        return {"task": self.task, "network": self.network, "seed": self.seed, **recipe}

    @property
    def float_name(self) -> str:
        return f"{self.task}-{self.network}-seed{self.seed}"

    @property
    def name(self) -> str:
        """Tells the runs of one campaign apart."""
        return name_of(self.task, str(self.network), self.method, self.ratio, self.seed)


def name_of(task: str, network: str, method: str, ratio: float, seed: int) -> str:
    """The name of the run with these fields."""
    return f"{task}-{network}-{method}-r{ratio * 100:g}-seed{seed}"


def _recipe(default: Recipe, epochs: int | None, rate: float | None) -> Recipe:
    return Recipe(epochs=default.epochs if epochs is None else epochs, rate=default.rate if rate is None else rate)


def folder_of(option: str, text: str) -> Path:
    """The folder that an option names; ``ValueError`` if it names none."""
    if not text:
        raise ValueError(f"{option} is empty; allowed: a folder")
    return Path(text)
