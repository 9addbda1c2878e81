"""The loss of accuracy when the task networks are converted to integers without training.

``python -m benchmarks.training.untrained --floats build/floats`` prints a line of JSON per network, seed and setting.
The float networks are those of the campaign, from its cache or trained now; they pass through an ONNX file.
"""

import argparse
import itertools
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.training.run import CALIBRATION_BATCHES, CALIBRATION_EPOCH, Setting, pretrained
from benchmarks.training.spec import Run
from benchmarks.training.variants import MULTIPLIERS, PARTS, applied
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.integers import run_integers
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.network import Network
from sw_ref.network.operator import Shape

NETWORKS = (("classify", "residual"), ("classify", "separable"), ("enhance", "unet"), ("segment", "dilated"))
TILE = (8, 8)
SETTINGS = ((6, 0.15, "layer"), (6, 0.15, "network"), (8, 1.0, "layer"))
"""Bits of activations, R, and what shares the cycles."""


class Integers(nn.Module):
    """The network in integers in the place of the float model, for inputs of any size."""

    def __init__(self, network: Network, path: Path) -> None:
        super().__init__()
        self.network, self.path = network, path
        self.device_of = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        floats = import_onnx(self.path, shapes={"x": (1, *inputs.shape[1:])})
        shapes = {port.tensor: floats.shapes[port.tensor] for port in floats.inputs}
        made = run_integers(resized(self.network, shapes), Runner(floats), {"x": inputs.numpy()})
        return torch.from_numpy(np.ascontiguousarray(made["y"]))


def resized(network: Network, shapes: Mapping[str, Shape]) -> Network:
    """The same network for inputs of other sizes, (C, H, W) by name."""
    found = dict(shapes)
    for node in network.nodes:
        found[node.output] = node.options.output_shape([found[name] for name in node.inputs], node.weight_shape)
    tensors = {name: replace(info, shape=found[name]) for name, info in network.tensors.items()}
    return replace(network, tensors=tensors)


def export(model: nn.Module, example: tuple[int, ...], path: Path) -> None:
    """Write a model as ONNX.  The exporter is PyTorch's old one, which needs no other package."""
    sizes = {"x": {0: "n"}, "y": {0: "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = (torch.zeros(2, *example),)
        names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": sizes}
        torch.onnx.export(model.eval(), inputs, str(path), dynamo=False, **names)  # type: ignore[arg-type]


def measure(run: Run, floats: Path, part: str, kind: str, say: Callable[[str], None]) -> None:
    """Convert one float network in each setting, without a `part` and with a `kind` of multipliers.

    Other multipliers have the settings per layer, a part that is left out has the first one.
    """
    task = run.of_task
    model = pretrained(run, Setting(floats=floats))
    before = task.evaluate(model)[task.primary]
    batches = task.batches(run.seed, CALIBRATION_EPOCH)
    data = torch.cat([next(batches)[0] for _ in range(CALIBRATION_BATCHES)]).numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export(model, task.example, path)
        for act_bits, ratio, budget in settings_of(part, kind):
            started = time.perf_counter()
            fmt = replace(run.format, act_bits=act_bits, act_signed=False)
            with applied((*PARTS[part], *MULTIPLIERS[kind])):
                made = convert(import_onnx(path), {"x": data}, fmt, tile=TILE, ratio=ratio, budget=budget)
            facts = {
                "network": run.network,
                "seed": run.seed,
                "act_bits": act_bits,
                "ratio": ratio,
                "budget": budget,
                "without": part,
                "multipliers": kind,
                "float": before,
                "result": task.evaluate(Integers(made.network, path))[task.primary],
                "beats": sum(layer.beats for layer in made.layers),
                "seconds": round(time.perf_counter() - started, 1),
            }
            say(json.dumps(facts))


def settings_of(part: str, kind: str) -> Sequence[tuple[int, float, str]]:
    """The settings that are measured."""
    if part != "nothing":
        return SETTINGS[:1]
    return SETTINGS if kind == "two-term" else [setting for setting in SETTINGS if setting[2] == "layer"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floats", type=Path, required=True, help="folder of the float networks")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the float networks (default: 0)")
    parser.add_argument("--networks", nargs="+", choices=[n for _, n in NETWORKS], default=[n for _, n in NETWORKS])
    parser.add_argument("--without", choices=PARTS, nargs="+", default=["nothing"], help="parts to leave out")
    parser.add_argument("--multipliers", choices=MULTIPLIERS, nargs="+", default=["two-term"], help="kinds of them")
    args = parser.parse_args()
    for seed in args.seeds:
        for task, network in NETWORKS:
            if network in args.networks:
                run = Run(task=task, network=network, method="ptq", seed=seed, tile=TILE)
                for part, kind in itertools.product(args.without, args.multipliers):
                    measure(run, args.floats, part, kind, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
