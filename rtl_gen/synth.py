"""`synth`: what an array or an engine costs on a target, by Yosys, without multipliers or DSP blocks."""

import argparse
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from rtl_gen.design import Design, add_build, around_lines, check_results, load_design, save_result
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.options import path
from rtl_gen.parts import cells_by_part, check_memories, modules_apart
from rtl_gen.presets import hints
from rtl_gen.report import Report, Table, progress
from rtl_gen.targets import TARGETS, Target
from rtl_gen.yosys import KEEP_MEMORIES, YOSYS, Flow, Mapped, mapped, mapped_apart
from sw_ref.messages import counted

SUMMARY = "synthesize with Yosys: LUTs, carry, flip-flops, or gates and area"
EXAMPLE = "stlq synth build/ --target ice40"

LIBERTY = "synth -flatten -top {top}; dfflibmap -liberty cells.lib; abc -liberty cells.lib; opt_clean"
MULTIPLIERS = ("$mul", "$macc", "$macc_v2", "$div", "$mod", "$pow")
TITLES = {
    "luts": "LUTs",
    "carry": "carry",
    "flip_flops": "flip-flops",
    "memories": "memories",
    "memory_luts": "LUTs as memory",
    "memory_bits": "bits in memories",
    "dsp": "DSP",
    "muxes": "wide muxes",
    "gates": "gates",
    "multipliers": "multipliers",
    "transistors": "transistors (estimated)",
    "area": "area (library's unit)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_build(parser, "synth-TARGET.json")
    parser.add_argument("--target", required=True, choices=TARGETS, help="technology; generic counts gates")
    parser.add_argument(
        "--liberty",
        metavar="FILE",
        type=path,
        help="cell library for the area in its unit; with --target generic only (default: none)",
    )


def run(args: argparse.Namespace) -> Report:
    build = load_design(args.build)
    if args.liberty is not None and args.target != "generic":
        raise UsageError(f"--liberty goes with --target generic; target is {args.target}")
    if args.liberty is not None and not args.liberty.is_file():
        raise UsageError(f"--liberty is {args.liberty}: no such file; allowed: a Liberty cell library")
    check_results(build.folder / f"synth-{args.target}.json")
    with progress(f"synthesizing for {args.target}"):
        result = synthesize(build, args.target, liberty=args.liberty)
    return _report(build, save_result(build, f"synth-{args.target}", result), result)


def synthesize(build: Design, target: str, *, liberty: Path | None = None, by_part: bool = True) -> dict[str, Any]:
    """Resources of a build on a target (one of ``TARGETS``), as plain data; of an engine those of its parts, too.

    `by_part`: whether each part is mapped apart, which takes as long as the whole.

    Raises :class:`CheckError` if Yosys is missing or fails, if the netlist has a multiplier or a DSP block, or if a
    memory of an engine became flip-flops.
    """
    technology, top, is_engine = TARGETS[target], build.config.name, build.kind == "engine"
    flow = _flow(technology, top, liberty, keep_memories=is_engine and not technology.is_fpga)
    found = mapped(build.text, top, flow)
    resources = _resources(technology, found, liberty)
    if resources["multipliers"] or resources["dsp"]:
        multipliers, blocks = counted(resources["multipliers"], "multiplier"), counted(resources["dsp"], "DSP block")
        raise CheckError(f"the netlist has {multipliers} and {blocks}; 0 are right")
    check_memories(found.memories)
    result = {
        "schema": 1,
        "target": target,
        "liberty": liberty.name if liberty is not None else None,
        "config": build.config.to_dict(),
        "files": build.files,
        "resources": resources,
        "per_pe": {key: round(value / build.array.pe, 3) for key, value in resources.items()},
        "per_mac": {key: round(value / build.array.macs_per_cycle, 3) for key, value in resources.items()},
        "cells": dict(sorted(found.after["num_cells_by_type"].items())),
        "tools": {YOSYS: metadata.version(YOSYS)},
    }
    if is_engine and by_part:
        apart = modules_apart(build.text, top)
        parts = cells_by_part(mapped_apart(build.text, top, flow, sorted(apart)), top, apart)
        result["parts"] = {
            part: technology.count(cells) | {"memory_luts": technology.count_memory(cells)}
            for part, cells in parts.items()
        }
        result["memories"] = {
            name: {"bits": memory.bits, "made_of": _made_of(memory.made)} for name, memory in found.memories.items()
        }
    return result


def _flow(technology: Target, top: str, liberty: Path | None, *, keep_memories: bool) -> Flow:
    passes = technology.script(top) if liberty is None else LIBERTY.format(top=top)
    stat = technology.stat if liberty is None else "stat -json -liberty cells.lib"
    return Flow(passes=passes, prepare=KEEP_MEMORIES if keep_memories else "", stat=stat, liberty=liberty)


def _resources(technology: Target, found: Mapped, liberty: Path | None) -> dict[str, Any]:
    multipliers = sum(found.before["num_cells_by_type"].get(kind, 0) for kind in MULTIPLIERS)
    resources = technology.count(found.after["num_cells_by_type"]) | {"multipliers": multipliers}
    if liberty is not None:
        resources = {"area": float(found.after["area"]), "multipliers": multipliers, "dsp": 0}
    elif not technology.is_fpga:
        resources["transistors"] = transistors(found.after)
    if found.memories and technology.memory_luts:
        resources["memory_luts"] = technology.count_memory(found.after["num_cells_by_type"])
    if found.memories:
        resources["memory_bits"] = sum(memory.bits for memory in found.memories.values())
    if found.memories and not technology.is_fpga:
        resources["memories"] = len(found.memories)
    return resources


def _made_of(kind: str | None) -> str:
    return {"": "flip-flops", None: "kept whole"}.get(kind, str(kind))


def transistors(design: dict[str, Any]) -> int:
    """Yosys's estimate for a netlist of gates.  Raises :class:`CheckError` if it met a cell that it cannot estimate."""
    text = str(design["estimated_num_transistors"])
    # A `+` says that there was such a cell.
    if not text.isdigit():
        raise CheckError(f"Yosys could not estimate all transistors: {text}")
    return int(text)


def _report(build: Design, path: Path, result: dict[str, Any]) -> Report:
    rows = [
        (TITLES[key], f"{value:,}", f"{result['per_pe'][key]:,}", f"{result['per_mac'][key]:,}")
        for key, value in result["resources"].items()
    ]
    fmt = build.array.format
    title = f"{build.title}, {fmt.bits}-bit words, {fmt.act_bits}-bit activations"
    table = Table(f"{title}: {result['target']}", ("resource", build.kind, "per PE", "per MAC"), rows)
    parts = [_parts_table(result["parts"])] if "parts" in result else []
    hinted = hints(build.array, TARGETS[result["target"]])
    return Report(result, [table, *parts, *around_lines(build), f"written to {path}", *hinted])


def _parts_table(parts: Mapping[str, Mapping[str, int]]) -> Table:
    keys = [key for key in TITLES if any(count.get(key) for count in parts.values())]
    rows = [(part, *(f"{count.get(key, 0):,}" for key in keys)) for part, count in parts.items()]
    return Table("by part, each mapped apart", ("part", *(TITLES[key] for key in keys)), rows)
