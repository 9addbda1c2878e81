"""The training loop: one task, one model, a fixed number of epochs; it can be stopped and continued at any step."""

import math
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    restore_model,
    restore_optimizer,
    save_checkpoint,
    state_of,
)
from benchmarks.training.diagnose import find_bad
from benchmarks.training.tasks.task import Recipe, Task
from sw_ref.train.quantization import Quantization

Report = Callable[[Mapping[str, Any]], None]
"""Is given the facts of each epoch: epoch, epochs, loss, v_norm, share_left, seconds."""


def silent(facts: Mapping[str, Any]) -> None:
    """A :data:`Report` that nobody hears."""


class TrainingError(Exception):
    """Training cannot go on (a loss that is NaN); the last good checkpoint is kept."""


class Interrupted(KeyboardInterrupt):
    """Asked to stop; the checkpoint holds the step that was reached."""


@dataclass
class Progress:
    """How far a fit is: whole epochs, steps of the next one, the sum of their losses, facts of the epochs done."""

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True)
class Fit:
    """Trains `model` on `task` by `recipe`; the state after each epoch is in `checkpoint`.

    `about` is what the checkpoint belongs to (it is compared on resume); `first_epoch` numbers the data, so that
    fine-tuning does not see the batches of pre-training again.  `quantization` is that of a prepared model.
    """

    task: Task
    model: nn.Module
    recipe: Recipe
    seed: int
    checkpoint: Path
    about: Mapping[str, Any]
    first_epoch: int = 0
    quantization: Quantization | None = None
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        groups = (
            [{"params": list(self.model.parameters()), "lr": self.recipe.rate}]
            if self.quantization is None
            else self.quantization.parameter_groups(lr=self.recipe.rate)
        )
        self.optimizer = torch.optim.Adam(groups)
        self._rates = [group["lr"] for group in self.optimizer.param_groups]

    def resume(self) -> bool:
        """Continue from the checkpoint, if there is one; :class:`CheckpointError` if it is not of this fit."""
        if not self.checkpoint.exists():
            return False
        tensors, facts = load_checkpoint(self.checkpoint)
        check_about(self.checkpoint, facts.get("about"), dict(self.about))
        selection = facts.get("selection")
        self._check_selection(selection)
        restore_model(self.model, tensors, self.checkpoint)
        self._check_selection(selection)
        restore_optimizer(self.optimizer, tensors)
        self.progress = Progress(**facts["progress"])
        return True

    def run(self, report: Report) -> list[dict[str, Any]]:
        """Train to the end; returns the facts of each epoch.

        Raises :class:`TrainingError` for a loss that is not finite, :class:`Interrupted` on Ctrl-C.
        """
        self.model.train()
        with _Stop() as stop:
            while self.progress.epoch < self.recipe.epochs:
                self._epoch(stop)
                report(self.progress.history[-1])
        return self.progress.history

    def _epoch(self, stop: "_Stop") -> None:
        at, started = self.progress, time.perf_counter()
        for number, batch in enumerate(self.task.batches(self.seed, self.first_epoch + at.epoch)):
            if number < at.step:
                continue
            at.loss += self._step(*batch)
            at.step += 1
            if stop.asked:
                self._save()
                raise Interrupted(f"{self.checkpoint}: epoch {at.epoch + 1}, step {at.step}")
        facts: dict[str, Any] = {"epoch": at.epoch + 1, "epochs": self.recipe.epochs, "loss": at.loss / at.step}
        if self.quantization is not None:
            facts |= {"v_norm": self.quantization.v_norm(), "share_left": self.quantization.share_left()}
        facts["seconds"] = round(time.perf_counter() - started, 2)
        self.progress = Progress(at.epoch + 1, 0, 0.0, [*at.history, facts])
        self._save()

    def _step(self, inputs: Tensor, targets: Tensor) -> float:
        at, total = self.progress, self.recipe.epochs * self.task.steps
        done = at.epoch * self.task.steps + at.step
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done / total))
        device = next(self.model.parameters()).device
        inputs, targets = inputs.to(device), targets.to(device)
        loss = self.task.loss(self.model(inputs), targets)
        value = float(loss.detach())
        if not math.isfinite(value):
            self._give_up(f"loss is {value}", inputs)
        if self.quantization is not None:
            loss = loss + self.quantization.penalty()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.quantization is not None:
            self.quantization.step((done + 1) / total)
        return value

    def _save(self) -> None:
        bad = next((name for name, value in self.model.named_parameters() if not torch.isfinite(value).all()), None)
        if bad is not None:
            self._give_up(f"{bad} is not finite")
        facts: dict[str, Any] = {"about": dict(self.about), "progress": vars(self.progress)}
        if self.quantization is not None:
            facts["selection"] = self.quantization.selection_digest()
        save_checkpoint(self.checkpoint, state_of(self.model, self.optimizer), facts)

    def _give_up(self, what: str, inputs: Tensor | None = None) -> None:
        where = f"; {find_bad(self.model, inputs)}" if inputs is not None else ""
        kept = f"; {self.checkpoint} holds the last good state" if self.checkpoint.exists() else ""
        at = self.progress
        raise TrainingError(f"{what} in epoch {at.epoch + 1}, step {at.step + 1}{where}{kept}")

    def _check_selection(self, expected: str | None) -> None:
        if self.quantization is not None and self.quantization.selection_digest() != expected:
            raise CheckpointError(f"{self.checkpoint}: its selection C is not this run's; allowed: C as it was chosen")


def check_about(path: Path, found: Any, expected: Mapping[str, Any]) -> None:
    """:class:`CheckpointError` naming the first entry in which a checkpoint is about something else."""
    found, nothing = found if isinstance(found, dict) else {}, "not there"
    for key in sorted(expected.keys() | found.keys()):
        own, wanted = found.get(key, nothing), expected.get(key, nothing)
        if own != wanted:
            raise CheckpointError(f"{path}: of another run: its {key} is {own}; allowed: {wanted}, as in this run")


class _Stop:
    """Ctrl-C and a request to end are remembered while this is entered, so that a step is never cut in two."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "_Stop":
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
