"""The score of a trained network in integers: at once, and after last epochs on the grid of its multipliers.

``python -m benchmarks.training.integers --floats build/floats --out build/integers`` prints a line of JSON per network
and seed, and leaves the network file of each.  Fine-tuning is that of a run with the method.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.training.fit import Fit
from benchmarks.training.run import CALIBRATION_EPOCH, Setting, calibration, pretrained, put_on
from benchmarks.training.spec import Run
from benchmarks.training.untrained import NETWORKS, TILE, resized
from sw_ref.network import Network, dequantize, execute, quantize, save_network
from sw_ref.train import settle_batch_norm, to_integers

EPOCHS, SHARE = 4, 0.1
"""Last epochs, and their learning rate as a share of that of fine-tuning."""


class Golden(nn.Module):
    """A network with one input and one output, executed by the golden, for inputs of any size."""

    def __init__(self, network: Network, axes: int) -> None:
        """`axes`: of the model's output."""
        super().__init__()
        self.network, self.axes = network, axes
        self.device_of = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        (source,), (output,) = self.network.inputs, self.network.outputs
        network = resized(self.network, {source: tuple(inputs.shape[1:])})  # type: ignore[dict-item]
        codes = execute(network, quantize(network, {source: inputs.numpy()}))
        made = torch.from_numpy(dequantize(network, codes)[output].astype(np.float32))
        return made if self.axes == 4 else made.flatten(self.axes - 1)


def measure(run: Run, floats: Path, out: Path, epochs: int, share: float) -> dict[str, Any]:
    """Train, then score the model, and its network in integers before and after the last epochs."""
    task, name = run.of_task, f"{run.task}-{run.network}-seed{run.seed}"
    model = pretrained(run, Setting(floats=floats))
    score: Callable[[nn.Module], float] = lambda model: task.evaluate(model)[task.primary]  # noqa: E731
    facts: dict[str, Any] = {"network": run.network, "seed": run.seed, "method": run.method, "float": score(model)}
    quantization = put_on(run, model)
    started = time.perf_counter()
    parts: dict[str, Any] = {"task": task, "seed": run.seed, "about": run.about}
    first = run.pretraining.epochs
    fit = Fit(
        **parts,
        model=model,
        recipe=run.tuning,
        checkpoint=out / f"{name}.checkpoint.safetensors",
        first_epoch=first,
        quantization=quantization,
    )
    fit.run(lambda facts: None)
    settle_batch_norm(model, (inputs for inputs, _ in task.batches(run.seed, CALIBRATION_EPOCH)))
    facts |= {"trained": score(model), "seconds": round(time.perf_counter() - started, 1)}
    started = time.perf_counter()
    integers = to_integers(model, quantization, torch.cat(calibration(run)))
    facts["snapped"] = score(integers)
    recipe = replace(run.tuning, epochs=epochs, rate=run.tuning.rate * share)
    last = Fit(
        **parts,
        model=integers,
        recipe=recipe,
        checkpoint=out / f"{name}.last.safetensors",
        first_epoch=first + run.tuning.epochs,
    )
    last.run(lambda facts: None)
    network = integers.network()
    save_network(out / f"{name}.safetensors", network)
    facts |= {"integers": score(integers), "last_seconds": round(time.perf_counter() - started, 1)}
    return facts | {"golden": score(Golden(network, *integers.outputs.values()))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floats", type=Path, required=True, help="folder of the float networks")
    parser.add_argument("--out", type=Path, required=True, help="folder for the networks in integers")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the float networks (default: 0)")
    parser.add_argument("--networks", nargs="+", choices=[n for _, n in NETWORKS], default=[n for _, n in NETWORKS])
    parser.add_argument("--method", default="stlq", help="of fine-tuning (default: stlq)")
    parser.add_argument("--pretrain-epochs", type=int, help="of the float network (default: the task's)")
    parser.add_argument("--tune-epochs", type=int, help="of fine-tuning (default: the task's)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"last epochs (default: {EPOCHS})")
    parser.add_argument("--share", type=float, default=SHARE, help=f"of the learning rate (default: {SHARE})")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for seed in args.seeds:
        for task, network in NETWORKS:
            if network in args.networks:
                run = Run(
                    task=task,
                    network=network,
                    method=args.method,
                    seed=seed,
                    tile=TILE,
                    pretrain_epochs=args.pretrain_epochs,
                    epochs=args.tune_epochs,
                )
                print(json.dumps(measure(run, args.floats, args.out, args.epochs, args.share)), flush=True)


if __name__ == "__main__":
    main()
