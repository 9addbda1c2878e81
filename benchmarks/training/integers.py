"""What the golden scores of a trained network in integers, beside the models that it comes from.

``python -m benchmarks.training.integers --floats build/floats --out build/integers`` does the runs that are not in the
folder yet, and prints a line of JSON for each network and seed.  Kinds of multipliers share their fine-tuning, and have
last epochs of their own.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.training.run import CHECKPOINT, MODEL, RESULT, Setting, perform
from benchmarks.training.spec import Run
from benchmarks.training.untrained import NETWORKS, TILE, resized
from benchmarks.training.variants import MULTIPLIERS, applied
from sw_ref.export import INTEGERS
from sw_ref.network import Network, dequantize, execute, load_network, quantize
from sw_ref.train.methods import find_method

NEEDED = (RESULT, MODEL, INTEGERS)
"""The files of a run that has ended."""


class Golden(nn.Module):
    """A network with one input and one output, executed by the golden, for inputs of any size.

    An output of one position has the axes (n, C).
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.device_of = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        (source,), (output,) = self.network.inputs, self.network.outputs
        network = resized(self.network, {source: tuple(inputs.shape[1:])})  # type: ignore[dict-item]
        codes = execute(network, quantize(network, {source: inputs.numpy()}))
        made = torch.from_numpy(dequantize(network, codes)[output].astype(np.float32))
        return made.flatten(1) if made.shape[2:] == (1, 1) else made


def measure(run: Run, floats: Path, out: Path, kind: str = "two-term") -> dict[str, Any]:
    """The scores of a run on the test split: in float, trained, in integers before and after the last epochs, and what
    the golden gives for the network file, with a `kind` of multipliers.

    The run is done now where a folder in `out` does not hold it.
    """
    folder, tuned = out / kind / run.name, out / "two-term" / run.name / CHECKPOINT
    if not all((folder / name).exists() for name in NEEDED):
        folder.mkdir(parents=True, exist_ok=True)
        if tuned.exists() and not (folder / CHECKPOINT).exists():
            shutil.copyfile(tuned, folder / CHECKPOINT)
        with applied(MULTIPLIERS[kind]):
            perform(run, folder, Setting(floats=floats), resume=True)
    with applied(MULTIPLIERS[kind]):
        return scored(run, folder) | {"multipliers": kind}


def scored(run: Run, folder: Path) -> dict[str, Any]:
    """The scores of a run that has ended."""
    task = run.of_task
    result = json.loads((folder / RESULT).read_text())
    ended = result["integers"]
    scores = {
        "float": result["float"],
        "trained": result["result"],
        "at_once": ended["at_once"],
        "integers": ended["result"],
    }
    facts: dict[str, Any] = {"network": run.network, "seed": run.seed, "method": run.method, "ratio": run.ratio}
    facts |= {name: metrics["test"][task.primary] for name, metrics in scores.items()}
    facts["golden"] = task.evaluate(Golden(load_network(folder / INTEGERS)))[task.primary]
    return facts | {"seconds": round(result["seconds"] + ended["seconds"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floats", type=Path, required=True, help="folder of the float networks")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of the float networks (default: 0)")
    parser.add_argument("--networks", nargs="+", choices=[n for _, n in NETWORKS], default=[n for _, n in NETWORKS])
    parser.add_argument("--multipliers", choices=MULTIPLIERS, nargs="+", default=["two-term"], help="kinds of them")
    parser.add_argument("--method", default="stlq", help="of fine-tuning (default: stlq)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    own = find_method(args.method).ratio
    ratio = Run.ratio if own is None else own
    for seed in args.seeds:
        for task, network in NETWORKS:
            if network in args.networks:
                run = Run(task=task, network=network, method=args.method, ratio=ratio, seed=seed, tile=TILE)
                for kind in args.multipliers:
                    print(json.dumps(measure(run, args.floats, args.out, kind)), flush=True)


if __name__ == "__main__":
    main()
