"""`convert`: what is written and said, and every bad option."""

import json

import numpy as np
import pytest
from onnx import helper

from sw_ref.network import load_network
from verif.rtl_gen.frontend.models import write_model


@pytest.fixture
def network(tmp_path):
    random = np.random.default_rng(0)
    constants = {"a": random.normal(size=(8, 3, 3, 3)), "b": random.normal(size=(8 * 16, 5))}
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["s"], pads=[1, 1, 1, 1], name="first"),
        helper.make_node("Relu", ["s"], ["t"]),
        helper.make_node("Flatten", ["t"], ["f"]),
        helper.make_node("Gemm", ["f", "b"], ["scores"], name="last"),
        helper.make_node("Softmax", ["scores"], ["y"]),
    ]
    floats = {name: array.astype(np.float32) for name, array in constants.items()}
    return write_model(tmp_path / "net.onnx", nodes, floats, inputs={"x": [1, 3, 4, 4]})


@pytest.fixture
def inputs(tmp_path):
    array = np.random.default_rng(1).normal(size=(40, 3, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=array)
    np.save(tmp_path / "data.npy", array)
    np.save(tmp_path / "labels.npy", np.arange(40) % 5)
    return tmp_path / "data.npz"


def test_report(run, network, inputs, tmp_path):
    out = tmp_path / "q.safetensors"
    labels, picture = tmp_path / "labels.npy", tmp_path / "layers.png"
    options = ("--calibrate", inputs, "--labels", labels, "--samples", 30, "--out", out, "--picture", picture)
    ran = run("convert", network, *options, "--json")
    assert ran.status == 0, ran
    result = json.loads(ran.out)
    assert [layer["name"] for layer in result["layers"]] == ["first", "last"]
    # first: 1 x 1 x 9 tiles at 16 positions, one of them with two words; last: 1 x 16, two of them.
    assert [layer["beats"] for layer in result["layers"]] == [10 * 16, 18]
    assert result["cycles"] == 178
    assert result["calibration_samples"] == 30
    assert result["agreement"]["inputs"] == 40
    assert result["agreement"]["output_sqnr"] > 10
    assert 0 <= result["agreement"]["accuracy"][0] <= 1
    assert result["notes"] == ["Softmax y is left to the host"]
    assert picture.stat().st_size > 1000
    made = load_network(out)
    assert [node.op for node in made.nodes] == ["conv", "flatten", "linear"]
    assert made.format.act_bits == 8


def test_text_names_the_layers_and_what_is_guessed(run, network, tmp_path):
    ran = run("convert", network, "--out", tmp_path / "q.safetensors", "--ratio", 1)
    assert ran.status == 0, ran
    assert "first" in ran.out
    assert "note: no --calibrate: steps and words are guessed" in ran.out


def test_kinds_of_data_agree(run, network, inputs, tmp_path):
    for number, data in enumerate((inputs, tmp_path / "data.npy")):
        assert run("convert", network, "--calibrate", data, "--out", tmp_path / f"{number}.safetensors").status == 0
    assert (tmp_path / "0.safetensors").read_bytes() == (tmp_path / "1.safetensors").read_bytes()


def test_pictures(run, network, tmp_path):
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 7, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    options = (
        "--calibrate",
        folder,
        "--mean",
        "127,127,127",
        "--std",
        60,
        "--out",
        tmp_path / "q.safetensors",
        "--json",
    )
    ran = run("convert", network, *options)
    assert ran.status == 0, ran
    assert json.loads(ran.out)["calibration_samples"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "q.npz"], "--out is q.npz; allowed: a name that ends in .safetensors"),
        (["--ratio", "1.5"], "--ratio is 1.5; allowed"),
        (["--samples", "0"], "--samples is 0; allowed: 1 or more"),
        (["--mean", "1"], "of --mean and --std one is given"),
        (["--labels", "l.npy"], "--labels is given without --calibrate"),
        (["--shape", "x=1x"], "--shape is 'x=1x'; allowed: NAME=NxCxHxW"),
        (["--bits", "9"], "allowed"),
        (["--calibrate", "nothing.npz"], "nothing.npz: No such file"),
        (["--calibrate", "data.txt"], "allowed: .npy, .npz, or a folder of pictures"),
        (["--calibrate", "."], "needed: --mean and --std"),
        (["--calibrate", "other.npz"], "holds a, b; needed: x"),
        (["--calibrate", "small.npy"], "needed: numbers (samples, (3, 4, 4))"),
        (["--calibrate", "nan.npy"], "holds NaN or infinity"),
        (["--calibrate", "damaged.npz"], "damaged.npz is damaged"),
        (["--calibrate", "data.npz", "--labels", "few.npy"], "needed: 40 whole numbers"),
    ],
)
def test_refusals(refused, network, inputs, tmp_path, monkeypatch, options, message):
    del inputs
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", a=np.zeros(3), b=np.zeros(3))
    np.save("small.npy", np.zeros((4, 3, 2, 2), np.float32))
    np.save("nan.npy", np.full((4, 3, 4, 4), np.nan, np.float32))
    np.save("few.npy", np.zeros(3, int))
    (tmp_path / "damaged.npz").write_bytes(b"PK\3\4 this is no archive")
    rest = [] if "--out" in options else ["--out", "q.safetensors"]
    assert message in refused("convert", network, *options, *rest)
    assert not (tmp_path / "q.safetensors").exists()
