"""`run`: inferences of a compiled network through its Verilog, every tensor compared with the golden execution."""

import argparse
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.compare import Difference, compare_writes, read_outputs
from rtl_gen.compile import read_network
from rtl_gen.compiler.layers import Layer, layers_of
from rtl_gen.compiler.lower import Compiled, compile_network
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.compiler.writes import Writes, expected_writes
from rtl_gen.engine_bench import BenchSizes
from rtl_gen.engine_build import NETWORK, PROGRAM, EngineBuild, load_engine
from rtl_gen.engine_simulator import EngineRun, engine_simulation
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.images import read_images, read_labels, write_outputs
from rtl_gen.options import add_seed, add_whole, path
from rtl_gen.report import Report, Table, progress
from rtl_gen.simulator import SIMULATORS
from rtl_gen.testbench import Stalls
from sw_ref.network import Network, execute

SUMMARY = "run inferences of a compiled network through its Verilog and compare every tensor"
EXAMPLE = "stlq run build/ --input x.npy --sim verilator"
CHUNK = 16
"""Images of one run of the simulator."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build", metavar="BUILD", type=path, help="folder that compile wrote")
    parser.add_argument(
        "--input",
        required=True,
        metavar="FILE",
        type=path,
        help=".npy of one input, (images, C, H, W), or .npz of all by name; real numbers, unless --codes",
    )
    parser.add_argument("--codes", action="store_true", help="inputs are integer codes (default: real numbers)")
    parser.add_argument("--sim", choices=("golden", *SIMULATORS), default="icarus", help="simulator (default: icarus)")
    add_whole(parser, "--stalls", range(100), 0, help="percent of the cycles in which each stream pauses")
    add_seed(parser, "stalls")
    parser.add_argument("--out", metavar="FILE", type=path, help=".npy (.npz) for the outputs' codes (default: none)")
    parser.add_argument("--labels", metavar="FILE", type=path, help=".npy of a class per image (default: none)")


@dataclass(kw_only=True)
class Result:
    """What the images gave so far; `cycles`: for each image, of each layer."""

    outputs: dict[str, list[NDArray[Any]]]
    codes: int = 0
    mismatches: int = 0
    astray: int = 0
    stopped: int = 0
    first: Difference | None = None
    cycles: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A build opened: its network, how its program runs it, and what that costs."""

    build: EngineBuild
    network: Network
    compiled: Compiled
    layers: list[Layer]


def run(args: argparse.Namespace) -> Report:
    job = _open(args.build)
    images = read_images(args.input, job.network, codes=args.codes)
    count = len(images[job.network.inputs[0]])
    labels = read_labels(args.labels, count) if args.labels else None
    result = Result(outputs={name: [] for name in job.network.outputs})
    if args.sim == "golden":
        with progress(f"{count} images through the golden execution"):
            for name, codes in execute(job.network, images).items():
                result.outputs[name].append(codes)
    else:
        _simulate(args, job, images, result)
    outputs = {name: np.concatenate(parts) for name, parts in result.outputs.items()}
    if args.out:
        write_outputs(args.out, outputs)
    return _report(args, job, result, outputs, labels)


def _open(folder: Path) -> Job:
    """Raises :class:`UsageError` if build, network and program do not belong together."""
    build = load_engine(folder)
    network, _ = read_network(folder / NETWORK)
    compiled = compile_network(network, build.config)
    if to_bytes(build.config, encode(build.config, compiled.jobs)) != build.contents[PROGRAM]:
        raise UsageError(f"{folder / PROGRAM} is not the program of this version of stlq; compile the network again")
    return Job(build=build, network=network, compiled=compiled, layers=layers_of(network, compiled, build.config))


def _simulate(args: argparse.Namespace, job: Job, images: Mapping[str, NDArray[Any]], result: Result) -> None:
    """All images through the Verilog, some at a time, and through the golden execution of the network's file."""
    config, count = job.build.config, len(images[job.network.inputs[0]])
    writes = list(expected_writes(job.compiled))
    words = sum(-(-images[name][0].size // config.codes_per_transfer) for name in job.network.inputs)
    size = len(job.build.contents[PROGRAM]) * 8 // config.bus_bits
    sizes = BenchSizes(
        program_words=size,
        inputs_words=words * min(CHUNK, count),
        quiet=1000 + 4 * config.group_beats + 4 * config.array.latency_cycles,
    )
    stalls, began = Stalls(percent=args.stalls, seed=args.seed), time.monotonic()
    with ExitStack() as stack:
        with progress(f"compiling for {args.sim}"):
            simulate = stack.enter_context(engine_simulation(job.build, sizes, sim=args.sim, stalls=stalls))
        for start in range(0, count, CHUNK):
            part = {name: images[name][start : start + CHUNK] for name in job.network.inputs}
            with progress(f"{start} of {count} images through {args.sim}{_left(began, start, count)}"):
                golden = execute(job.network, part, keep=job.network.tensors)
                number = len(part[job.network.inputs[0]])
                done = simulate([{name: codes[i] for name, codes in part.items()} for i in range(number)])
                _judge(job, writes, golden, done, result, start)


def _left(began: float, done: int, count: int) -> str:
    if not done:
        return ""
    return f", about {(time.monotonic() - began) * (count - done) / done:.0f} s left"


def _judge(
    job: Job, writes: list[Writes], golden: Mapping[str, NDArray[Any]], done: EngineRun, result: Result, start: int
) -> None:
    """Add a run of the simulator to the result."""
    found = compare_writes(writes, golden, done, start)
    try:
        outputs = read_outputs(job.build.config, job.network.outputs, golden, done)
    except ValueError as error:
        raise CheckError(str(error)) from error
    for name, codes in outputs.items():
        result.outputs[name].append(codes)
        result.codes += codes.size
        result.mismatches += int((codes != golden[name]).sum())
    result.codes += found.codes
    result.mismatches += found.mismatches
    result.astray += found.astray
    result.stopped += done.stopped
    result.first = result.first or found.first
    jobs = len(job.compiled.jobs)
    if len(done.starts) != jobs * len(done.ends):
        raise CheckError(f"the Verilog started {len(done.starts)} jobs; {jobs} for each image are right")
    firsts = np.cumsum([0, *(layer.jobs for layer in job.layers)])[:-1]
    for image, end in enumerate(done.ends):
        starts = done.starts[image * jobs : (image + 1) * jobs]
        result.cycles.append(np.diff([*(starts[first] for first in firsts), end]).tolist())


def _report(
    args: argparse.Namespace,
    job: Job,
    result: Result,
    outputs: Mapping[str, NDArray[Any]],
    labels: NDArray[Any] | None,
) -> Report:
    simulated = args.sim != "golden"
    count = len(next(iter(outputs.values())))
    predicted = [layer.cycles for layer in job.layers]
    late = [] if args.stalls else [image for image in result.cycles if image != predicted]
    ok = not (result.mismatches or result.astray or result.stopped or late)
    data: dict[str, Any] = {"ok": ok, "sim": args.sim, "images": count, "stalls": args.stalls, "seed": args.seed}
    parts: list[str | Table] = []
    if simulated:
        shown = late[0] if late else result.cycles[0]
        rows = [
            (layer.name, f"{layer.cycles:,}", f"{cycles:,}") for layer, cycles in zip(job.layers, shown, strict=True)
        ]
        rows.append(("all", f"{sum(predicted):,}", f"{sum(shown):,}"))
        parts.append(Table(f"{args.build} in {args.sim}", ("layer", "cycles predicted", "simulated"), rows))
        data |= {
            "codes": result.codes,
            "mismatches": result.mismatches,
            "writes_astray": result.astray,
            "array_stopped": result.stopped,
            "first_mismatch": None if result.first is None else asdict(result.first),
            "layers": [
                {"name": layer.name, "predicted": layer.cycles, "simulated": cycles}
                for layer, cycles in zip(job.layers, shown, strict=True)
            ],
            "images_with_other_cycles": len(late),
        }
        if result.first is not None:
            parts.append(str(result.first))
        if late:
            parts.append(f"{len(late)} images took other cycles than predicted")
        parts.append(
            f"{'pass' if ok else 'FAIL'}: {count} images, {result.codes:,} codes compared, "
            f"{result.mismatches:,} mismatches, {result.astray:,} writes astray (stalls {args.stalls} %)"
        )
    if labels is not None:
        first = next(iter(outputs.values())).reshape(count, -1)
        right = int((first.argmax(axis=1) == labels).sum())
        data["accuracy"] = right / count
        parts.append(f"accuracy: {right} of {count}, {right / count:.2%} (from the outputs of {args.sim})")
    elif not simulated:
        parts.append(f"{count} images through the golden execution; --out FILE keeps their outputs")
    return Report(data, parts, ok)
