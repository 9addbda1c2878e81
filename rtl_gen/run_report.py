"""The report of `run`: the cycles of each layer, the verdict on every code, and the accuracy."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rtl_gen.compile import engine_text
from rtl_gen.engine_build import EngineBuild
from rtl_gen.errors import CheckError
from rtl_gen.inference import Task, Verdict
from rtl_gen.report import Report, Table
from rtl_gen.simulate import folder_name
from sw_ref.messages import counted

LISTED = 20
"""Images of which the class is shown."""


def report(
    args: argparse.Namespace,
    build: EngineBuild,
    task: Task,
    verdict: Verdict,
    outputs: Mapping[str, NDArray[Any]],
    labels: NDArray[Any] | None,
) -> Report:
    """`labels`: a class for each image, if they are known."""
    count = len(next(iter(outputs.values())))
    late = [] if args.stalls else verdict.late(task)
    ok = verdict.right and not late
    data: dict[str, Any] = {"ok": ok, "sim": args.sim, "images": count, "stalls": args.stalls, "seed": args.seed}
    parts: list[str | Table] = []
    if args.sim == "golden":
        parts += [_result(name, codes) for name, codes in outputs.items()]
        parts.append("--out FILE keeps the codes" if args.out is None else f"the codes are in {args.out}")
    else:
        data |= _compared(task, verdict, late)
        parts += [_cycles(args, task, data), *_wrong(build, verdict, late)]
        mismatches = counted(verdict.mismatches, "mismatch", "mismatches")
        parts.append(
            f"{'pass' if ok else 'FAIL'}: {counted(count, 'image')}, {counted(verdict.codes, 'code')} compared, "
            f"{mismatches}, {counted(verdict.astray, 'write')} astray (stalls {args.stalls} %)"
        )
    if args.waves is not None:
        data["waves"] = str(waves_file(args))
        parts.append(f"waves of {args.waves} are in {data['waves']}")
    if labels is not None:
        first = next(iter(outputs.values())).reshape(count, -1)
        right = int((first.argmax(axis=1) == labels).sum())
        data["accuracy"] = right / count
        parts.append(f"accuracy: {right} of {count}, {right / count:.2%} (from the outputs of {args.sim})")
    return Report(data, parts, ok)


def _result(name: str, codes: NDArray[Any]) -> str:
    """An output in a line: the class of each image, or the range of the codes where they are no classes."""
    count, channels, *positions = codes.shape
    if channels == 1 or math.prod(positions) > 1:
        shape = " x ".join(map(str, codes.shape[1:]))
        return f"{name}: {count:,} x {shape} codes from {codes.min()} to {codes.max()}"
    classes = ", ".join(map(str, codes.reshape(count, channels)[:LISTED].argmax(axis=1)))
    more = f", ... of {count:,} images" if count > LISTED else ""
    return f"class of each image, its highest code of {name}: {classes}{more}"


def waves_file(args: argparse.Namespace) -> Path:
    return args.build / f"{folder_name(args.waves)}.vcd"


def _compared(task: Task, verdict: Verdict, late: list[list[int]]) -> dict[str, Any]:
    """The results of a simulation; cycles are those of the first late image, or else of the first one."""
    simulated = late[0] if late else verdict.cycles[0]
    before, *layers = [
        {"predicted": predicted, "simulated": cycles} for predicted, cycles in zip(task.cycles, simulated, strict=True)
    ]
    return {
        "codes": verdict.codes,
        "mismatches": verdict.mismatches,
        "writes_astray": verdict.astray,
        "array_stopped": verdict.stopped,
        "first_mismatch": None if verdict.first is None else asdict(verdict.first),
        "before_layers": before,
        "layers": [{"name": layer.name, **cycles} for layer, cycles in zip(task.layers, layers, strict=True)],
        "images_with_other_cycles": len(late),
    }


def _cycles(args: argparse.Namespace, task: Task, data: dict[str, Any]) -> Table:
    rows = [{"name": "before the first layer", **data["before_layers"]}, *data["layers"]]
    rows.append({"name": "inference", **{key: sum(row[key] for row in rows) for key in ("predicted", "simulated")}})
    shown = [(row["name"], f"{row['predicted']:,}", f"{row['simulated']:,}") for row in rows]
    return Table(f"{args.build} in {args.sim}", ("layer", "cycles predicted", "simulated"), shown)


def _wrong(build: EngineBuild, verdict: Verdict, late: list[list[int]]) -> list[str]:
    """The verdict on a mismatch, and whether the Verilog's age may be the reason."""
    lines = [] if verdict.first is None else [str(verdict.first)]
    if late:
        lines.append(f"{counted(len(late), 'image')} took other cycles than predicted")
    if (late or not verdict.right) and _is_another(build):
        lines.append(f"{build.folder / build.name} was made by another version of stlq; compile the network again")
    return lines


def _is_another(build: EngineBuild) -> bool:
    """Whether this version makes other Verilog of the same configuration."""
    try:
        return engine_text(build.config) != build.text
    except CheckError:
        return False
