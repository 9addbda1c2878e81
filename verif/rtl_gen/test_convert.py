"""`convert`: what is written and said, and every bad option."""

import errno
import json

import numpy as np
import pytest
from onnx import helper

from rtl_gen.frontend.source import library
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
    assert result["notes"] == [
        "Softmax y is left to the host",
        "more weights per output than calibration samples, more data help: last",
    ]
    assert picture.stat().st_size > 1000
    made = load_network(out)
    assert [node.op for node in made.nodes] == ["conv", "flatten", "linear"]
    assert made.format.act_bits == 8


def test_text_names_the_layers_and_what_is_guessed(run, network, tmp_path):
    ran = run("convert", network, "--out", tmp_path / "q.safetensors", "--ratio", 1)
    assert ran.status == 0, ran
    assert "first" in ran.out
    assert "note: no --calibrate: steps and words are guessed" in ran.out


def test_tiles_that_are_not_square_are_noted(run, network, tmp_path):
    out = run("convert", network, "--out", tmp_path / "q.safetensors", "--tile", "8x4").out
    note = "note: 8x4 tiles: engines so far have as many PEs as lanes, so `stlq compile` needs --pe\n"
    assert note in out
    assert "tiles: engines" not in run("convert", network, "--out", tmp_path / "q.safetensors").out


def test_one_input_is_one(run, network, inputs, tmp_path):
    np.save(tmp_path / "one.npy", np.load(tmp_path / "data.npy")[:1])
    out = run("convert", network, "--calibrate", tmp_path / "one.npy", "--out", tmp_path / "q.safetensors").out
    assert "dB on 1 input, all used for calibration\n" in out
    assert "; 1 input for calibration, " in out


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
        (["--samples", "128"], "--samples is given without --calibrate"),
        (["--mean", "nan", "--std", "0"], "--mean is given without --calibrate"),
        (["--shape", f"x=1x{'9' * 20}"], "allowed: NAME=NxCxHxW"),
        (["--shape", "x=1x\uff11"], "allowed: NAME=NxCxHxW"),
        (["--shape", "x=1x"], "--shape is 'x=1x'; allowed: NAME=NxCxHxW"),
        (["--bits", "9"], "allowed"),
        (["--calibrate", "nothing.npz"], "--calibrate is nothing.npz: no such file; allowed: .npy, .npz, or a folder"),
        (["--calibrate", "data.txt"], "allowed: .npy, .npz, or a folder of pictures"),
        (["--calibrate", "."], "needed: --mean and --std"),
        (["--calibrate", "other.npz"], "holds a, b; needed: x"),
        (["--calibrate", "small.npy"], "needed: numbers (samples, 3, 4, 4)"),
        (["--calibrate", "nan.npy"], "holds NaN or infinity"),
        (["--calibrate", "damaged.npz"], "--calibrate damaged.npz is damaged: File is not a zip file"),
        (["--calibrate", "huge.npy"], "holds NaN or infinity"),
        (
            ["--calibrate", "objects.npy"],
            "--calibrate objects.npy is damaged: Array can't be memory-mapped: Python objects",
        ),
        (["--shape", "x=1x3x4x4", "--shape", "x=1x3x5x5"], "allowed: one shape for x"),
        (
            ["--calibrate", "data.npz", "--labels", "few.npy"],
            "--labels few.npy holds int64 (3,); needed: 40 whole numbers",
        ),
        (["--calibrate", "data.npz", "--labels", "many.npy"], "needed: 40 whole numbers"),
        (["--calibrate", "data.npz", "--labels", "hot.npy"], "holds int64 (40, 5); needed: 40 whole numbers"),
        (
            ["--calibrate", "data.npz", "--labels", "high.npy"],
            "--labels high.npy holds classes from 5 to 5; allowed: 0 to 4",
        ),
        (["--calibrate", "data.npz", "--labels", "none.npz"], "--labels none.npz holds 0 arrays; allowed: one"),
        (["--picture", "layers.txt"], "--picture is layers.txt; allowed: a name that ends in .png or .svg"),
        (["--picture", "nowhere/layers.svg"], "in a folder that exists"),
    ],
)
def test_refusals(refused, network, inputs, tmp_path, monkeypatch, options, message):
    del inputs
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", a=np.zeros(3), b=np.zeros(3))
    np.save("small.npy", np.zeros((4, 3, 2, 2), np.float32))
    np.save("nan.npy", np.full((4, 3, 4, 4), np.nan, np.float32))
    np.save("few.npy", np.zeros(3, int))
    np.save("many.npy", np.zeros(41, int))
    np.save("hot.npy", np.eye(5, dtype=int)[np.arange(40) % 5])
    np.save("high.npy", np.full(40, 5))
    np.savez("none.npz")
    np.save("huge.npy", np.full((4, 3, 4, 4), 1e300))
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "damaged.npz").write_bytes(b"PK\3\4 this is no archive")
    rest = [] if "--out" in options else ["--out", "q.safetensors"]
    assert message in refused("convert", network, *options, *rest)
    assert not (tmp_path / "q.safetensors").exists()


def test_labels_need_classes(refused, tmp_path):
    nodes = [helper.make_node("Conv", ["x", "a"], ["y"])]
    network = write_model(tmp_path / "image.onnx", nodes, {"a": np.ones((2, 4, 1, 1), np.float32)})
    np.save(tmp_path / "x.npy", np.ones((4, 4, 6, 5), np.float32))
    np.save(tmp_path / "labels.npy", np.zeros(4, int))
    options = ("--calibrate", tmp_path / "x.npy", "--labels", tmp_path / "labels.npy")
    message = refused("convert", network, *options, "--out", tmp_path / "q.safetensors")
    assert "allowed: for a network whose first output is a vector of scores" in message


def test_text_says_what_was_compared_and_which_layers_saw_too_little(run, network, inputs, tmp_path):
    out = tmp_path / "q.safetensors"
    all_used = run("convert", network, "--calibrate", inputs, "--out", out).out
    assert "dB on 40 inputs, all used for calibration" in all_used
    # 128 weights per output of the last layer and 40 samples; the first one has 27 and 640 positions.
    assert "note: more weights per output than calibration samples, more data help: last\n" in all_used
    some_used = run("convert", network, "--calibrate", inputs, "--samples", 30, "--out", out).out
    assert "dB on 40 inputs, 10 of them not used for calibration" in some_used
    assert "dB on 32 random inputs" in run("convert", network, "--out", out).out


def test_a_name_cannot_move_the_cursor(run, tmp_path):
    nodes = [helper.make_node("Conv", ["x", "a"], ["y"], name="first\x1b[2J\nsecond")]
    network = write_model(tmp_path / "net.onnx", nodes, {"a": np.ones((2, 4, 1, 1), np.float32)})
    ran = run("convert", network, "--out", tmp_path / "q.safetensors")
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert "first\\x1b[2J\\nsecond" in ran.out


def test_pictures_have_the_same_bytes(run, network, tmp_path):
    for number in (1, 2):
        out = ("--out", tmp_path / "q.safetensors", "--picture", tmp_path / f"{number}.svg")
        assert run("convert", network, *out).status == 0
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_what_cannot_be_written_is_named(refused, network, tmp_path, monkeypatch):
    def full(path, made):
        raise OSError(errno.ENOSPC, "No space left on device", f"{path}.part")

    monkeypatch.setattr("rtl_gen.convert.save_network", full)
    message = refused("convert", network, "--out", tmp_path / "q.safetensors")
    assert f"--out is {tmp_path / 'q.safetensors'}: No space left on device; allowed: a file" in message


def test_one_array_does_not_serve_two_inputs(refused, tmp_path):
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    network = write_model(tmp_path / "net.onnx", nodes, inputs={"x": [1, 4], "z": [1, 4]})
    np.save(tmp_path / "x.npy", np.ones((4, 4), np.float32))
    message = refused("convert", network, "--calibrate", tmp_path / "x.npy", "--out", tmp_path / "q.safetensors")
    assert "holds x; needed: z" in message


def test_an_interrupted_import_is_an_interruption(monkeypatch):
    """Compiled modules answer an interruption with an ImportError that has it as its cause."""

    def interrupted(name):
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr("importlib.import_module", interrupted)
    with pytest.raises(KeyboardInterrupt):
        library("onnxruntime")
