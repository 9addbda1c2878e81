"""The cost of quantization in training: time and memory of a step, for each method, on the enhancement network.

``python -m benchmarks.training.bench [--method stlq] [--batch 8] [--steps 20] [--device cpu|cuda] [--compile]`` prints
a table.  Each line has a process of its own; they take turns, and the round with the least counts, since other work on
the machine can only add.  On a CPU, processor time of one thread is measured.  With ``--compile`` (which needs a C++
compiler on a CPU) both are measured through ``torch.compile`` too; all are compared with the faster float step.
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

from benchmarks.training.tasks import TASKS
from sw_ref.format import StlqFormat
from sw_ref.memory import held_mib
from sw_ref.train.methods import METHODS
from sw_ref.train.prepare import prepare

ROUNDS = 5
RATIO = 0.15
RETURN_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4096", "MALLOC_TRIM_THRESHOLD_": "0"}
"""Makes the C library give freed memory back at once, which the memory, not the time, is measured with."""


def measure(method: str, batch: int, steps: int, device: str, compiled: bool) -> dict[str, float]:
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
    called = torch.compile(model) if compiled else model
    before = reset_peak(device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds = []
    for step in range(steps + 2):
        start = clock()
        loss = (called(inputs) - targets).abs().mean() + quantization.penalty()
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
    command = [sys.executable, "-m", "benchmarks.training.bench", f"--method={method}", "--alone", *rest]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | environment)
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training.bench", description="time and memory of a step"
    )
    parser.add_argument("--method", choices=[m for m in METHODS if METHODS[m].budget != "cycles"], default="stlq")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", action="store_true", help="measure with torch.compile too")
    parser.add_argument("--alone", action="store_true", help="measure in this process and print JSON")
    args = parser.parse_args()
    if args.alone:
        print(json.dumps(measure(args.method, args.batch, args.steps, args.device, args.compile)))
        return 0
    rest = [f"--batch={args.batch}", f"--steps={args.steps}", f"--device={args.device}"]
    ways = {"": rest, " compiled": [*rest, "--compile"]} if args.compile else {"": rest}
    lines = {f"{method}{way}": (method, options) for way, options in ways.items() for method in ("float", args.method)}
    found: dict[str, list[dict[str, float]]] = {line: [] for line in lines}
    for _ in range(ROUNDS):
        for line, (method, options) in lines.items():
            mib = run_alone(method, options, **RETURN_MEMORY)["mib"]
            found[line].append(run_alone(method, options) | {"mib": mib})
    least = {line: {key: min(run[key] for run in runs) for key in runs[0]} for line, runs in found.items()}
    print(f"{'method':24}{'ms per step':>12}{'MiB':>8}{'time':>10}{'memory':>10}")
    floats = [values for line, values in least.items() if lines[line][0] == "float"]
    for line, values in least.items():
        time_ratio, memory_ratio = (values[key] / min(base[key] for base in floats) for key in ("seconds", "mib"))
        print(f"{line:24}{1e3 * values['seconds']:12.1f}{values['mib']:8.1f}{time_ratio:9.2f}x{memory_ratio:9.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
