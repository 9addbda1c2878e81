"""What quantization costs in training: time and memory of a step, for each method, on the enhancement network.

``python -m sw_ref.train.bench [--method stlq] [--batch 8] [--steps 20] [--device cpu|cuda]`` prints a table.  Each
method has a process of its own; they take turns, and the round with the least counts, since other work on the machine
can only add.  On a CPU, processor time of one thread is measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from sw_ref.format import StlqFormat
from sw_ref.memory import held_mib
from sw_ref.train.methods import METHODS
from sw_ref.train.prepare import prepare
from sw_ref.train.tasks import TASKS

ROUNDS = 5
RATIO = 0.15
RETURN_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_TRIM_THRESHOLD_": "0"}
"""Makes the C library give freed memory back at once, which the memory, not the time, is measured with."""


def measure(method: str, batch: int, steps: int, device: str) -> dict[str, float]:
    """Seconds of each step (the median), and MiB that training needs on top of the model's own."""
    torch.set_num_threads(1)
    task = TASKS["enhance"]
    model = task.build("unet", 0).to(device)
    random = torch.Generator().manual_seed(0)
    inputs = torch.rand(batch, *task.example, generator=random).to(device).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        targets = torch.rand_like(model(inputs))
    quantization = prepare(
        model, method=method, fmt=StlqFormat(bits=3, act_bits=6), ratio=RATIO, calibration=[inputs]
    )  # fmt: skip
    optimizer = torch.optim.Adam(quantization.parameter_groups(lr=1e-5), fused=True)
    before = reset_peak(device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds = []
    for step in range(steps + 2):
        start = clock()
        loss = (model(inputs) - targets).abs().mean() + quantization.penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        quantization.step(0.1)
        if device == "cuda":
            torch.cuda.synchronize()
        if step >= 2:  # the first ones allocate
            seconds.append(clock() - start)
    return {"seconds": statistics.median(seconds), "mib": peak(device) - before}


def reset_peak(device: str) -> float:
    """MiB in use now; the peak is counted from here on."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak(device: str) -> float:
    """MiB: the most that was allocated by CUDA, or held by the process, since :func:`reset_peak`."""
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else _status("VmHWM")


def _status(field: str) -> float:
    """A figure of the process in MiB, as Linux keeps it."""
    found = held_mib(field)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {field}; the memory of a CPU run is measured on Linux only")
    return found


def run_alone(method: str, rest: list[str], **environment: str) -> dict[str, float]:
    """:func:`measure` in a process of its own."""
    command = [sys.executable, "-m", "sw_ref.train.bench", f"--method={method}", "--alone", *rest]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | environment)
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sw_ref.train.bench", description="time and memory of a step")
    parser.add_argument("--method", choices=[m for m in METHODS if METHODS[m].budget != "cycles"], default="stlq")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--alone", action="store_true", help="measure in this process and print JSON")
    args = parser.parse_args()
    if args.alone:
        print(json.dumps(measure(args.method, args.batch, args.steps, args.device)))
        return 0
    rest = [f"--batch={args.batch}", f"--steps={args.steps}", f"--device={args.device}"]
    found: dict[str, list[dict[str, float]]] = {"float": [], args.method: []}
    for _ in range(ROUNDS):
        for method, runs in found.items():
            runs.append(run_alone(method, rest) | {"mib": run_alone(method, rest, **RETURN_MEMORY)["mib"]})
    least = {m: {key: min(run[key] for run in runs) for key in runs[0]} for m, runs in found.items()}
    print(f"{'method':16}{'ms per step':>14}{'MiB':>10}{'time':>10}{'memory':>10}")
    base = least["float"]
    for method, values in least.items():
        ratios = [values[key] / base[key] for key in ("seconds", "mib")]
        print(f"{method:16}{1e3 * values['seconds']:14.1f}{values['mib']:10.1f}{ratios[0]:9.2f}x{ratios[1]:9.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
