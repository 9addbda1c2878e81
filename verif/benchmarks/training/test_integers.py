"""The program that scores networks in integers: the golden scores what the model in integers does."""

from pathlib import Path

import pytest

from benchmarks.training.integers import measure
from benchmarks.training.spec import Run
from benchmarks.training.tasks import TASKS
from sw_ref.network import load_network
from verif.benchmarks.training.tiny import Tiny


def test_the_golden_scores_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", Tiny())
    run = Run(task="tiny", network="plain", method="stlq", tile=(8, 8))
    facts = measure(run, tmp_path / "floats", tmp_path, epochs=2, share=0.5)
    assert (facts["network"], facts["seed"], facts["method"]) == ("plain", 0, "stlq")
    assert facts["golden"] == pytest.approx(facts["integers"], rel=1e-5)
    assert facts["integers"] != facts["snapped"]
    network = load_network(tmp_path / "tiny-plain-seed0.safetensors")
    assert [node.op for node in network.nodes] == ["conv", "conv", "flatten", "linear"]
