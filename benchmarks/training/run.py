"""One training run: a float network, pre-trained or taken from the cache, fine-tuned by a method, put into integers."""

import hashlib
import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.training.checkpoint import load_checkpoint, restore_model, save_checkpoint, state_of
from benchmarks.training.fit import Fit, Report, check_about, silent
from benchmarks.training.spec import Run
from benchmarks.training.tasks.task import Recipe, Task
from sw_ref.files import write_atomically
from sw_ref.tensorfile import write_tensors
from sw_ref.train.batchnorm import settle_batch_norm
from sw_ref.train.export import export_format, finalize
from sw_ref.train.integers import to_integers
from sw_ref.train.methods import find_method
from sw_ref.train.prepare import prepare
from sw_ref.train.quantization import Quantization

SCHEMA = 1
CHECKPOINT, LAST, MODEL = "checkpoint.safetensors", "last.safetensors", "model.safetensors"
PICTURES, RESULT = "pictures.safetensors", "run.json"
CALIBRATION_BATCHES = 4
CALIBRATION_EPOCH = 1_000_000
"""Numbers the batches that start activation steps, measure sensitivities and settle batch norm; no epoch gets there."""
LIBRARIES = ("stlq", "torch", "numpy", "scikit-learn", "scikit-image")


def _code_digest() -> str:
    """SHA-256 (hex) of the method's and the study's sources: another one may mean another method."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in (root / "benchmarks" / "training", root / "sw_ref"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


CODE = _code_digest()
"""Taken when the sources are loaded: they may be edited while a campaign runs."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where runs find their float networks (`floats`), on which device they run, and who hears of each epoch."""

    floats: Path
    device: str = "cpu"
    report: Report = silent


def perform(run: Run, out: Path, setting: Setting, *, resume: bool = False, command: str = "") -> dict[str, Any]:
    """Do `run`, leave its files in `out`, and return its result (which is `run.json` too).

    `resume` continues from the checkpoint of fine-tuning, if there is one. `command`: what was typed, for the result.
    Raises what :class:`Fit` raises.
    """
    out.mkdir(parents=True, exist_ok=True)
    task = run.of_task
    model = pretrained(run, setting)
    before = measure(task, model)
    quantization = put_on(run, model)
    fit = fine_tuning(run, model, quantization, out)
    if resume:
        fit.resume()
    started = time.perf_counter()
    history = fit.run(setting.report)
    batches = task.batches(run.seed, CALIBRATION_EPOCH)
    settle_batch_norm(model, (inputs.to(setting.device) for inputs, _ in batches))
    _save(run, model, out)
    result = {
        "schema": SCHEMA,
        "run": run.about,
        "command": command,
        "device": setting.device,
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in LIBRARIES},
        "code": CODE,
        "split": task.sources(),
        "float": before,
        "result": measure(task, model),
        "cycles": quantization.weight_cycles(),
        "seconds": round(time.perf_counter() - started, 1),
        "history": history,
    }
    if quantization.method.exports:
        result["integers"] = _end_in_integers(run, model, quantization, out, setting, resume)
    write_atomically(out / RESULT, (json.dumps(result) + "\n").encode())
    return result


def pretrained(run: Run, setting: Setting) -> nn.Module:
    """The float network of a run: from the cache, or trained now (from where that was stopped) and left there."""
    task, floats = run.of_task, setting.floats
    model = task.build(str(run.network), run.seed).to(setting.device)
    cached = floats / f"{run.float_name}.safetensors"
    if cached.exists():
        tensors, facts = load_checkpoint(cached)
        check_about(cached, facts.get("about"), run.about_float)
        restore_model(model, tensors, cached)
        return model
    floats.mkdir(parents=True, exist_ok=True)
    unfinished = floats / f"{run.float_name}.unfinished.safetensors"
    fit = Fit(
        task=task,
        model=model,
        recipe=run.pretraining,
        seed=run.seed,
        checkpoint=unfinished,
        about=run.about_float,
    )
    fit.resume()
    fit.run(setting.report)
    save_checkpoint(cached, state_of(model), {"about": run.about_float})
    unfinished.unlink(missing_ok=True)
    return model


def fine_tuning(run: Run, model: nn.Module, quantization: Quantization, out: Path) -> Fit:
    """The training of a prepared network; none of its epochs is left if the method does not train."""
    method = quantization.method
    fit = Fit(
        task=run.of_task,
        model=model,
        recipe=run.tuning if method.trains else Recipe(epochs=0, rate=run.tuning.rate),
        seed=run.seed,
        checkpoint=out / CHECKPOINT,
        about=run.about,
        first_epoch=run.pretraining.epochs,
        quantization=quantization,
    )
    if method.exports:
        export_format(quantization)  # what cannot be exported is not trained
    if fit.recipe.epochs == 0:
        quantization.step(1.0)
    return fit


def _save(run: Run, model: nn.Module, out: Path) -> None:
    """Write the trained network, and the pictures of its task."""
    save_checkpoint(out / MODEL, state_of(model), {"about": run.about})
    pictures = run.of_task.pictures(model)
    if pictures:
        write_tensors(out / PICTURES, pictures, {})


def _end_in_integers(
    run: Run, model: nn.Module, quantization: Quantization, out: Path, setting: Setting, resume: bool
) -> dict[str, Any]:
    """Train the last epochs on the network in integers, write what the hardware reads, and measure it.

    `at_once`: the metrics before these epochs, `result`: after them.
    """
    started = time.perf_counter()
    task, batches = run.of_task, calibration(run, setting.device)
    integers = to_integers(model, quantization, torch.cat(batches))
    at_once = measure(task, integers)
    fit = Fit(
        task=task,
        model=integers,
        recipe=run.last if quantization.method.trains else Recipe(epochs=0, rate=run.last.rate),
        seed=run.seed,
        checkpoint=out / LAST,
        about=run.about,
        first_epoch=run.pretraining.epochs + run.tuning.epochs,
    )
    if resume:
        fit.resume()
    history = fit.run(setting.report)
    if history:
        integers.settle(
            torch.cat([inputs for inputs, _ in task.batches(run.seed, CALIBRATION_EPOCH)]).to(setting.device)
        )
    finalize(model, quantization, batches[0]).save(out)
    return {
        "epochs": fit.recipe.epochs,
        "rate": fit.recipe.rate,
        "at_once": at_once,
        "result": measure(task, integers),
        "seconds": round(time.perf_counter() - started, 1),
    }


def put_on(run: Run, model: nn.Module) -> Quantization:
    """Prepare a float network for the run's method."""
    device = str(next(model.parameters()).device)

    def task_loss(model: nn.Module) -> Iterator[Tensor]:
        for inputs, targets in run.of_task.batches(run.seed, CALIBRATION_EPOCH):
            yield run.of_task.loss(model(inputs.to(device)), targets.to(device))

    return prepare(
        model,
        method=run.method,
        fmt=run.format,
        ratio=run.ratio,
        calibration=calibration(run, device),
        tile=run.tile,
        task_loss=task_loss,
        integers=find_method(run.method).exports,
    )


def calibration(run: Run, device: str = "cpu") -> list[Tensor]:
    batches = run.of_task.batches(run.seed, CALIBRATION_EPOCH)
    return [next(batches)[0].to(device) for _ in range(CALIBRATION_BATCHES)]


def measure(task: Task, model: nn.Module) -> dict[str, Mapping[str, float]]:
    """The metrics on the held-out splits."""
    return {split: task.evaluate(model, split) for split in ("valid", "test")}
