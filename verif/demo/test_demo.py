"""The demo on one image, without synthesis; and that it fails when the Verilog is wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import __main__ as demo
from demo import digits
from demo.digits import Digits
from demo.network import highest, read_in_float
from rtl_gen import run as run_command
from rtl_gen.commands import Commands, line
from rtl_gen.engine_simulator import EngineRun, EngineSimulation
from rtl_gen.errors import CheckError
from rtl_gen.report import Report

IMAGES, LAYERS = 1, ("conv1", "conv2", "conv3", "conv4", "linear")


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A demo that went well: what was made, the report, and what the Verilog did in each run of the simulator."""

    made: demo.Made
    test: Digits
    report: Report
    runs: list[EngineRun]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    runs: list[EngineRun] = []
    call = EngineSimulation.__call__

    def recorded(self: EngineSimulation, *arguments: Any) -> EngineRun:
        runs.append(call(self, *arguments))
        return runs[-1]

    _, every = digits.load()
    test = Digits(images=every.images[:IMAGES], labels=every.labels[:IMAGES])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "RATIOS", (demo.RATIO,))
        patch.setattr(EngineSimulation, "__call__", recorded)
        made = demo.make(tmp_path_factory.mktemp("demo"), test)
        report = demo.measure(made, test, sim="icarus", targets=())
    return Whole(made=made, test=test, report=report, runs=runs)


def test_the_verilog_agrees(whole: Whole) -> None:
    data = whole.report.data
    assert whole.report.ok
    assert data["images"] == data["same_prediction"] == data["run"]["images"] == IMAGES
    assert data["run"]["mismatches"] == data["run"]["images_with_other_cycles"] == 0
    # Input, four convolutions, mean, and the scores twice: as they are written, and as they come out.
    assert data["run"]["codes"] >= IMAGES * (64 + 512 + 3 * 256 + 16 + 2 * 10)
    assert set(LAYERS) <= {layer["name"] for layer in data["run"]["layers"]}
    assert all(layer["predicted"] == layer["simulated"] > 0 for layer in data["run"]["layers"])
    assert data["right"]["Verilog, R = 15%"] == data["right"]["integers, R = 15%"]
    for picture in ("timeline.png", "two-word-tiles.png", "wrong-digits.png"):
        assert (whole.made.folder / picture).read_bytes().startswith(b"\x89PNG")


def test_the_commands_are_shown(whole: Whole) -> None:
    assert [line.split()[:2] for line in whole.report.data["commands"]] == [
        ["stlq", "convert"],
        ["stlq", "compile"],
        ["stlq", "run"],
    ]
    assert all(line in whole.report.parts for line in whole.report.data["commands"])
    # A line break would be shown as text, as those in names from files are.
    assert [part for part in whole.report.parts if isinstance(part, str) and "\n" in part] == []


def test_the_float_network_reads_digits() -> None:
    _, test = digits.load()
    assert np.count_nonzero(read_in_float(test.images) == test.labels) >= 0.97 * len(test.labels) == 0.97 * 450


def test_of_equal_scores_the_first_is_read() -> None:
    assert highest(np.array([[1, 7, 7], [5, 0, 2]])[:, :, None, None]).tolist() == [1, 0]


def replayed(monkeypatch: pytest.MonkeyPatch, whole: Whole, *runs: EngineRun, targets: Sequence[str] = ()) -> Report:
    """The demo again on the same engine, with a Verilog that does this."""
    left = iter(runs)

    @contextmanager
    def simulation(*_: Any, **__: Any) -> Iterator[Any]:
        yield lambda *_: next(left)

    monkeypatch.setattr(run_command, "engine_simulation", simulation)
    for name in ("draw_tiles", "draw_wrong"):
        monkeypatch.setattr(demo.pictures, name, lambda *_: None)
    report = demo.measure(whole.made, whole.test, sim="icarus", targets=targets)
    assert list(left) == []
    return report


def test_what_is_replayed_is_what_was_simulated(monkeypatch: pytest.MonkeyPatch, whole: Whole) -> None:
    assert replayed(monkeypatch, whole, *whole.runs).data["run"] == whole.report.data["run"]


def test_each_target_has_an_engine_made_for_it(monkeypatch: pytest.MonkeyPatch, whole: Whole) -> None:
    monkeypatch.setattr(demo, "synthesize", lambda build, target: {"resources": {"luts": build.array.choices}})
    again = replace(whole, made=replace(whole.made, stlq=Commands()))
    report = replayed(monkeypatch, again, *whole.runs, targets=demo.TARGETS)
    assert report.data["resources"] == {"xilinx": {"luts": 4}, "ecp5": {"luts": 1}}
    folder = whole.made.folder
    compiled, _, *synthesized = report.data["commands"]
    network, engines = folder / "digits-r15.safetensors", {"xilinx": folder / "engine", "ecp5": folder / "engine-ecp5"}
    assert compiled == line("compile", network, "--for", "ecp5", "--out", engines["ecp5"])
    assert synthesized == [line("synth", engine, "--target", target) for target, engine in engines.items()]


def test_one_wrong_code_fails_the_demo(monkeypatch: pytest.MonkeyPatch, whole: Whole) -> None:
    *before, last = whole.runs
    words = np.array(last.words)
    # A lane beyond the layer's channels would be none of the tensor's; the first one always is.
    words[np.flatnonzero(last.masks[:, 0])[-1], 0] ^= 1
    report = replayed(monkeypatch, whole, *before, replace(last, words=words))
    assert not report.ok
    assert report.data["run"]["mismatches"] == 1
    assert str(report.parts[-1]).startswith("FAIL: ")


def test_one_cycle_too_many_fails_the_demo(monkeypatch: pytest.MonkeyPatch, whole: Whole) -> None:
    *before, last = whole.runs
    report = replayed(monkeypatch, whole, *before, replace(last, ends=[end + 1 for end in last.ends]))
    assert not report.ok
    assert f"{IMAGES - 1} of {IMAGES} images took the cycles predicted" in str(report.parts[-1])


def test_another_digit_fails_the_demo(monkeypatch: pytest.MonkeyPatch, whole: Whole) -> None:
    # Had the comparison of codes a hole, the predictions would show it.
    monkeypatch.setattr(demo, "read_in_integers", lambda network, images: np.array([-1] * len(images)))
    report = replayed(monkeypatch, whole, *whole.runs)
    assert not report.ok
    assert f"0 of {IMAGES} predictions" in str(report.parts[-1])


def test_a_missing_simulator_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: Any, **__: Any) -> Report:
        raise CheckError("g++ is not installed; to install it: apt-get install g++")

    monkeypatch.setattr(demo, "make", missing)
    assert demo.main() == 1
    assert capsys.readouterr().err == "demo: g++ is not installed; to install it: apt-get install g++\n"
