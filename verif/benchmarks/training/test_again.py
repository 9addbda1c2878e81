"""Runs that are done again: what may differ, what may not, and the exit status."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.training.again import compared, main
from benchmarks.training.results import read
from verif.campaign.record import ROOT

RESULT: dict[str, Any] = {
    "run": {"task": "classify", "network": "residual", "method": "stlq", "ratio": 0.15, "seed": 0},
    "command": "as typed",
    "code": "one",
    "result": {"test": {"accuracy": 90.0}},
    "cycles": 7,
    "seconds": 3.5,
    "history": [{"epoch": 1, "loss": 0.5, "v_norm": 0.0, "share_left": 0.0, "seconds": 1.2}],
}
NAME = "classify-residual-stlq-r15-seed0"


def changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(RESULT) | fields


def write(folder: Path, *results: dict[str, Any]) -> Path:
    (folder / "runs").mkdir(parents=True)
    lines = "".join(json.dumps(result) + "\n" for result in results)
    (folder / "runs/classify-residual.jsonl").write_text(lines)
    return folder


@pytest.mark.parametrize(
    ("fields", "same_code", "differing"),
    [
        ({"seconds": 9.0, "command": "otherwise"}, True, []),
        ({"history": [RESULT["history"][0] | {"seconds": 9.9}]}, True, []),
        ({"history": [RESULT["history"][0] | {"loss": 0.5000000000000001}]}, True, ["history"]),
        ({"result": {"test": {"accuracy": 90.00000000000001}}}, True, ["result"]),
        ({"history": [dict(sorted(RESULT["history"][0].items()))]}, True, []),
        ({"cycles": 7.0}, True, ["cycles"]),
        ({"integers": {}}, True, ["integers"]),
        ({"code": "two"}, False, []),
        ({"code": "two", "integers": {}}, False, []),
        ({"code": "two", "cycles": 8, "split": {}}, False, ["cycles"]),
        ({"run": RESULT["run"] | {"epochs": 3}}, True, ["run"]),
    ],
)
def test_only_time_command_and_code_may_differ(fields: dict[str, Any], same_code: bool, differing: list[str]) -> None:
    assert compared(RESULT, changed(**fields)) == {"same_code": same_code, "differing": differing}


def test_a_field_that_was_recorded_has_to_come_back() -> None:
    fewer = {name: value for name, value in RESULT.items() if name != "cycles"}
    assert compared(RESULT, fewer)["differing"] == ["cycles"]
    assert compared(RESULT, fewer | {"code": "two"})["differing"] == ["cycles"]


def test_the_command_says_which_runs_differ(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    other = changed(run=RESULT["run"] | {"seed": 1})
    recorded = write(tmp_path / "recorded", RESULT, other)
    same = write(tmp_path / "same", changed(seconds=1.0))
    assert main([str(recorded), str(same)]) == 0
    line = {"run": NAME, "same_code": True, "differing": []}
    assert [json.loads(text) for text in capsys.readouterr().out.splitlines()] == [line]
    off = write(tmp_path / "off", RESULT, other | {"cycles": 8})
    assert main([str(recorded), str(off)]) == 1
    said = capsys.readouterr()
    assert [json.loads(text)["differing"] for text in said.out.splitlines()] == [[], ["cycles"]]
    assert said.err == "error: 1 runs differ from what was recorded\n"


def test_runs_that_were_not_recorded_are_bad_use(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recorded = write(tmp_path / "recorded", RESULT)
    unknown = write(tmp_path / "unknown", changed(run=RESULT["run"] | {"seed": 5}))
    assert main([str(recorded), str(unknown)]) == 2
    path = recorded / "runs/classify-residual.jsonl"
    name = NAME.replace("seed0", "seed5")
    assert capsys.readouterr().err == f"error: {name} is not in {path}; allowed: runs that were recorded\n"
    assert main([str(recorded), str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'runs'} holds no results; allowed: ")
    (unknown / "runs/classify-residual.jsonl").write_text("{}\n")
    assert main([str(recorded), str(unknown)]) == 2
    assert "line 1 holds no result of a run" in capsys.readouterr().err


def test_recorded_runs_came_back() -> None:
    lines = [json.loads(text) for text in (ROOT / "benchmarks/training/results/again.jsonl").read_text().splitlines()]
    recorded = (ROOT / "benchmarks/frontier/results/training/runs").glob("*.jsonl")
    known = {name for path in recorded for name in read(path)}
    names = {line["run"] for line in lines}
    assert len(names) == len(lines) >= 20
    assert names <= known
    assert [line for line in lines if line["differing"]] == []
