"""The report of `quantize`: a row per tensor, and the total."""

import argparse
import resource
from typing import Any

from rtl_gen.report import Report, Table
from rtl_gen.sqnr import relative_error, shown
from sw_ref.cost import Cost
from sw_ref.format import StlqFormat
from sw_ref.memory import held_mib


def report(
    args: argparse.Namespace, fmt: StlqFormat, rows: list[dict[str, Any]], notes: list[str], seconds: float
) -> Report:
    total = {
        "name": "total",
        "shape": None,
        "groups": None,
        "error": sum(row["error"] for row in rows),
        "signal": sum(row["signal"] for row in rows),
        "cost": sum((row["cost"] for row in rows), Cost()),
    }
    peak = _peak_mib()
    columns = ("tensor", "shape", "tiles", "two-word", "R %", "error %", "SQNR dB", "bits/weight", "cycles")
    table = Table(f"{args.out}", columns, [_row(row) for row in [*rows, total]])
    spent = f"{total['cost'].weights:,} weights in {seconds:.1f} s, peak memory {peak:,.0f} MiB"
    data = {
        "out": str(args.out),
        "format": fmt.to_dict(),
        "tile": list(args.tile),
        "tensors": [_plain(row) for row in rows],
        "total": _plain(total),
        "notes": notes,
        "seconds": round(seconds, 3),
        "peak_mib": round(peak),
    }
    return Report(data, [table, *(f"note: {note}" for note in notes), spent])


def _peak_mib() -> float:
    """The most memory that this process has held."""
    # Linux counts in `ru_maxrss` what the parent held when it started the process.
    held = held_mib("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if held is None else held


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    spent: Cost = row["cost"]
    return {
        "name": row["name"],
        "shape": row["shape"],
        "groups": row["groups"],
        "relative_error": row["error"] / row["signal"] if row["signal"] else None,
        "weights": spent.weights,
        "tiles": spent.tiles,
        "two_word_tiles": spent.two_word_tiles,
        "storage_bits": spent.storage_bits,
        "fix_ops": spent.fix_ops,
        "cycles": spent.beats,
    }


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    spent: Cost = row["cost"]
    relative = relative_error(row["error"], row["signal"])
    shape = "x".join(map(str, row["shape"])) if row["shape"] else ""
    shape += f" /{row['groups']}" if row["groups"] and row["groups"] > 1 else ""
    return (
        row["name"],
        shape,
        f"{spent.tiles:,}",
        f"{spent.two_word_tiles:,}",
        f"{100 * spent.two_word_ratio:.1f}",
        f"{100 * relative:.3g}" if row["signal"] else "-",
        shown(relative),
        f"{spent.bits_per_weight:.2f}",
        f"{spent.beats:,}",
    )
