"""One training run: a task's float network, pre-trained or taken from the cache, fine-tuned by a method, measured."""

import hashlib
import json
import platform
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.training.checkpoint import load_checkpoint, restore_model, save_checkpoint, state_of
from benchmarks.training.fit import Fit, Report, check_about
from benchmarks.training.spec import Run
from benchmarks.training.tasks.task import Recipe, Task
from sw_ref.files import write_atomically
from sw_ref.tensorfile import write_tensors
from sw_ref.train.batchnorm import settle_batch_norm
from sw_ref.train.export import export_format, finalize
from sw_ref.train.prepare import prepare
from sw_ref.train.quantization import Quantization

SCHEMA = 1
CHECKPOINT, MODEL, PICTURES, RESULT = "checkpoint.safetensors", "model.safetensors", "pictures.safetensors", "run.json"
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


def perform(
    run: Run, out: Path, floats: Path, report: Report, *, device: str = "cpu", resume: bool = False, command: str = ""
) -> dict[str, Any]:
    """Do `run`, leave its files in `out`, and return its result (which is `run.json` too).

    The float network is taken from the folder `floats`, or trained and left there.  `resume` continues from the
    checkpoint of fine-tuning, if there is one.  Raises what :class:`Fit` raises.
    """
    out.mkdir(parents=True, exist_ok=True)
    task = run.of_task
    model = pretrained(run, floats, report, device=device)
    before = measure(task, model)
    quantization = put_on(run, model)
    fit = Fit(
        task=task,
        model=model,
        recipe=run.tuning if quantization.method.trains else Recipe(epochs=0, rate=run.tuning.rate),
        seed=run.seed,
        checkpoint=out / CHECKPOINT,
        about=run.about,
        first_epoch=run.pretraining.epochs,
        quantization=quantization,
    )
    if quantization.method.exports:
        export_format(quantization)  # what cannot be exported is not trained
    if fit.recipe.epochs == 0:
        quantization.step(1.0)
    if resume:
        fit.resume()
    started = time.perf_counter()
    history = fit.run(report)
    settle_batch_norm(model, (inputs.to(device) for inputs, _ in task.batches(run.seed, CALIBRATION_EPOCH)))
    save_checkpoint(out / MODEL, state_of(model), {"about": run.about})
    if quantization.method.exports:
        finalize(model, quantization, calibration(run, device)[0]).save(out)
    pictures = task.pictures(model)
    if pictures:
        write_tensors(out / PICTURES, pictures, {})
    result = {
        "schema": SCHEMA,
        "run": run.about,
        "command": command,
        "device": device,
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
    write_atomically(out / RESULT, (json.dumps(result) + "\n").encode())
    return result


def pretrained(run: Run, floats: Path, report: Report, *, device: str = "cpu") -> nn.Module:
    """The float network of a run, on `device`: from the cache, or trained now (from where that was stopped)."""
    task = run.of_task
    model = task.build(str(run.network), run.seed).to(device)
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
    fit.run(report)
    save_checkpoint(cached, state_of(model), {"about": run.about_float})
    unfinished.unlink(missing_ok=True)
    return model


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
    )


def calibration(run: Run, device: str = "cpu") -> list[Tensor]:
    batches = run.of_task.batches(run.seed, CALIBRATION_EPOCH)
    return [next(batches)[0].to(device) for _ in range(CALIBRATION_BATCHES)]


def measure(task: Task, model: nn.Module) -> dict[str, Mapping[str, float]]:
    """The metrics on the held-out splits."""
    return {split: task.evaluate(model, split) for split in ("valid", "test")}
