"""`pnr`: place and route with nextpnr: clock frequency, utilisation, critical path."""

import argparse
import re
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from rtl_gen import tools
from rtl_gen.design import Design, add_build, around_lines, check_results, load_design, save_result
from rtl_gen.errors import CheckError, FitError, UsageError
from rtl_gen.harness import Harness
from rtl_gen.nextpnr import NETLIST, Nextpnr
from rtl_gen.options import add_seed, number, whole_number
from rtl_gen.presets import hints
from rtl_gen.report import Report, Table, progress
from rtl_gen.smaller import smaller
from rtl_gen.targets import PLACED
from rtl_gen.yosys import YOSYS

SUMMARY = "place and route with nextpnr: MHz, utilisation, critical path"
EXAMPLE = "stlq pnr build/ --target ecp5 --device 25k"
SPEED = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_build(parser, "pnr-TARGET.json")
    parser.add_argument("--target", required=True, choices=PLACED, help="FPGA family")
    known = "; ".join(f"{name}: {', '.join(target.devices)}" for name, target in PLACED.items())
    defaults = ", ".join(next(iter(target.devices)) for target in PLACED.values())
    parser.add_argument("--device", metavar="NAME", help=f"device; {known} (default: {defaults})")
    parser.add_argument(
        "--speed", type=whole_number, metavar="N", help=f"speed grade of an ECP5; 6 to 8 (default: {SPEED})"
    )
    parser.add_argument(
        "--freq", type=number, default=200.0, metavar="MHZ", help="frequency to aim at; 1 to 1000 MHz (default: 200)"
    )
    add_seed(parser, "the placer")


def run(args: argparse.Namespace) -> Report:
    build = load_design(args.build)
    target = PLACED[args.target]
    device = args.device if args.device is not None else next(iter(target.devices))
    if device not in target.devices:
        raise UsageError(f"--device is {device!r}; allowed for {args.target}: {', '.join(target.devices)}")
    if args.speed is not None and args.speed not in target.speeds:
        allowed = ", ".join(map(str, target.speeds)) or f"none for {args.target}"
        raise UsageError(f"--speed is {args.speed}; allowed: {allowed}")
    if not 1 <= args.freq <= 1000:
        raise UsageError(f"--freq is {args.freq}; allowed: 1 to 1000 MHz")
    check_results(build.folder / f"pnr-{args.target}.json")
    settings = {"speed": args.speed or SPEED, "freq": args.freq, "seed": args.seed}
    try:
        with progress(f"placing and routing for {device}"):
            result = place_and_route(build, args.target, device, **settings)
    except FitError as error:
        luts = target.devices[device].luts
        larger = [f"--device {name}" for name, other in target.devices.items() if other.luts > luts]
        raise FitError(f"{error}; {smaller(build, target, device, larger)}") from None
    return _report(build, save_result(build, f"pnr-{args.target}", result), result)


def place_and_route(
    build: Design, target: str, device: str, *, speed: int = SPEED, freq: float = 200.0, seed: int = 1
) -> dict[str, Any]:
    """Frequency, utilisation and critical path of a build on a device, as plain data.

    The build stands in a :class:`Harness`, so that paths from and to its ports count. The harness's own cells do not.
    Raises :class:`CheckError` if a tool is missing or fails, :class:`FitError` if the build does not fit.
    """
    family, harness = PLACED[target], Harness.around(build)
    nextpnr = Nextpnr(target=family, device=device, speed=speed, kind=build.kind)
    yosys, program = tools.find(YOSYS), tools.find(nextpnr.name)
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        (folder / "design.v").write_text(build.text)
        (folder / "harness.v").write_text(harness.text)
        script = f"read_verilog design.v harness.v; {family.script(harness.top)} -json {NETLIST}"
        tools.run([yosys, "-q", "-l", "yosys.log", "-p", script], folder=folder, log="yosys.log")
        report = nextpnr.run(program, folder, freq=freq, seed=seed)
    return {
        "schema": 1,
        "target": target,
        "device": device,
        "speed": speed if family.speeds else None,
        "seed": seed,
        "freq_mhz": freq,
        "config": build.config.to_dict(),
        "files": build.files,
        **results(report, harness.cells),
        "tools": {name: metadata.version(name) for name in (YOSYS, nextpnr.name)},
    }


def results(report: dict[str, Any], harness: dict[str, int]) -> dict[str, Any]:
    """Frequency, utilisation but for a harness, and critical path, of nextpnr's report.

    Raises :class:`CheckError` for more than one clock.
    """
    clocks = {name: entry["achieved"] for name, entry in report["fmax"].items()}
    if len(clocks) != 1:
        raise CheckError(f"nextpnr reported {len(clocks)} clocks; 1 is right")
    ((clock, mhz),) = clocks.items()
    critical = next(
        path["path"] for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {clock}"
    )
    used = {name: entry for name, entry in report["utilization"].items() if entry["used"]}
    return {
        "mhz": round(mhz, 2),
        "utilisation": {
            name: {"used": entry["used"] - harness.get(name, 0), "available": entry["available"]}
            for name, entry in used.items()
        },
        "harness": {name: harness[name] for name in used if name in harness},
        "critical_path": {"ns": round(sum(hop["delay"] for hop in critical), 3), "nets": _nets(critical)},
    }


def _nets(path: list[dict[str, Any]]) -> list[str]:
    """The design's own names along a path: what synthesis added to them is cut off, repetitions are left out."""
    nets: list[str] = []
    for hop in path:
        name = re.split(r"_(?:SB|TRELLIS|CCU2C|LUT4|PFUMX|L6MUX21)(?:_|$)|\$", hop.get("net", ""))[0]
        if name and (not nets or nets[-1] != name):
            nets.append(name)
    return nets


def _report(build: Design, path: Path, result: dict[str, Any]) -> Report:
    config, target = build.array, PLACED[result["target"]]
    rows = [("clock", f"{result['mhz']:,.1f} MHz", "")]
    for name, entry in result["utilisation"].items():
        rows.append(
            (name, f"{entry['used']:,} of {entry['available']:,}", f"{entry['used'] / config.macs_per_cycle:,.2f}")
        )
    where = f"{result['target']} {result['device']}"
    table = Table(f"{build.title}: {where}", ("resource", build.kind, "per MAC"), rows)
    critical = result["critical_path"]
    critical_line = f"critical path ({critical['ns']:.2f} ns): {' > '.join(critical['nets'])}"
    lines = [critical_line, *around_lines(build), f"written to {path}", *hints(config, target, is_clocked=True)]
    return Report(result, [table, *lines])
