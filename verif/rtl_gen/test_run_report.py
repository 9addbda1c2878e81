"""The verdict on an engine's cycles, from runs made by hand: no simulator."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from rtl_gen import inference, run_report
from rtl_gen.compare import Comparison
from rtl_gen.compiler.cycles import predict, predict_end
from rtl_gen.design import load_design
from rtl_gen.engine_build import EngineBuild
from rtl_gen.engine_simulator import EngineRun
from rtl_gen.errors import CheckError
from rtl_gen.inference import Task, Verdict, _cycles, run_images
from rtl_gen.manifest import verilog_name
from rtl_gen.report import Report, Table
from rtl_gen.testbench import Stalls
from verif.rtl_gen.compiler.networks import random_network
from verif.rtl_gen.test_compile import CONFIG, SEED

BUILD = EngineBuild(folder=Path("engine"), config=CONFIG, contents={verilog_name(CONFIG): b"module"})


@pytest.fixture(scope="module")
def task() -> Task:
    return Task.of(random_network(CONFIG, np.random.default_rng(SEED)), CONFIG)


@pytest.fixture(scope="module")
def right(task: Task) -> EngineRun:
    """Two inferences as predicted: the first word comes in cycle 7, those of the second program when they can."""
    starts = [timing.start for timing in predict(CONFIG, task.compiled.jobs)]
    end = predict_end(CONFIG, task.compiled.jobs)
    origins = [8, 8 + end]
    nothing = np.empty(0, np.int64)
    return EngineRun(
        begins=[7, 8 + end - 20],
        ends=[origin + end for origin in origins],
        starts=[origin + start for origin in origins for start in starts],
        addresses=nothing,
        masks=nothing,
        words=nothing,
        outputs=nothing,
        lasts=nothing,
        stopped=0,
    )


def verdict(task: Task, run: EngineRun) -> Verdict:
    return Verdict(outputs={}, cycles=_cycles(task, run))


def reported(task: Task, found: Verdict, **options: Any) -> Report:
    args = argparse.Namespace(
        **{"build": BUILD.folder, "sim": "icarus", "stalls": 0, "seed": 1, "waves": None} | options
    )
    return run_report.report(args, BUILD, task, found, {"c": np.zeros((2, 3))}, None)


def test_all_cycles_as_predicted(task: Task, right: EngineRun) -> None:
    assert task.cycles[0] == task.layers[0].start > 0
    assert sum(task.cycles) == predict_end(CONFIG, task.compiled.jobs)
    found = verdict(task, right)
    assert found.cycles == [task.cycles, task.cycles]
    assert found.late(task) == []
    report = reported(task, found)
    assert report.ok
    assert report.data["before_layers"] == {"predicted": task.cycles[0], "simulated": task.cycles[0]}
    assert report.data["images_with_other_cycles"] == 0
    total = f"{sum(task.cycles):,}"
    (table,) = (part for part in report.parts if isinstance(part, Table))
    rows = table.rows
    assert rows[0] == ("before the first layer", str(task.cycles[0]), str(task.cycles[0]))
    assert rows[-1] == ("inference", total, total)


@pytest.mark.parametrize("stopped", [0, 3])
def test_an_engine_that_gave_up_is_counted(
    task: Task, right: EngineRun, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    monkeypatch.setattr(inference, "compare_writes", lambda *_: Comparison(codes=1, mismatches=0, astray=0, first=None))
    monkeypatch.setattr(inference, "read_outputs", lambda *_: {})
    images = {"in": np.zeros((2, *task.network.tensors["in"].shape), np.uint8)}
    found, simulate = Verdict(outputs={}), Mock(return_value=replace(right, stopped=stopped))
    run_images(task, simulate, images, Stalls(), found)
    assert (found.stopped, found.right) == (stopped, stopped == 0)


def moved(run: EngineRun, at: int) -> EngineRun:
    """A job starts a cycle later."""
    return replace(run, starts=[start + (number == at) for number, start in enumerate(run.starts)])


def test_other_cycles_before_the_first_layer(task: Task, right: EngineRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first image or another: the run fails, unless streams paused."""
    monkeypatch.setattr(run_report, "engine_text", lambda config: "module")
    jobs = len(task.compiled.jobs)
    for run, late in ((replace(right, begins=[6, 0]), 0), (moved(right, 0), 0), (moved(right, jobs), 1)):
        found = verdict(task, run)
        assert [cycles == task.cycles for cycles in found.cycles] == [late == 1, late == 0]
        report = reported(task, found)
        assert not report.ok
        before = report.data["before_layers"]
        assert before["simulated"] == before["predicted"] + 1
        assert report.parts[1:] == [
            "1 image took other cycles than predicted",
            "FAIL: 2 images, 0 codes compared, 0 mismatches, 0 writes astray (stalls 0 %)",
        ]
        assert reported(task, found, stalls=10).ok


def golden(outputs: dict[str, Any], labels: Any = None, out: Path | None = None) -> list[Any]:
    """What is reported of the golden execution."""
    args = argparse.Namespace(sim="golden", stalls=0, seed=1, waves=None, out=out)
    return run_report.report(args, BUILD, Mock(), Verdict(outputs={}), outputs, labels).parts


def test_the_golden_shows_classes_and_where_the_codes_are() -> None:
    codes = np.array([[3, 200, 9], [255, 0, 1]] * 11, np.uint8).reshape(22, 3, 1, 1)
    keeps, shown = "--out FILE keeps the codes", "class of each image, its highest code of c: "
    assert golden({"c": codes[:2]}) == [f"{shown}1, 0", keeps]
    assert golden({"c": codes[:20]}) == [shown + ", ".join(["1, 0"] * 10), keeps]
    assert golden({"c": codes}) == [shown + ", ".join(["1, 0"] * 10) + ", ... of 22 images", keeps]
    right = [f"{shown}1, 0, 1", "the codes are in y.npy", "accuracy: 2 of 3, 66.67% (from the outputs of golden)"]
    assert golden({"c": codes[:3]}, np.array([1, 0, 0]), Path("y.npy")) == right


def test_the_golden_shows_the_range_of_what_has_no_classes() -> None:
    one, rows = np.full((2, 1, 1, 1), 7, np.uint8), np.arange(12, dtype=np.uint16).reshape(1, 2, 3, 2)
    assert golden({"a": one, "b": rows})[:2] == [
        "a: 2 x 1 x 1 x 1 codes from 7 to 7",
        "b: 1 x 2 x 3 x 2 codes from 0 to 11",
    ]


def fails(config: object) -> str:
    raise CheckError("no Yosys")


@pytest.mark.parametrize(
    ("text", "said"), [(lambda config: "other", True), (lambda config: "module", False), (fails, False)]
)
def test_the_verilog_of_another_version_is_named(
    task: Task, right: EngineRun, monkeypatch: pytest.MonkeyPatch, text: Callable[[object], str], said: bool
) -> None:
    line = "engine/stlq_engine.v was made by another version of stlq; compile the network again"
    monkeypatch.setattr(run_report, "engine_text", text)
    assert (line in reported(task, verdict(task, moved(right, 1))).parts) == said
    wrong = replace(verdict(task, right), mismatches=1)
    assert (line in reported(task, wrong).parts) == said
    assert line not in reported(task, verdict(task, right)).parts


def test_a_manifest_is_read_once(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, original = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *rest: read.append(path.name) or original(path, *rest))
    assert load_design(build).kind == "array"
    assert read == ["manifest.json"]
