"""Mutants of the engine: single faults in the source of each part that change its design, and what its tests say.

They run in a copy of the project, as those of the campaign `software`. What is found is kept in ``build/engine``,
by the design that a mutant makes. So a run goes on where the last one stopped, and a comment changes nothing.
"""

import ast
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from verif.campaign.record import ROOT
from verif.campaign.software import Group, describe, prepare

SUMMARY = "single faults in the source of the engine that change its design: each must be found by a test, or explained"
COUNT = 56  # designs of each group, at most; a quarter where the tests run the whole engine
FOLDER = ROOT / "build" / "engine"
FOUND, NO_MUTANT = ("killed", "endless"), ("same", "again", "no design")
"""Verdicts of :mod:`verif.campaign.trials`: a test has found a mutant; its design is none, or not one of its own."""
KEPT = (*FOUND, "survived", "same", "no design")
"""Verdicts that hold as long as design and tests are the same."""
WIDER = re.compile(r"^\+.*\b(In|Out)\([2-9]\)", re.MULTILINE)
"""A port that has a bit more: what drives it is as wide as before, so no test could find it."""
WHOLE = tuple(f"test_engine.py::test_every_tensor_and_every_cycle[{case}]" for case in ("1-0", "3-30"))
ONE_PORT = "test_engine.py::test_a_memory_with_one_port_gives_the_same_in_the_cycles_that_it_needs[right]"
SPRAM = "test_memories.py::test_a_large_memory_with_one_port_is_spram"
POOL = "test_codes.py::test_each_window_gives_its_largest_codes[3-2-1]"
FLAGS = "test_codes.py::test_flags_of_an_earlier_job_do_not_count_before_a_convolution"
TABLE = "test_codes.py::test_codes_go_through_the_table_of_their_job[16]"


def part(*names: str, tests: tuple[str, ...], of: tuple[str, ...] = ()) -> Group:
    """A group of files of the engine; `of`: those whose components have what is in these."""
    return Group(
        files=tuple(f"hw/engine/{name}.py" for name in names),
        tests=tuple(f"hw/engine/{name}" for name in tests),
        slow="broken or lost",
        parts=tuple(f"hw/engine/{name}.py" for name in of),
    )


GROUPS = {
    "address": part("address", tests=("test_address.py",)),
    "cells": part("cells", tests=("test_memory.py", SPRAM), of=("memory",)),
    "columns": part("columns", tests=("test_columns.py",)),
    "memory": part("memory", tests=("test_memory.py", SPRAM)),
    "chunk": part("chunk", tests=("test_requantizer.py",), of=("requantizer",)),
    "delay": part("delay", tests=("test_transfers.py",), of=("transfers",)),
    "events": part("events", tests=("test_events.py",)),
    "follow": part("follow", tests=("test_walk.py", "test_tables.py"), of=("walk", "tables")),
    "groups": part("groups", tests=("test_loader.py",)),
    "inputs": part("inputs", tests=("test_inputs.py",)),
    "intake": part("intake", tests=("test_loader.py",)),
    "loader": part("loader", tests=("test_loader.py",)),
    "loops": part("loops", tests=("test_loops.py",), of=("address", "sequencer")),
    "outputs": part("outputs", tests=("test_outputs.py",)),
    "requantizer": part("requantizer", tests=("test_requantizer.py",)),
    "kept": part("kept", tests=("test_requantizer_lane.py", "test_tables.py"), of=("requantizer_lane", "tables")),
    "lane": part("requantizer_lane", tests=("test_requantizer_lane.py",)),
    "reserve": part("reserve", tests=("test_reserve.py",)),
    "section": part("section", tests=("test_loader.py",), of=("loader", "groups")),
    "sequencer": part("sequencer", tests=("test_sequencer.py",)),
    "store": part("store", tests=("test_store.py",)),
    "tables": part("tables", tests=("test_tables.py",)),
    "tiles": part("tiles", tests=("test_loader.py",)),
    "transfers": part("transfers", tests=("test_transfers.py",)),
    "verdict": part("verdict", tests=("test_loader.py",), of=("loader",)),
    "walk": part("walk", tests=("test_walk.py",)),
    "weights": part("weights", tests=("test_weights.py",)),
    "window": part("window", tests=("test_window.py",)),
    "writer": part("writer", tests=("test_writer.py",)),
    "engine": part("engine", tests=(*WHOLE, ONE_PORT, FLAGS)),
    "results": part("results", tests=(*WHOLE, ONE_PORT, POOL, TABLE)),
    "formats": part(
        *("config", "latency", "encoding", "layouts"),
        tests=("test_config.py", "test_loader.py", WHOLE[0]),
        of=("loader", "groups", "outputs", "requantizer"),
    ),
}


def run(count: int, seed: int, names: Iterable[str] = GROUPS) -> dict[str, Any]:
    found, left = [], []
    for name, tried in groupby(trials({name: GROUPS[name] for name in names}, count, seed), itemgetter("group")):
        right, *entries = tried
        survivors = [
            {**describe(entry["name"], entry["change"]), "verdict": entry["verdict"]}
            for entry in entries
            if entry["verdict"] not in (*FOUND, *NO_MUTANT)
        ]
        counts = summary(Counter(entry["verdict"] for entry in entries), survivors)
        found.append({"group": name, "files": GROUPS[name].files, "design": right["design"], **counts})
        left += survivors
        print(found[-1], *(entry for entry in survivors if not entry["why"]), sep="\n", flush=True)
    totals = {key: sum(entry[key] for entry in found) for key in found[0] if key not in ("group", "files", "design")}
    return {"ok": not totals["survivors"], **totals, "found": found, "not_killed": left}


def summary(verdicts: Counter[str], left: list[dict[str, str | None]]) -> dict[str, int]:
    """How many mutants have designs of their own, and what became of them; `left`: those that no test found."""
    return {
        "mutants": sum(verdicts[name] for name in FOUND) + len(left),
        **{name: verdicts[name] for name in FOUND},
        "explained": sum(bool(entry["why"]) for entry in left),
        "survivors": sum(not entry["why"] for entry in left),
        **{name.replace(" ", "_"): verdicts[name] for name in NO_MUTANT},
    }


def trials(groups: dict[str, Group], count: int, seed: int) -> Iterator[dict[str, str]]:
    """What became of one mutant after the other, group by group: its name, what it changes, its design, the verdict.

    Each group begins with the right design, which has no name.
    """
    files = tuple(dict.fromkeys(path for group in groups.values() for path in group.files))
    prepare(Group(files=files, tests=()), FOLDER / "copy")
    done = subprocess.run(program("mutate", *files), cwd=FOLDER / "copy", capture_output=True, text=True, check=True)
    changes: dict[str, str] = json.loads(done.stdout)
    known = {name: Known(FOLDER / f"{name}.jsonl", group) for name, group in groups.items()}
    jobs = {name: job(group, changes, count, seed) | {"known": known[name].verdicts} for name, group in groups.items()}
    for entry in tried(jobs):
        if entry["verdict"] in KEPT and "design" in entry:
            known[entry["group"]].add(entry["design"], entry["verdict"])
        yield {**entry, "change": changes.get(entry["name"], "")}


def job(group: Group, changes: dict[str, str], count: int, seed: int) -> dict[str, Any]:
    """What the program `trials` is told of a group."""
    modules = [path.removesuffix(".py").replace("/", ".") for path in group.files]
    names = sorted(name for name in changes if name.rpartition(".")[0] in modules and not WIDER.search(changes[name]))
    random.Random(seed).shuffle(names)
    files = group.parts or group.files
    count = count // 4 if is_whole(group) else count
    return {"names": names, "count": count, "files": files, "tests": group.tests, "slow": group.slow}


def tried(jobs: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The lines of the program `trials`."""
    folder = FOLDER / "copy"
    (folder / "jobs.json").write_text(json.dumps(jobs))
    # A thread for numpy, as mutants are tried side by side; and no plugins, which pytest would look for each time.
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with (
        (folder / "stderr.txt").open("wb") as stderr,
        subprocess.Popen(
            program("trials"), cwd=folder, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise RuntimeError(f"trials: status {process.returncode}; {folder}/stderr.txt says why")


def program(name: str, *args: str) -> list[str]:
    return [sys.executable, "-m", f"verif.campaign.{name}", *args]


class Known:
    """The verdicts of earlier runs with the same tests, by the digest of the design."""

    def __init__(self, path: Path, group: Group):
        self.verdicts: dict[str, str] = {}
        self._path = path
        head = json.dumps({"tests": tests_of(group)})
        lines = path.read_text().splitlines() if path.is_file() else []
        if lines[:1] == [head]:
            self.verdicts = dict(json.loads(line) for line in lines[1:])
        else:
            path.write_text(head + "\n")

    def add(self, design: str, verdict: str) -> None:
        if design not in self.verdicts:
            with self._path.open("a") as file:
                file.write(json.dumps([design, verdict]) + "\n")


def is_whole(group: Group) -> bool:
    """Whether a group's tests run the whole engine."""
    return not {*WHOLE, ONE_PORT, FLAGS, POOL, TABLE}.isdisjoint(Path(test).name for test in group.tests)


def tests_of(group: Group) -> str:
    """A digest of a group's tests, without their comments; of the whole engine, if that is what they run."""
    files = {ROOT / "verif" / test.split("::")[0] for test in group.tests}
    if is_whole(group):
        files |= {*(ROOT / "hw" / "engine").glob("*.py"), ROOT / "verif" / "hw" / "engine" / "bench.v"}
    digest = hashlib.sha256()
    for path in sorted(files):
        text = path.read_text()
        digest.update((ast.dump(ast.parse(text)) if path.suffix == ".py" else text).encode())
    return digest.hexdigest()
