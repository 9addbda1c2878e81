"""`run`: inferences of a compiled network through its Verilog, every tensor compared with the golden execution."""

import argparse
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl_gen.compile import read_network
from rtl_gen.compiler.program import to_bytes
from rtl_gen.engine_build import NETWORK, PROGRAM, EngineBuild, load_engine
from rtl_gen.engine_simulator import engine_simulation
from rtl_gen.errors import UsageError
from rtl_gen.images import check_outputs, read_images, write_outputs
from rtl_gen.inference import Task, Verdict, run_images
from rtl_gen.labels import read_labels
from rtl_gen.options import add_seed, add_whole, path
from rtl_gen.report import Report, progress
from rtl_gen.run_report import report, waves_file
from rtl_gen.simulator import SIMULATORS
from rtl_gen.testbench import Stalls
from sw_ref.files import write_atomically
from sw_ref.network import execute

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
    parser.add_argument(
        "--waves",
        metavar="LAYER",
        help="write the waves of this layer to BUILD/LAYER.vcd, for the first input (default: none)",
    )
    parser.add_argument("--out", metavar="FILE", type=path, help=".npy (.npz) for the outputs' codes (default: none)")
    parser.add_argument("--labels", metavar="FILE", type=path, help=".npy of a class per image (default: none)")


def run(args: argparse.Namespace) -> Report:
    build = load_engine(args.build)
    task = _open(build)
    images = read_images(args.input, task.network, codes=args.codes)
    count = len(images[task.network.inputs[0]])
    classes = math.prod(task.network.tensors[task.network.outputs[0]].shape)
    labels = read_labels(args.labels, inputs=count, classes=classes) if args.labels else None
    if args.stalls and args.sim == "golden":
        raise UsageError("--stalls is given with --sim golden; allowed: with a simulator")
    if args.waves is not None:
        _check_waves(args, task)
    if args.out is not None:
        check_outputs(args.out, len(task.network.outputs), inputs=args.input, labels=args.labels)
    verdict = Verdict(outputs={name: [] for name in task.network.outputs})
    if args.sim == "golden":
        with progress(f"{count} images through the golden execution"):
            for name, codes in execute(task.network, images).items():
                verdict.outputs[name].append(codes)
    else:
        _simulate(args, build, task, images, verdict)
    outputs = {name: np.concatenate(parts) for name, parts in verdict.outputs.items()}
    if args.out is not None:
        write_outputs(args.out, outputs)
    return report(args, build, task, verdict, outputs, labels)


def _open(build: EngineBuild) -> Task:
    """Raises :class:`UsageError` if network and program do not belong together."""
    network, _ = read_network(build.folder / NETWORK)
    task = Task.of(network, build.config)
    if to_bytes(build.config, task.program) != build.contents[PROGRAM]:
        file = build.folder / PROGRAM
        raise UsageError(f"{file} is not the program of this version of stlq; compile the network again")
    return task


def _check_waves(args: argparse.Namespace, task: Task) -> None:
    names = [layer.name for layer in task.layers]
    if args.waves not in names:
        raise UsageError(f"--waves is {args.waves!r}; allowed: {', '.join(names)}")
    if args.sim == "golden":
        raise UsageError("--waves is given with --sim golden; allowed: with a simulator")


def _simulate(
    args: argparse.Namespace, build: EngineBuild, task: Task, images: Mapping[str, NDArray[Any]], verdict: Verdict
) -> None:
    """All images through the Verilog, some at a time, the first one alone: it says how long the others take."""
    count, began = len(images[task.network.inputs[0]]), time.monotonic()
    stalls, room, waves = Stalls(percent=args.stalls, seed=args.seed), task.room(min(CHUNK, count)), args.waves
    with ExitStack() as stack:
        with progress(f"compiling for {args.sim}"):
            bench = engine_simulation(build, room, sim=args.sim, waves=waves is not None)
            simulate = stack.enter_context(bench)
        for start in (0, *range(1, count, CHUNK)):
            part = {name: codes[start : start + CHUNK if start else 1] for name, codes in images.items()}
            with progress(f"{start} of {count} images through {args.sim}{_left(began, start, count)}"):
                run_images(task, simulate, part, stalls, verdict)
        if waves is not None:
            with progress(f"waves of {waves}"):
                first = {name: codes[0] for name, codes in images.items()}
                data = simulate.waves(task.program, first, stalls, task.jobs_of(waves))
            write_atomically(waves_file(args), data)


def _left(began: float, done: int, count: int) -> str:
    if not done:
        return ""
    return f", about {(time.monotonic() - began) * (count - done) / done:.0f} s left"
