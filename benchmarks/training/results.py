"""The results of runs: one JSON line each, in one file per network of a task (`TASK-NETWORK.jsonl`)."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.training.spec import Run, name_of
from sw_ref.files import write_atomically

PLOTTED = ("epoch", "loss", "v_norm", "share_left")
"""Facts of each epoch that the plots show."""


@dataclass
class Results:
    """The results in a folder.  Lines are added whole or not at all, also by several campaigns at once."""

    folder: Path
    _read: dict[Path, tuple[object, dict[str, dict[str, Any]]]] = field(default_factory=dict, repr=False)

    def path(self, run: Run) -> Path:
        """The file that holds the run's result, or will."""
        return self.folder / f"{run.task}-{run.network}.jsonl"

    def find(self, run: Run) -> dict[str, Any] | None:
        """The result of a run, None if it is not there; ``ValueError`` for a file with anything else in it."""
        path = self.path(run)
        if not path.exists():
            return None
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size, state.st_ino)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, read(path))
        return self._read[path][1].get(run.name)

    def add(self, run: Run, line: bytes) -> None:
        """Keep the result of a run: `line` is its JSON text, which ends with the only line feed."""
        path = self.path(run)
        self.folder.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder):
            before = path.read_bytes() if path.exists() else b""
            write_atomically(path, before + line)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The results in a file by the names of their runs; ``ValueError`` with the first line that holds none."""
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        try:
            result = json.loads(line)
            about, metrics = result["run"], result["result"]["test"]
            numbers = [*metrics.values(), result["cycles"], *(e[key] for e in result["history"] for key in PLOTTED)]
            name = name_of(about["task"], about["network"], about["method"], about["ratio"], about["seed"])
            whole = line.endswith("\n") and metrics and all(isinstance(value, (int, float)) for value in numbers)
        except (AttributeError, KeyError, TypeError, ValueError):
            name, result, whole = "", {}, False
        if not whole:
            raise ValueError(f"{path}: line {number} holds no result of a run; allowed: whole lines, or no file")
        if name in found:
            raise ValueError(f"{path}: line {number} is another result of {name}; allowed: one")
        found[name] = result
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other campaign writes in `folder`, and keep others out."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
