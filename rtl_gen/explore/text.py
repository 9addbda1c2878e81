"""What an exploration found, for people: a table of the front, and the commands that build its points."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtl_gen.explore.exploration import Exploration
from rtl_gen.explore.front import about
from rtl_gen.report import Report, Table, lines_of
from sw_ref.messages import counted

COLUMNS = ("point", "array", "bits", "codes", "R", "lanes", "ports", "optimize")
SPEED = ("MHz", "cycles", "per second")


def table(found: Mapping[str, Any], exploration: Exploration) -> str:
    """The front as plain text: ``front.txt``."""
    points = [point for point in found["points"] if point["front"]]
    commands = [f"{point['id']}\n  {point['build_command']}" for point in points]
    return "\n".join([found["command"], "", *lines_of(front_table(found, exploration)), "", *commands]) + "\n"


def front_table(found: Mapping[str, Any], exploration: Exploration) -> Table:
    """The measured points that no other one is better than in everything."""
    points = [point for point in found["points"] if point["front"]]
    labelled = exploration.task.inputs["labels"] is not None
    quality = ("accuracy %",) if labelled else ("SQNR dB", "agreement %")
    where = f"{exploration.task.target.name} {exploration.task.device or ''}".strip()
    title = f"{found['network']} on {where}: {counted(len(points), 'point')} that no other one beats, all measured"
    rows = [(*_row(point), *_quality(point, labelled)) for point in points]
    return Table(title, (*COLUMNS, found["logic"], *SPEED, *quality), rows)


def report(folder: Path, found: Mapping[str, Any], exploration: Exploration) -> Report:
    """The report of the command."""
    points, more = found["points"], about(exploration)
    measured = sum(point["measured"] for point in points)
    errors = [
        f"{name} {100 * off:.1f}%"
        for key, name in (("luts", found["logic"]), ("mhz", "MHz"))
        if (off := more["estimates"][key]) is not None
    ]
    counts = f"{counted(len(points), 'point')} tried, {measured} measured, {len(exploration.refused)} refused; "
    lines = [counts + f"{counted(exploration.runner.done, 'unit')} of work done now, the others were kept"]
    if (nearest := exploration.nearest) is not None:
        right = f", accuracy {100 * nearest.quality:.2f}%" if nearest.quantized["accuracy"] is not None else ""
        size = f"{'' if nearest.measured else 'about '}{nearest.luts:,} {found['logic']}"
        lines.append(f"no point that was tried keeps the limits; the nearest has {size}{right}")
    if errors:
        lines.append(f"median error of the estimates before they were measured: {', '.join(errors)}")
    return Report({**found, **more}, [front_table(found, exploration), *lines, f"written to {folder}"])


def _row(point: Mapping[str, Any]) -> tuple[str, ...]:
    config, rate = point["config"], point["inferences_per_second"]
    budget = "*" if config["budget"] == "network" else ""
    return (
        point["id"],
        f"{config['pe']}x{config['lanes']}{'+dw' if 'depthwise' in config else ''}",
        str(config["bits"]),
        str(config["act_bits"]),
        f"{config['ratio']:g}{budget}",
        str(config["requant_lanes"]),
        str(config["memory_ports"]),
        config["optimize"],
        f"{point['luts']:,}",
        "" if point["mhz"] is None else f"{point['mhz']:.1f}",
        f"{point['cycles']:,}",
        "" if rate is None else f"{rate:,.1f}",
    )


def _quality(point: Mapping[str, Any], labelled: bool) -> tuple[str, ...]:
    if labelled:
        return (f"{100 * point['accuracy']:.2f}",)
    same, sqnr = point["agreement"], point["sqnr_db"]
    return (f"{sqnr:.1f}" if isinstance(sqnr, float) else str(sqnr), "" if same is None else f"{100 * same:.2f}")
