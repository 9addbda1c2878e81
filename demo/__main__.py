"""Convert, compile, run all test images through the Verilog, compare, synthesize; exit status 1 on any mismatch."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo import digits, pictures
from demo.digits import Digits
from demo.network import FLOAT, highest, read_in_float, read_in_integers
from demo.story import story
from rtl_gen import tools
from rtl_gen.commands import Commands, line
from rtl_gen.engine_build import load_engine
from rtl_gen.guard import guarded
from rtl_gen.report import Report, progress, show
from rtl_gen.synth import synthesize
from sw_ref.files import write_atomically
from sw_ref.network import Network, load_network

FOLDER = Path("build/demo")
RATIO, RATIOS = 0.15, (0.0, 0.15, 1.0)
"""R of the engine's network; all that are measured."""
TARGETS = ("xilinx", "ecp5")
"""What engines are made for, each with the shape that suits it; the first one's runs."""


def main() -> int:
    """Run the demo; returns the exit status."""
    return guarded(_main, name="demo")


def _main() -> int:
    started = time.perf_counter()
    _, test = digits.load()
    report = run(FOLDER, test, sim="verilator", targets=TARGETS)
    report.parts.append(f"{time.perf_counter() - started:.0f} s; pictures, Verilog and networks are in {FOLDER}/")
    show(report, as_json=False)
    return 0 if report.ok else 1


@dataclass(frozen=True, kw_only=True)
class Made:
    """The engine with its program in `folder`: what the commands reported that made it, conversions by ratio."""

    folder: Path
    stlq: Commands
    converted: dict[float, Report]
    compiled: Report

    @property
    def engine(self) -> Path:
        """The build."""
        return self.folder / "engine"

    def engine_for(self, target: str) -> Path:
        """The build for a target; made if it is not there."""
        if target == TARGETS[0]:
            return self.engine
        folder = self.folder / f"engine-{target}"
        self.stlq("compile", _file(self.folder, RATIO), "--for", target, "--out", folder)
        return folder

    def network(self, ratio: float) -> Network:
        """The network in integers of a ratio."""
        return load_network(_file(self.folder, ratio))


def run(folder: Path, test: Digits, *, sim: str, targets: Sequence[str]) -> Report:
    """All of the demo: the `test` images in the simulator `sim`; writes into `folder`.

    Raises :class:`UsageError` and :class:`CheckError` as the commands do.
    """
    return measure(make(folder, test), test, sim=sim, targets=targets)


def make(folder: Path, test: Digits) -> Made:
    """Convert for all ratios, and compile one; writes the inputs of the commands, too."""
    train, _ = digits.load()
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("calibration", train.images), ("calibration-labels", train.labels), ("images", test.images)):
        np.save(folder / f"{name}.npy", array)
    data = ("--calibrate", folder / "calibration.npy", "--labels", folder / "calibration-labels.npy")
    stlq = Commands()
    converted = {
        ratio: stlq("convert", FLOAT, *data, "--ratio", f"{ratio:g}", "--out", _file(folder, ratio)) for ratio in RATIOS
    }
    picture = ("--picture", folder / "timeline.png")
    compiled = stlq("compile", _file(folder, RATIO), "--for", TARGETS[0], *picture, "--out", folder / "engine")
    return Made(folder=folder, stlq=stlq, converted=converted, compiled=compiled)


def measure(made: Made, test: Digits, *, sim: str, targets: Sequence[str]) -> Report:
    """Run the images through the Verilog while Yosys synthesizes; compare, draw, report."""
    images, scores = made.folder / "images.npy", made.folder / "scores.npy"
    engines = {target: made.engine_for(target) for target in targets}
    with tools.beside() as pool:
        # Yosys takes one core beside the simulator, in a process of its own: the thread only waits.
        synthesis = {target: pool.submit(synthesize, load_engine(engine), target) for target, engine in engines.items()}
        ran = made.stlq("run", made.engine, "--input", images, "--sim", sim, "--out", scores)
        with progress("synthesizing"):
            resources = {target: future.result()["resources"] for target, future in synthesis.items()}
    found = {
        "float": read_in_float(test.images),
        **{_title(ratio): read_in_integers(made.network(ratio), test.images) for ratio in made.converted},
        f"Verilog, R = {RATIO:.0%}": highest(np.load(scores)),
    }
    by_float, by_golden, by_verilog = (found[name] for name in ("float", _title(RATIO), f"Verilog, R = {RATIO:.0%}"))
    same = int(np.count_nonzero(by_verilog == by_golden))
    synthesis_lines = [line("synth", engine, "--target", target) for target, engine in engines.items()]
    data = {
        "images": len(test.labels),
        "right": {name: int(np.count_nonzero(read == test.labels)) for name, read in found.items()},
        "beats": {_title(ratio): report.data["cycles"] for ratio, report in made.converted.items()},
        "same_prediction": same,
        "compiled": made.compiled.data,
        "run": ran.data,
        "resources": resources,
        "commands": [*made.stlq.lines, *synthesis_lines],
        "ok": ran.ok and same == len(test.labels),
    }
    pictures.draw_tiles(made.network(RATIO), made.folder / "two-word-tiles.png")
    pictures.draw_wrong(test, by_float, by_verilog, made.folder / "wrong-digits.png")
    write_atomically(made.folder / "result.json", (json.dumps(data, indent=2) + "\n").encode())
    return Report(data, story(data), ran.ok and same == len(test.labels))


def _file(folder: Path, ratio: float) -> Path:
    """The network in integers of a ratio."""
    return folder / f"digits-r{100 * ratio:.0f}.safetensors"


def _title(ratio: float) -> str:
    return f"integers, R = {ratio:.0%}"


if __name__ == "__main__":
    sys.exit(main())
