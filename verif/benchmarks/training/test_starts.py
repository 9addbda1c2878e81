"""Fine-tuning from a conversion: the model begins with its words, scales, steps and outputs; the ways are these."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.training import starts
from benchmarks.training.run import Setting, calibration, measure, pretrained, put_on
from benchmarks.training.spec import Run
from benchmarks.training.tasks import TASKS
from sw_ref.network import Network, dequantize, execute, quantize
from sw_ref.train.activations import activations_of
from sw_ref.train.layers import to_outputs_first
from sw_ref.train.norms import gain_and_mean
from sw_ref.train.quantization import Quantization
from verif.benchmarks.training.tiny import Tiny

Begun = tuple[Network, nn.Module, Quantization, Tensor]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", Tiny())


def run_of(**fields: int) -> Run:
    return Run(task="tiny", method=starts.METHODS["converted"], ratio=0.4, **fields)  # type: ignore[arg-type]


def begun(folder: Path) -> Begun:
    """A conversion, the model that began with it, and the inputs that calibrated both."""
    run = run_of()
    model = pretrained(run, Setting(floats=folder))
    network = starts.converted(run, model, folder / "net.onnx")
    quantization = put_on(run, model)
    starts.begin(network, model, quantization, calibration(run))
    return network, model.eval(), quantization, torch.cat(calibration(run))


def off(case: Begun) -> float:
    """The largest distance of the model's output from the conversion's, in steps of that."""
    network, model, _, inputs = case
    (output,) = network.outputs
    wanted = dequantize(network, execute(network, quantize(network, {"x": inputs.numpy()})))[output]
    with torch.no_grad():
        found = model(inputs).numpy().reshape(wanted.shape)
    return float(np.abs(found - wanted).max() / network.tensors[output].step)


def test_a_model_begins_with_the_words_scales_and_steps_of_the_conversion(tmp_path: Path) -> None:
    network, model, quantization, _ = begun(tmp_path)
    nodes = [node for node in network.nodes if node.weights is not None]
    norms = [model.get_submodule("1"), None, None]
    assert len(nodes) == len(list(quantization.words())) == 3
    for node, (name, words), norm in zip(nodes, quantization.words(), norms, strict=True):
        assert node.weights is not None
        layer, gain = model.get_submodule(name), gain_and_mean(norm, node.weights.shape[0])[0]
        assert words.v is None
        assert np.array_equal(words.selection.numpy().reshape(-1), node.weights.two_word.astype(bool).reshape(-1))
        assert 0 < node.weights.two_word.sum() < node.weights.two_word.size
        # The norm was renewed, so that its gain is another one now; words and U are of the conversion alone.
        weight = to_outputs_first(layer.weight.detach(), words.transposed_groups).double().numpy()  # type: ignore[arg-type]
        unit = words.scale.double().numpy() * 2.0**-words.fmt.unit_shift
        integers = weight / unit.reshape(-1, *(1,) * (weight.ndim - 1))
        assert np.allclose(integers, node.weights.integers().reshape(weight.shape), atol=1e-4)
        if norm is None:
            assert np.allclose(words.scale.numpy(), node.weights.scale / np.abs(gain), rtol=1e-6)
        source = network.tensors[node.inputs[0]]
        assert source.zero == 0
        assert activations_of(name, layer).step.item() == pytest.approx(source.step, rel=1e-6)


def test_a_model_begins_with_the_outputs_of_the_conversion(tmp_path: Path) -> None:
    case = begun(tmp_path)
    # The model's output is not rounded, and 0.6 leaves room for codes inside that are at an edge.
    assert off(case) < 0.6
    _, model, _, _ = case
    with torch.no_grad():
        model.get_submodule("3").bias.add_(0.1)  # type: ignore[operator, union-attr]
    assert off(case) > 1


def test_without_the_conversions_layers_the_outputs_are_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "_begin_layer", lambda *arguments: None)
    assert off(begun(tmp_path)) > 1


def test_norms_have_the_statistics_of_what_they_get_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lag(case: Begun) -> float:
        """How far the norm's mean is from that of its inputs, in deviations."""
        _, model, _, inputs = case
        norm = model.get_submodule("1")
        with torch.no_grad():
            seen = model.get_submodule("0")(inputs)
        return float(((seen.mean((0, 2, 3)) - norm.running_mean) / norm.running_var.sqrt()).abs().max())  # type: ignore[operator, union-attr]

    assert lag(begun(tmp_path)) < 1e-5
    monkeypatch.setattr(starts, "_renew", lambda *arguments: None)
    assert lag(begun(tmp_path)) > 0.05


def test_scores_are_of_the_start_and_of_fine_tuning(tmp_path: Path) -> None:
    found = starts.score(run_of(epochs=0), tmp_path, "converted")
    _, model, _, _ = begun(tmp_path)
    assert found["at_once"] == measure(run_of().of_task, model)["test"]["closeness"]
    longer = starts.score(run_of(epochs=3), tmp_path, "converted")
    assert longer["at_once"] == found["at_once"]
    assert longer["result"] > found["result"]
    assert starts.score(run_of(epochs=0), tmp_path, "usual")["at_once"] != found["at_once"]


def test_the_ways_are_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def score(run: Run, floats: Path, start: str) -> dict[str, object]:
        assert floats == tmp_path
        return {"method": run.method, "epochs": run.tuning.epochs, "learning": run.tuning.rate}

    monkeypatch.setattr(starts, "score", score)
    monkeypatch.setattr("sys.argv", ["starts", "--floats", str(tmp_path), "--networks", "unet", "--seeds", "4", "1"])
    starts.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    whole = TASKS["enhance"].tuning
    assert [tuple(line.values()) for line in lines] == [
        ("unet", seed, start, share, rate, method, round(whole.epochs * share), whole.rate * rate)
        for seed in (4, 1)
        for start, share, rate, method in (
            ("usual", 0.25, 1.0, "stlq"),
            ("usual", 1.0, 1.0, "stlq"),
            ("converted", 0.25, 0.1, "no-v"),
            ("converted", 0.25, 1.0, "no-v"),
            ("converted", 1.0, 1.0, "no-v"),
        )
    ]
