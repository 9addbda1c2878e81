"""The demo, whole; and that it fails when the Verilog is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import __main__ as demo
from demo import hardware
from rtl_gen.simulator import Outcome, simulate_tensor

IMAGES, OUTPUTS, BEATS = 450, {"layer1": 40, "layer2": 20, "layer3": 10}, {"layer1": 46, "layer2": 17, "layer3": 7}


def test_the_verilog_agrees_on_every_image(tmp_path: Path) -> None:
    report = demo.run(tmp_path)
    assert report.ok
    right = report.data["right"]
    assert right["Verilog, R = 15%"] == right["numpy, R = 15%"]
    assert report.data["same_prediction"] == report.data["images"] == IMAGES
    assert right["float"] >= 0.95 * IMAGES
    assert right["Verilog, R = 15%"] >= 0.9 * IMAGES
    latency = demo.CONFIG.latency_cycles
    for name, verdict in report.data["layers"].items():
        assert verdict["mismatches"] == 0
        assert verdict["sums"] == IMAGES * OUTPUTS[name]
        assert verdict["cycles"] == IMAGES * BEATS[name] + latency
    assert list(report.data["resources"]) == ["xilinx", "ice40", "ecp5"]
    assert all(found["dsp"] == 0 < found["luts"] for found in report.data["resources"].values())
    for picture in ("two-word-tiles.png", "weights-and-levels.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_one_wrong_sum_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def off_by_one(build: Any, tensor: Any, acts: Any) -> Outcome:
        outcome = simulate_tensor(build, tensor, acts)
        sums = np.array(outcome.sums)
        sums[3, 1] += 1
        return Outcome(sums=sums, cycles=outcome.cycles, beats=outcome.beats)

    monkeypatch.setattr(hardware, "simulate_tensor", off_by_one)
    monkeypatch.setattr(demo, "start_synthesis", lambda *_: {})
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    monkeypatch.setattr(demo.classifier, "load", _few_images(demo.classifier.load))
    assert demo.main() == 1
    assert "FAIL: 1,400 sums compared, 3 mismatches" in capsys.readouterr().out


def _few_images(load: Any) -> Any:
    def loaded() -> Any:
        digits = load()
        return type(digits)(**{**vars(digits), **{k: getattr(digits, k)[:20] for k in ("test_images", "test_labels")}})

    return loaded


def test_a_missing_simulator_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(*_: Any) -> Outcome:
        raise demo.CheckError("iverilog is not installed; to install it: apt-get install iverilog")

    monkeypatch.setattr(hardware, "simulate_tensor", missing)
    monkeypatch.setattr(demo, "start_synthesis", lambda *_: {})
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    assert demo.main() == 1
    said = capsys.readouterr()
    assert said.err == "demo: iverilog is not installed; to install it: apt-get install iverilog\n"
