"""Mutants of the software: single faults that mutmut writes into the source, and what the quick tests say of each.

Each group runs in a copy of the project under ``build/software/``, made anew, with the tests that cover it in seconds.
What was found of a group is kept, so that a run goes on where the last one stopped.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import places
from rtl_gen.runner import runner
from rtl_gen.work import Work
from verif.campaign.explained import why
from verif.campaign.record import ROOT

SUMMARY = "single faults in the source of the software: each must be found by a quick test, or explained"
COUNT = 86  # mutants of each group, at most
ROOMS = ("sw_ref", "hw", "rtl_gen", "verif", "docs")
FOLDER = ROOT / "build" / "software"
KILLED, NOT_FOUND, ENDLESS = (1, 3), (0, 5, 33), (24, -24, 36, 152, 255)
"""Exit statuses by mutmut: a test failed; none did, or none reaches the mutant; the tests ran out of time."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Some source files, and quick tests of what they promise; `slow`: patterns of tests that are left out.

    `parts`: of hardware, other files, whose components have what is in these.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    slow: str = ""
    parts: tuple[str, ...] = ()


GROUPS = {
    "format": Group(files=("sw_ref/format.py",), tests=("sw_ref/test_format.py",)),
    "words": Group(
        files=("sw_ref/quantize/levels.py", "sw_ref/quantize/words.py"),
        tests=("sw_ref/quantize/test_levels.py", "sw_ref/quantize/test_words.py"),
        slow="nearest_level_exactly and (4- or 5-)",
    ),
    "tiles": Group(files=("sw_ref/tiling.py",), tests=("sw_ref/test_tiling.py",)),
    "golden": Group(
        files=("sw_ref/integer.py", "sw_ref/activations.py", "sw_ref/windows.py"),
        tests=tuple(f"sw_ref/test_{name}.py" for name in ("integer", "activations", "windows")),
    ),
    "stream": Group(
        files=("sw_ref/stream.py", "sw_ref/cost.py"), tests=("sw_ref/test_stream.py", "sw_ref/test_cost.py")
    ),
    "quantizer": Group(
        files=tuple(f"sw_ref/quantize/{name}.py" for name in ("tensor", "scales", "sample", "compensate", "moments")),
        tests=tuple(f"sw_ref/quantize/test_{name}.py" for name in ("tensor", "search", "compensate", "moments")),
        slow="words_flags and (tile0 or tile3 or shape0) or parts_change and (61 or elements)",
    ),
    "files": Group(
        files=("sw_ref/files.py", "sw_ref/tensorfile.py"),
        tests=("sw_ref/test_files.py", "sw_ref/test_tensorfile.py"),
        slow="many_writers or KeyboardInterrupt",
    ),
    "readers": Group(
        files=tuple(f"rtl_gen/{name}.py" for name in ("arrays", "labels", "weights", "weight_choice")),
        tests=tuple(f"rtl_gen/test_{name}.py" for name in ("arrays", "labels", "weights", "readers", "weight_choice")),
        slow="damaged_bytes",
    ),
    "verdicts": Group(
        files=("rtl_gen/simulate.py",),
        tests=("rtl_gen/test_verdict.py", "rtl_gen/test_cli.py"),
        slow="test_cli and not (document_shows and simulate)",
    ),
    "selection": Group(
        files=("sw_ref/train/select.py", "sw_ref/train/reorder.py"),
        tests=("sw_ref/train/test_choice.py", "sw_ref/train/test_reorder.py"),
        slow="lose_less or layers_follow or computes_the_same",
    ),
    "models": Group(
        files=("sw_ref/model.py", "sw_ref/export.py"),
        tests=("sw_ref/test_model.py", "sw_ref/test_export.py"),
    ),
    "checks": Group(
        files=("rtl_gen/synth.py", "rtl_gen/yosys.py", "rtl_gen/targets.py", "rtl_gen/errors.py", "sw_ref/messages.py"),
        tests=(
            *(
                "rtl_gen/test_checks.py",
                "rtl_gen/test_engine_checks.py",
                "rtl_gen/test_targets.py",
                "rtl_gen/test_netlist.py",
            ),
            *("sw_ref/test_messages.py", "rtl_gen/test_cli.py"),
        ),
        slow="makes_no_dsp_block or test_cli and not (document_shows and synth)",
    ),
    "training": Group(
        files=tuple(f"sw_ref/train/{name}.py" for name in ("weights", "straight", "logq", "quantization")),
        tests=tuple(f"sw_ref/train/test_{name}.py" for name in ("weights", "straight", "logq", "steps", "annealing")),
        slow="equal_to_the_numpy and (shape0 or shape3 or shape5) or small_difference",
    ),
}


def run(count: int, seed: int) -> dict[str, Any]:
    found, left = [], []
    units = [{"name": name, "count": count, "seed": seed} for name in GROUPS]
    with places.kept() as store, runner(store, workers=os.cpu_count() or 1) as running:
        for number, tried in running.each(TRIED, units):
            survivors = [describe(*entry) for entry in tried["left"]]
            found.append(summary(units[number]["name"], tried["verdicts"], survivors))
            left += survivors
            print(found[-1], flush=True)
    order = list(GROUPS)
    found.sort(key=lambda entry: order.index(entry["group"]))
    left.sort(key=lambda entry: entry["name"])
    keys = ("mutants", "killed", "endless", "explained", "survivors", "untried")
    totals = {key: sum(entry[key] for entry in found) for key in keys}
    return {"ok": not totals["survivors"] and not totals["untried"], **totals, "found": found, "not_killed": left}


def summary(name: str, verdicts: dict[str, int | None], left: list[dict[str, str | None]]) -> dict[str, Any]:
    """How many mutants of a group were tried, and what became of them; `left`: those that no test found."""
    counts = {
        "killed": sum(verdict in KILLED for verdict in verdicts.values()),
        "endless": sum(verdict in ENDLESS for verdict in verdicts.values()),
        "explained": sum(bool(found["why"]) for found in left),
        "survivors": sum(not found["why"] for found in left),
    }
    tried = sum(counts.values())
    entry = {"group": name, "files": GROUPS[name].files, "mutants": tried, "untried": len(verdicts) - tried}
    return entry | counts


def try_group(*, name: str, count: int, seed: int) -> dict[str, Any]:
    """The `verdicts` on `count` mutants of a group by name, and name and diff of those that no test found, `left`."""
    folder = FOLDER / name
    prepare(GROUPS[name], folder)
    # mutmut writes its mutants before it notices that none has this name.
    mutmut(folder, "run", "none", check=False)
    names = sorted(verdicts_of(folder))
    chosen = set(random.Random(seed).sample(names, min(count, len(names))))
    mutmut(folder, "run", "--max-children", "2", *sorted(chosen))
    # On a busy machine tests may run out of time that would have passed: only a second time counts.
    late = [name for name, verdict in verdicts_of(folder).items() if name in chosen and verdict in ENDLESS]
    if late:
        mutmut(folder, "run", "--max-children", "1", *late)
    verdicts = {name: verdict for name, verdict in verdicts_of(folder).items() if name in chosen}
    survived = [name for name, verdict in verdicts.items() if verdict in NOT_FOUND]
    return {"verdicts": verdicts, "left": list(zip(survived, diffs(folder, survived), strict=True))}


TRIED = Work(
    function=try_group,
    sources=("sw_ref", "hw", "rtl_gen", "verif/sw_ref", "verif/rtl_gen", "verif/campaign/software.py"),
    packages=("mutmut", "numpy", "pytest", "torch"),
)


def prepare(group: Group, folder: Path) -> None:
    """A copy of the rooms with mutmut's options, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "results"))
    options = {
        "source_paths": sorted({path.split("/")[0] for path in group.files}),
        "only_mutate": list(group.files),
        "also_copy": list(ROOMS),
        "pytest_add_cli_args_test_selection": [f"verif/{path}" for path in group.tests],
        "pytest_add_cli_args": ["-k", f"not ({group.slow})"] if group.slow else [],
        "use_git_change_detection": False,
        "process_isolation": "forkserver",
        "timeout_constant": 10,
    }
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in options.items()]
    text = (ROOT / "pyproject.toml").read_text() + "\n[tool.mutmut]\n" + "".join(lines)
    (folder / "pyproject.toml").write_text(text)


def mutmut(folder: Path, *args: str, check: bool = True) -> str:
    """What a command of mutmut prints.  One thread for PyTorch, whose others would spin."""
    command = [sys.executable, "-m", "mutmut", *args]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"mutmut {args[0]}: status {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def verdicts_of(folder: Path) -> dict[str, int | None]:
    """Each mutant's verdict, by name."""
    files = sorted((folder / "mutants").rglob("*.meta"))
    return {name: code for file in files for name, code in json.loads(file.read_text())["exit_code_by_key"].items()}


def diffs(folder: Path, names: list[str]) -> list[str]:
    """What each mutant changes, as lines of a diff."""
    program = "import json, sys; from mutmut.mutation.diff_apply import get_diff_for_mutant as diff; "
    program += "print(json.dumps([diff(name) for name in sys.argv[1:]]))"
    command = [sys.executable, "-c", program, *names]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)


def describe(name: str, diff: str) -> dict[str, str | None]:
    """A mutant by its function and the lines that it changes: its number depends on all of the function."""
    lines = [line for line in diff.splitlines() if re.match(r"[-+](?!--|\+\+)", line)]
    function = re.sub(r"\.x_?ǁ?", ".", re.sub(r"__mutmut_\d+$", "", name)).replace("ǁ", ".")
    change = " -> ".join(" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return {"name": name, "function": function, "change": change, "why": why(function, change)}
