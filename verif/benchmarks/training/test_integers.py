"""A run ends in integers: the golden of its network file scores what the model does, and has all of its codes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.training import integers
from benchmarks.training import run as run_module
from benchmarks.training.run import LAST, Setting, calibration, perform, pretrained, put_on
from benchmarks.training.spec import Run
from benchmarks.training.tasks import TASKS
from benchmarks.training.variants import MULTIPLIERS, applied
from sw_ref.export import load_export
from sw_ref.network import execute, quantize
from sw_ref.train import Integers, to_integers
from verif.benchmarks.training.tiny import Tiny


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", Tiny())


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Integers]:
    """The models in integers of the runs of a test."""
    made: list[Integers] = []

    def kept(*arguments):
        made.append(to_integers(*arguments))
        return made[-1]

    monkeypatch.setattr(run_module, "to_integers", kept)
    return made


def test_the_golden_has_every_code_and_the_score(tmp_path: Path, ended: list[Integers]) -> None:
    run = Run(task="tiny", method="stlq", rate=0.02)
    facts = integers.measure(run, tmp_path / "floats", tmp_path)
    assert (facts["network"], facts["seed"], facts["method"], facts["ratio"]) == ("plain", 0, "stlq", 0.15)
    assert facts["golden"] == pytest.approx(facts["integers"], rel=1e-5)
    assert len({facts[name] for name in ("float", "trained", "at_once", "integers")}) == 4
    network = load_export(tmp_path / "two-term" / run.name).integers
    assert network is not None
    assert [node.op for node in network.nodes] == ["conv", "conv", "flatten", "linear"]
    inputs = torch.cat(calibration(run)) * 1.5
    golden = execute(network, quantize(network, {"input_0": inputs.numpy()}), keep=network.tensors)
    codes = ended[0].codes(inputs)
    assert golden.keys() == codes.keys()
    assert all(np.array_equal(golden[name], codes[name].numpy()) for name in golden)
    assert integers.measure(run, tmp_path / "floats", tmp_path) == facts
    assert len(ended) == 1, "a run that has ended is not done again"


@pytest.mark.parametrize("kind", ["16-bit", "power"])
def test_other_multipliers_share_the_fine_tuning(tmp_path: Path, kind: str) -> None:
    run = Run(task="tiny", method="no-v")
    ours, others = (integers.measure(run, tmp_path / "floats", tmp_path, name) for name in ("two-term", kind))
    assert (ours["multipliers"], others["multipliers"]) == ("two-term", kind)
    assert (ours["float"], ours["trained"]) == (others["float"], others["trained"])
    assert others["golden"] == pytest.approx(others["integers"], rel=1e-5)
    with applied(MULTIPLIERS[kind]):
        network = load_export(tmp_path / kind / run.name).integers
    assert network is not None
    found = np.concatenate([node.requantizer.multiplier for node in network.nodes if node.requantizer is not None])
    powers = (found & (found - 1)) == 0
    assert powers.all() == (kind == "power")
    assert (found >= 1 << 15).all() == (kind == "16-bit")


@pytest.mark.parametrize(("method", "epochs"), [("ptq", 0), ("filter-threshold", Tiny.last_epochs), ("float", None)])
def test_what_does_not_train_is_put_into_integers_at_once(tmp_path: Path, method: str, epochs: int | None) -> None:
    result = perform(Run(task="tiny", method=method), tmp_path / "out", Setting(floats=tmp_path))
    ends = result.get("integers", {})
    assert ends.get("epochs") == epochs
    assert (tmp_path / "out" / "integers.safetensors").exists() == (epochs is not None)
    assert (tmp_path / "out" / LAST).exists() == bool(epochs)
    if epochs == 0:
        assert ends["at_once"] == ends["result"]


def test_a_model_that_no_network_in_integers_can_be_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Tiny()
    monkeypatch.setattr(task, "networks", {"plain": lambda: nn.Sequential(Tiny.networks["plain"](), nn.Softmax(-1))})
    monkeypatch.setitem(TASKS, "tiny", task)
    run = Run(task="tiny", method="stlq")
    model = pretrained(run, Setting(floats=tmp_path))
    with pytest.raises(ValueError, match=r"^Softmax 1: no operator of the integer network does it$"):
        put_on(run, model)


@pytest.mark.parametrize(("method", "ratio"), [("two-word", 1.0), ("stlq", 0.15)])
def test_a_line_has_the_ratio_that_the_method_runs_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, method: str, ratio: float
) -> None:
    monkeypatch.setattr(integers, "NETWORKS", (("tiny", "plain"),))
    monkeypatch.setattr(integers, "measure", lambda run, *rest: {"method": run.method, "ratio": run.ratio})
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr("sys.argv", ["integers", "--floats", "f", "--out", "o", "--method", method])
    integers.main()
    assert json.loads(capsys.readouterr().out) == {"method": method, "ratio": ratio}
