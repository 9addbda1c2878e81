"""A stand-in for Yosys, so that tests of what `synth` makes of its counts take no time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hw.config import ArrayConfig
from rtl_gen import synth, tools
from rtl_gen.errors import CheckError
from rtl_gen.manifest import Build
from sw_ref.format import StlqFormat

CONFIG = ArrayConfig(format=StlqFormat(act_signed=False), pe=3, lanes=2)
BEFORE = {"$add": 7, "$dff": 5}
CELLS = {"LUT6": 16, "LUT2": 8, "INV": 4, "FDRE": 32, "CARRY4": 8, "MUXF7": 4}


class Yosys:
    """In place of Yosys: writes the statistics that it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.before: dict[str, Any] = {"num_cells_by_type": BEFORE}
        self.after: dict[str, Any] = {"num_cells_by_type": CELLS}
        self.modules: dict[str, Any] = {}
        self.memories = ""
        self.log: bytes | None = None
        self.error: CheckError | None = None
        self.files: dict[str, str] = {}
        self.command: list[str] = []
        self.commands: list[list[str]] = []
        self.asked: str | None = None

    def run(self, command: list[str], *, folder: Path, log: str) -> str:
        self.command, self.asked = command, log
        self.files = {path.name: path.read_text() for path in folder.iterdir()}
        if self.log is not None:
            (folder / log).write_bytes(self.log)
        if self.error is not None:
            raise self.error
        for name, design in (("before.json", self.before), ("after.json", self.after)):
            if design:
                (folder / name).write_text(json.dumps({"design": design, "modules": self.modules}))
        (folder / "memories.il").write_text(self.memories)
        self.commands.append(command)
        return ""

    @property
    def script(self) -> list[str]:
        return self.command[-1].split("; ")


@pytest.fixture
def yosys(monkeypatch: pytest.MonkeyPatch) -> Yosys:
    """Takes the place of Yosys in this process."""
    made = Yosys()
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(tools, "find", lambda program: f"/bin/{program}")
    monkeypatch.setattr(synth, "load_design", lambda folder: Build(Path(folder), CONFIG, "module m;", "stlq_array.v"))
    return made


@pytest.fixture
def said(run: Callable[..., Any], tmp_path: Path) -> Callable[..., str]:
    """The one line with which `synth` refuses, with the given status; nothing is written."""

    def refused(*options: object, status: int = 1) -> str:
        ran = run("synth", tmp_path, *options)
        assert (ran.status, ran.out) == (status, ""), ran
        assert not list(tmp_path.glob("synth-*"))
        return ran.err.removeprefix("stlq: ").rstrip("\n")

    return refused
