"""`simulate`: run quantized weights through the Verilog of a build, and compare with the golden integers."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from hw.config import ArrayConfig
from rtl_gen import tools
from rtl_gen.arrays import read_array
from rtl_gen.errors import UsageError
from rtl_gen.manifest import MANIFEST, Build, load_build
from rtl_gen.options import FILE, add_seed, add_whole, can_hold, check_folder, path
from rtl_gen.report import Report, Table, progress
from rtl_gen.simulator import SIMULATORS, Outcome, check_fit, simulation
from rtl_gen.testbench import Amounts, Stalls
from sw_ref.files import digest_of
from sw_ref.integer import dot
from sw_ref.messages import counted
from sw_ref.model import ModelError, StlqTensor, load_model

SUMMARY = "run quantized weights through the Verilog and compare every sum"
EXAMPLE = "stlq simulate build/ --model q.safetensors --sim icarus"
SHOWN = 5
VECTORS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build", metavar="BUILD", type=path, help="folder that generate wrote")
    parser.add_argument("--model", required=True, metavar="FILE", type=path, help="quantized model (.safetensors)")
    parser.add_argument("--tensor", metavar="NAME", help="one tensor of the model (default: all)")
    parser.add_argument("--sim", choices=SIMULATORS, default="icarus", help="simulator (default: icarus)")
    parser.add_argument(
        "--acts",
        metavar="FILE",
        type=path,
        help=".npy of integer activations, (vectors, groups * I, *kernel) (default: random ones, extremes among them)",
    )
    add_whole(parser, "--vectors", range(1, 100_001), None, shown=VECTORS, help="random activation vectors")
    add_seed(parser, "activations and stalls")
    add_whole(parser, "--stalls", range(100), 0, help="percent of the cycles in which each stream pauses")
    add_whole(parser, "--timeout", range(1, 1_000_001), tools.TIMEOUT, help="seconds that a tensor's run may take")
    parser.add_argument(
        "--waves", metavar="FILE", type=path, help="write a VCD of the (one) tensor's run (default: none)"
    )
    parser.add_argument(
        "--keep",
        metavar="FOLDER",
        type=path,
        help="keep the test bench, its data and its sums (default: a temporary folder)",
    )


def run(args: argparse.Namespace) -> Report:
    build, tensors = _inputs(args)
    given = _given_acts(args.acts, build.config, tensors) if args.acts else None
    vectors = (args.vectors or VECTORS) if given is None else len(given)
    stalls = Stalls(percent=args.stalls, seed=args.seed)
    results = {}
    with ExitStack() as stack:
        with progress(f"compiling for {args.sim}"):
            room = Amounts.most([Amounts.of(tensor, vectors, build.config.pixels) for tensor in tensors.values()])
            waves = args.waves is not None
            bench = simulation(build, room, sim=args.sim, stalls=stalls, waves=waves, timeout=args.timeout)
            run_bench = stack.enter_context(bench)
        for name, tensor in tensors.items():
            acts = random_acts(build.config, tensor.act_shape, vectors, args.seed) if given is None else given
            keep = args.keep / folder_name(name) if args.keep and len(tensors) > 1 else args.keep
            with progress(f"{name}: {vectors} vectors through {args.sim}"):
                outcome = run_bench(tensor, acts, waves=args.waves, keep=keep)
            results[name] = judge(build.config, tensor, acts, outcome, stalled=args.stalls > 0)
    return _report(args, results)


def folder_name(tensor: str) -> str:
    """A folder's name for a tensor, of letters, digits and `_.-~%`: another one for each, whatever it is called.

    >>> folder_name("conv.1"), folder_name(".."), folder_name("a/b")
    ('conv.1', '%2E.', 'a%2Fb')
    """
    name = quote(tensor, safe="")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    # A disk takes names of up to 255 bytes. No quoted name has a "%" before a "~", nor is one empty.
    return name if 0 < len(name) < 200 else f"{name[:180]}%~{digest_of(tensor.encode())[:16]}"


def judge(
    config: ArrayConfig, tensor: StlqTensor, acts: NDArray[np.integer], outcome: Outcome, *, stalled: bool
) -> dict[str, Any]:
    """The verdict on one tensor, as plain data: mismatches against the golden, and cycles against the contract."""
    golden = dot(tensor, acts)
    wrong = np.argwhere(golden != outcome.sums)
    tiles = Amounts.of(tensor, len(acts), config.pixels).acts_beats
    expected = outcome.beats + config.latency_cycles
    return {
        "vectors": len(acts),
        "sums": int(golden.size),
        "mismatches": len(wrong),
        "first_mismatches": [
            {"vector": int(v), "channel": int(c), "golden": int(golden[v, c]), "verilog": int(outcome.sums[v, c])}
            for v, c in wrong[:SHOWN]
        ],
        "beats": outcome.beats,
        "cycles": outcome.cycles,
        "cycles_expected": None if stalled else expected,
        "cycles_one_word": tiles + config.latency_cycles,
        "cycles_two_words": 2 * tiles + config.latency_cycles,
        "ok": not len(wrong) and (stalled or outcome.cycles == expected),
    }


def random_acts(config: ArrayConfig, shape: tuple[int, ...], vectors: int, seed: int) -> NDArray[np.int64]:
    """Seeded activations (vectors, *shape); the first vectors are all lowest, all highest, and both mixed."""
    fmt = config.format
    rng = np.random.default_rng(seed)
    acts = rng.integers(fmt.act_min, fmt.act_max, (vectors, *shape), endpoint=True)
    extremes = [fmt.act_min, fmt.act_max, rng.choice([fmt.act_min, fmt.act_max], shape)]
    for vector, value in zip(range(vectors - 1), extremes, strict=False):
        acts[vector] = value
    return acts


def _inputs(args: argparse.Namespace) -> tuple[Build, dict[str, StlqTensor]]:
    if args.acts is not None and args.vectors is not None:
        raise UsageError("--vectors is given with --acts; allowed: one of them")
    if args.keep is not None:
        _check_keep(args.keep)
    if args.waves is not None:
        _check_waves(args.waves)
    build = load_build(args.build)
    try:
        tensors = load_model(args.model)
    except ModelError as error:
        raise UsageError(f"--model {args.model}: {error}") from error
    except OSError as error:
        raise UsageError(
            f"--model is {args.model}: {error.strerror}; allowed: a file that `stlq quantize` wrote"
        ) from error
    if args.tensor is not None:
        if args.tensor not in tensors:
            raise UsageError(f"--tensor is {args.tensor!r}; allowed: {', '.join(tensors)}")
        tensors = {args.tensor: tensors[args.tensor]}
    for name, tensor in tensors.items():
        check_fit(build.config, tensor, name)
    if args.waves and len(tensors) > 1:
        raise UsageError(f"--waves needs one tensor; name it with --tensor: {', '.join(tensors)}")
    if args.waves and args.waves.suffix.lower() != ".vcd":
        raise UsageError(f"--waves is {args.waves}; allowed: a name that ends in .vcd")
    return build, tensors


def _check_waves(file: Path) -> None:
    """Refuse a file that cannot be written; folders on the way to it are made."""
    nearest = next(folder for folder in file.absolute().parents if folder.exists())
    if file.is_dir() or not nearest.is_dir():
        raise UsageError(f"--waves is {file}: {nearest} is no folder; allowed: a file in a folder")
    if not can_hold(nearest):
        raise UsageError(f"--waves is {file}; allowed: {FILE}")


def _check_keep(folder: Path) -> None:
    """Refuse a folder that cannot be made, or is a build, whose Verilog would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--keep is {folder}: a file; allowed: a folder")
    if (folder / MANIFEST).exists():
        raise UsageError(f"--keep is {folder}: a build; allowed: another folder")
    check_folder("--keep", folder)


def _given_acts(path: Path, config: ArrayConfig, tensors: dict[str, StlqTensor]) -> NDArray[np.integer]:
    acts = read_array("--acts", path, "a .npy file of integers")
    fmt = config.format
    if acts.dtype.kind not in "iu" or acts.size == 0:
        raise UsageError(f"--acts {path} holds {acts.dtype} {acts.shape}; allowed: integers, not empty")
    for name, tensor in tensors.items():
        if acts.shape[1:] != tensor.act_shape:
            inner = ", ".join(map(str, tensor.act_shape))
            raise UsageError(f"--acts {path} has shape {acts.shape}; allowed for {name}: (vectors, {inner})")
    low, high = int(acts.min()), int(acts.max())
    if low < fmt.act_min or high > fmt.act_max:
        raise UsageError(f"--acts {path} holds {low} to {high}; allowed: {fmt.act_min} to {fmt.act_max}")
    return acts.astype(np.int64)


def _report(args: argparse.Namespace, results: dict[str, dict[str, Any]]) -> Report:
    ok = all(result["ok"] for result in results.values())
    sums, wrong = (sum(result[key] for result in results.values()) for key in ("sums", "mismatches"))
    columns = ("tensor", "vectors", "sums", "mismatches", "beats", "cycles", "cycles R=0", "cycles R=100%")
    keys = ("vectors", "sums", "mismatches", "beats", "cycles", "cycles_one_word", "cycles_two_words")
    rows = [(name, *(f"{result[key]:,}" for key in keys)) for name, result in results.items()]
    parts: list[str | Table] = [Table(f"{args.build} in {args.sim}", columns, rows)]
    for name, result in results.items():
        for miss in result["first_mismatches"]:
            where = f"tensor {name}: vector {miss['vector']}, channel {miss['channel']}"
            parts.append(f"{where}: golden {miss['golden']}, Verilog {miss['verilog']}")
        if result["cycles_expected"] not in (None, result["cycles"]):
            parts.append(f"tensor {name}: {result['cycles']} cycles; beats + latency are {result['cycles_expected']}")
    verdict = f"{'pass' if ok else 'FAIL'}: {counted(sums, 'sum')} compared, {counted(wrong, 'mismatch', 'mismatches')}"
    parts.append(f"{verdict} (seed {args.seed}, stalls {args.stalls} %)")
    data = {"ok": ok, "sim": args.sim, "seed": args.seed, "stalls": args.stalls, "tensors": results}
    return Report(data, parts, ok)
