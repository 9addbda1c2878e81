"""Agreement with float on MLPerf Tiny: inputs that calibrate and that are compared, and what is said of both."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

from benchmarks.networks import tiny
from benchmarks.training import agreement
from benchmarks.training.tasks.photographs import photograph
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.network import dequantize, execute, quantize
from verif.rtl_gen.frontend.models import write_model

SHAPE = (3, 5, 5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A network of two layers with four classes, and ten inputs beside it, the later the larger."""
    random = np.random.default_rng(5)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("Gemm", ["c", "v"], ["y"], transB=1),
    ]
    weights = {"w": random.normal(size=(6, 3, 3, 3)), "v": random.normal(size=(4, 24))}
    constants = {name: array.astype(np.float32) for name, array in weights.items()}
    path = write_model(tmp_path / "small.onnx", nodes, constants, inputs={"x": ["n", *SHAPE]})
    inputs = random.random((10, *SHAPE)) * np.linspace(0.5, 1.5, 10).reshape(-1, 1, 1, 1)
    np.savez(tmp_path / tiny.DATA, small=inputs)
    return path


def test_what_calibrates_is_not_compared(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "INPUTS", {"small": agreement.of_halves})
    inputs = agreement.stored(file)
    found = agreement.measure("small", file, 0.15)
    assert (found["network"], found["ratio"], found["calibrated"], found["compared"]) == ("small", 0.15, 5, 5)
    floats = import_onnx(file)
    made = convert(floats, {"x": inputs[:5]}, agreement.FORMAT, tile=(8, 8), ratio=0.15).network
    x, w, v = (torch.tensor(array) for array in (inputs[5:], *weights_of(file)))
    wanted = (torch.conv2d(x, w, stride=2).relu().flatten(1) @ v.T).numpy()
    (output,) = made.outputs
    codes = execute(made, quantize(made, {"x": inputs[5:]}))
    real = dequantize(made, codes)[output].reshape(wanted.shape)
    noise = np.square(real - wanted).sum() / np.square(wanted).sum()
    assert found["sqnr"] == pytest.approx(-10 * np.log10(noise), abs=1e-3)
    assert found["same_class"] == (real.argmax(axis=1) == wanted.argmax(axis=1)).mean()


def weights_of(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The weights of both layers."""
    first, second = (node.weight for node in import_onnx(file).nodes if node.weight is not None)
    assert first is not None
    assert second is not None
    return first, second.reshape(len(second), -1)


def test_halves_are_the_stored_inputs(file: Path) -> None:
    first, second = agreement.of_halves(file)
    with np.load(file.parent / tiny.DATA) as arrays:
        assert np.array_equal(np.concatenate([first, second]), arrays["small"].astype(np.float32))
    assert (len(first), len(second), first.dtype) == (5, 5, np.float32)


def test_variations_of_a_sample_are_scaled_and_noisy(tmp_path: Path) -> None:
    sample = np.random.default_rng(2).normal(3.0, 2.0, (1, 20, 10)).astype(np.float32)
    np.savez(tmp_path / tiny.DATA, keyword_spotting=sample)
    parts = agreement.of_sample(tmp_path / "keyword_spotting.onnx")
    assert [part.shape for part in parts] == [(16, 20, 10), (24, 20, 10)]
    made = np.concatenate(parts)
    flat = sample.ravel().astype(np.float64)
    scale = made.reshape(40, -1) @ flat / (flat @ flat)
    noise = (made.reshape(40, -1) - scale[:, None] * flat).std(axis=1)
    assert 0.6 < scale.min() < 0.8 < 1.2 < scale.max() < 1.4
    assert np.allclose(noise, agreement.NOISE * sample.std(), rtol=0.15)
    assert np.array_equal(made, np.concatenate(agreement.of_sample(tmp_path / "keyword_spotting.onnx")))


def colours(pictures: np.ndarray) -> np.ndarray:
    """One number for each pixel of pictures (3, ..) in 0..255."""
    red, green, blue = np.rint(pictures.reshape(3, -1)).astype(int)
    return (red << 16) + (green << 8) + blue


def test_crops_are_of_two_photographs_and_of_two_others(tmp_path: Path) -> None:
    calibrating, compared = agreement.of_pictures(16, 255)(tmp_path)
    assert calibrating.shape == compared.shape == (2 * agreement.CROPS, 3, 16, 16)
    for part, names in ((calibrating, agreement.CALIBRATING), (compared, agreement.COMPARED)):
        for number, name in enumerate(names):
            crops = part[number :: len(names)].transpose(1, 0, 2, 3)
            assert np.isin(colours(crops), colours(255 * photograph(name).numpy())).all()
    assert not set(agreement.CALIBRATING) & set(agreement.COMPARED)


def test_every_network_and_ratio_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    files = {name: tmp_path / f"{name}.onnx" for name in tiny.TINY}
    monkeypatch.setattr(tiny, "find", lambda: files)
    monkeypatch.setattr(agreement, "measure", lambda name, file, ratio: {"of": [name, file.stem, ratio]})
    agreement.main()
    lines = [json.loads(line)["of"] for line in capsys.readouterr().out.splitlines()]
    assert lines == [[name, name, ratio] for name in agreement.INPUTS for ratio in (0.15, 1.0)]
