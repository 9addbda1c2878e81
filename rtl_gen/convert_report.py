"""The report of `convert`: the loss of each layer, and how far the network in integers agrees with the float one."""

import argparse
from typing import Any

from rtl_gen.report import Report, Table
from rtl_gen.sqnr import decibels, shown, with_unit
from sw_ref.format import StlqFormat
from sw_ref.messages import counted


def report(
    args: argparse.Namespace, fmt: StlqFormat, made: Any, agreement: Any, notes: list[str], seconds: float
) -> Report:
    """`made`: of :func:`rtl_gen.frontend.calibrate.convert`; `agreement`: of its comparison with the float network."""
    columns = ("layer", "shape", "R %", "weight SQNR dB", "output SQNR dB", "lost dB", "cycles")
    table = Table(f"{args.out}", columns, [_row(layer) for layer in made.layers])
    lines = _agreement(args, made, agreement)
    rows = [
        {
            "name": layer.name,
            "op": layer.op,
            "shape": list(layer.shape),
            "ratio": layer.ratio,
            "weight_sqnr": decibels(layer.weight_error),
            "output_sqnr": decibels(layer.output_error),
            "beats": layer.beats,
            "lost": layer.lost,
        }
        for layer in made.layers
    ]
    data = {
        "out": str(args.out),
        "format": fmt.to_dict(),
        "tile": list(args.tile),
        "layers": rows,
        "cycles": sum(row["beats"] for row in rows),
        "calibration_samples": made.samples,
        "agreement": {
            "inputs": agreement.count,
            "output_sqnr": decibels(agreement.error),
            "same_class": agreement.same_class,
            "accuracy": agreement.accuracy,
        },
        "notes": notes,
        "seconds": round(seconds, 3),
    }
    total = (
        f"{data['cycles']:,} array cycles per input; {counted(made.samples, 'input')} for calibration, {seconds:.1f} s"
    )
    return Report(data, [table, *lines, *(f"note: {note}" for note in notes), total])


def square_notes(tile: tuple[int, int]) -> list[str]:
    """A note where `compile` needs to be told the engine's size: tiles that are not square are not that of one."""
    if tile[0] == tile[1]:
        return []
    return ["{}x{} tiles: engines so far have as many PEs as lanes, so `stlq compile` needs --pe".format(*tile)]


def _agreement(args: argparse.Namespace, made: Any, agreement: Any) -> list[str]:
    lines = [f"output SQNR {with_unit(agreement.error)} on {_seen(args, made, agreement)}"]
    if agreement.same_class is not None:
        lines.append(f"same class as the float network: {100 * agreement.same_class:.2f}%")
    if agreement.accuracy is not None:
        lines.append("accuracy: float {:.2f}%, in integers {:.2f}%".format(*(100 * a for a in agreement.accuracy)))
    hurting = sorted((layer for layer in made.layers if layer.added), key=lambda layer: -layer.added)[:3]
    if hurting:
        lines.append(f"layers that hurt most: {', '.join(layer.name for layer in hurting)}")
    return lines


def _seen(args: argparse.Namespace, made: Any, agreement: Any) -> str:
    """The inputs on which both networks were compared, in words."""
    if args.calibrate is None:
        return counted(agreement.count, "random input")
    others = agreement.count - made.samples
    used = f"{others:,} of them not used for calibration" if others else "all used for calibration"
    return f"{counted(agreement.count, 'input')}, {used}"


def _row(layer: Any) -> tuple[str, ...]:
    return (
        layer.name,
        "x".join(map(str, layer.shape)),
        f"{100 * layer.ratio:.1f}",
        shown(layer.weight_error) if layer.shape else "",
        shown(layer.output_error),
        f"{layer.lost:.1f}",
        f"{layer.beats:,}",
    )
