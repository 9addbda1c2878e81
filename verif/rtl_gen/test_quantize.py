"""`quantize`: what is written and said, and every bad option; its readers have tests of their own."""

import json

import ml_dtypes
import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.model import load_model
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.conftest import same


def test_npz(run, weights, weights_file, tmp_path):
    ran = run("quantize", weights_file, "--ratio", 0.25, "--tile", "4x3", "--out", tmp_path / "q.safetensors", "--json")
    assert ran.status == 0, ran
    result = json.loads(ran.out)
    assert [t["name"] for t in result["tensors"]] == ["conv", "fc"]
    assert result["notes"] == ["left out, biases and other constants: bias"]
    # conv: 2 x 2 x 9 = 36 tiles, 9 with two words; fc: 3 x 4 = 12 tiles, 3 with two words.
    assert [(t["tiles"], t["two_word_tiles"], t["cycles"]) for t in result["tensors"]] == [(36, 9, 45), (12, 3, 15)]
    assert result["total"]["weights"] == 5 * 6 * 9 + 120
    assert result["peak_mib"] > 0
    model = load_model(tmp_path / "q.safetensors")
    assert list(model) == ["conv", "fc"]
    for name, tensor in model.items():
        expected = quantize_tensor(weights[name], StlqFormat(), tile=(4, 3), ratio=0.25)
        assert same(tensor, expected)
        held = tensor.dequantize()
        error = (
            np.square(weights[name].astype(np.float64) - held).sum() / np.square(weights[name].astype(np.float64)).sum()
        )
        shown = next(t["relative_error"] for t in result["tensors"] if t["name"] == name)
        assert shown == pytest.approx(error, rel=1e-12)


def test_kinds_of_files_agree(run, weights, tmp_path):
    np.save(tmp_path / "fc.npy", weights["fc"])
    half = {"fc": weights["fc"], "half": weights["fc"].astype(ml_dtypes.bfloat16), "steps": np.zeros((), np.int64)}
    write_tensors(tmp_path / "w.safetensors", half, {})
    outputs = []
    for name in ("fc.npy", "w.safetensors"):
        assert run("quantize", tmp_path / name, "--out", tmp_path / "q.safetensors").status == 0
        outputs.append(load_model(tmp_path / "q.safetensors"))
    assert same(outputs[0]["fc"], outputs[1]["fc"])
    assert sorted(outputs[1]) == ["fc", "half"]
    assert same(outputs[1]["half"], quantize_tensor(half["half"], StlqFormat()))


def test_options_reach_the_quantizer(run, weights, weights_file, tmp_path):
    out = tmp_path / "q.safetensors"
    run("quantize", weights_file, "--tensor", "fc", "--literal", "--bits", 4, "--out", out)
    literal = quantize_tensor(weights["fc"], StlqFormat(bits=4, residual_shift=0), literal=True)
    assert same(load_model(out)["fc"], literal)
    run("quantize", weights_file, "--tensor", "fc", "--threshold", 1.5, "--granularity", "filter", "--out", out)
    filtered = quantize_tensor(weights["fc"], StlqFormat(), threshold=1.5, granularity="filter")
    assert same(load_model(out)["fc"], filtered)
    run("quantize", weights_file, "--tensor", "fc", "--scale", "power-of-two", "--per-channel", "--out", out)
    scale = load_model(out)["fc"].scale
    assert scale.shape == (10,)
    assert np.array_equal(np.log2(scale), np.round(np.log2(scale)))


def test_zeros_are_no_error(run, tmp_path):
    np.save(tmp_path / "z.npy", np.zeros((9, 9), np.float32))
    ran = run("quantize", tmp_path / "z.npy", "--out", tmp_path / "q.safetensors")
    assert ran.status == 0
    assert "note: z: all weights are zero; so are its words" in ran.out
    assert run("quantize", tmp_path / "z.npy", "--per-channel", "--out", tmp_path / "q.safetensors").status == 0
    tensor = load_model(tmp_path / "q.safetensors")["z"]
    assert not tensor.word1.any()
    assert not tensor.word2.any()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[1.0, np.nan]]), "w: weights hold nan at (0, 1); allowed: finite"),
        (np.array([[np.inf, 1.0]], np.float32), "w: weights hold inf at (0, 0); allowed: finite"),
        (np.zeros((0, 3)), "w: weights have shape (0, 3); allowed: no empty axis"),
        (np.zeros((2, 2), int), "w: weights are int64; allowed: float16, float32, float64, bfloat16"),
        (np.zeros((1, 1, 1, 1, 1)), "w: weights have shape (1, 1, 1, 1, 1); allowed: (O, I)"),
        (np.zeros(3), "w: weights have shape (3,); allowed: (O, I)"),
    ],
)
def test_bad_weights(refused, tmp_path, array, message):
    np.save(tmp_path / "w.npy", array)
    assert message in refused("quantize", tmp_path / "w.npy", "--out", tmp_path / "q.safetensors")
    assert not (tmp_path / "q.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ratio", 1.5), "--ratio is 1.5; allowed: a number from 0 to 1"),
        (("--ratio", -0.1), "--ratio is -0.1; allowed: a number from 0 to 1"),
        (("--ratio", "nan"), "--ratio is nan; allowed: a number from 0 to 1"),
        (("--ratio", "much"), "argument --ratio: 'much' is not a number"),
        (("--threshold", -1), "--threshold is -1.0; allowed: a finite number, 0 or more"),
        (("--ratio", 0, "--threshold", 1), "not allowed with argument --ratio"),
        (("--tile", "8"), "argument --tile: '8' is no tile; allowed: PExLANES from 1x1 to 64x64"),
        (("--tile", "65x1"), "argument --tile: '65x1' is no tile"),
        (("--tile", "0x1"), "argument --tile: '0x1' is no tile"),
        (("--bits", 6), "--bits is 6; allowed: a whole number from 2 to 5"),
        (("--literal", "--residual-shift", 3), "--residual-shift is 3; allowed with --literal: 0"),
        (("--scale", "best"), "argument --scale: invalid choice: 'best'"),
        (("--granularity", "row"), "argument --granularity: invalid choice: 'row'"),
        (("--tensor", "none"), "--tensor is 'none'; allowed: conv, fc, bias"),
        (("--tensor", "bias"), "bias: weights have shape (10,)"),
    ],
)
def test_bad_options(refused, weights_file, tmp_path, options, message):
    out = tmp_path / "q.safetensors"
    assert message in refused("quantize", weights_file, "--out", out, *options)
    assert not out.exists()


def test_literal_excludes_a_residual_shift(run, refused, weights_file, tmp_path):
    options = ("quantize", weights_file, "--literal", "--out", tmp_path / "q.safetensors")
    assert "--residual-shift is 2; allowed with --literal: 0" in refused(*options, "--residual-shift", 2)
    assert run(*options, "--residual-shift", 0).status == 0


def test_the_weights_are_not_overwritten(refused, weights, tmp_path):
    path = tmp_path / "w.safetensors"
    write_tensors(path, weights, {})
    whole = path.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(path)
    for out in (path, tmp_path / "link.safetensors"):
        assert "the weights themselves; allowed: another file" in refused("quantize", path, "--out", out)
    assert path.read_bytes() == whole


def test_bad_out(refused, weights_file, tmp_path):
    assert "allowed: a name that ends in .safetensors" in refused("quantize", weights_file, "--out", tmp_path / "q.npz")
    assert "allowed: a file in a folder that exists" in refused(
        "quantize", weights_file, "--out", tmp_path / "a" / "q.safetensors"
    )
    (tmp_path / "d.safetensors").mkdir()
    assert "allowed: a file in a folder that exists" in refused(
        "quantize", weights_file, "--out", tmp_path / "d.safetensors"
    )


def test_an_old_model_survives_a_refusal(run, refused, weights_file, model, tmp_path):
    whole = model.read_bytes()
    np.save(tmp_path / "w.npy", np.full((2, 2), np.nan))
    refused("quantize", tmp_path / "w.npy", "--out", model)
    assert model.read_bytes() == whole
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]


def test_weights_beyond_the_scales_get_a_note(run, tmp_path):
    np.save(tmp_path / "w.npy", np.full((2, 2), 1e-35, np.float32))
    ran = run("quantize", tmp_path / "w.npy", "--out", tmp_path / "q.safetensors")
    assert ran.status == 0
    assert "note: w: the words hold little of it (error 100%)" in ran.out


@pytest.mark.parametrize("size", [1e-40, 1e-60, 1e-200, 5e-324])
@pytest.mark.parametrize("options", [(), ("--per-channel",), ("--scale", "max"), ("--scale", "power-of-two")])
def test_weights_below_the_smallest_float32(run, tmp_path, size, options):
    np.save(tmp_path / "w.npy", np.array([[1.0, -2.0], [3.0, 0.0]]) * size)
    ran = run("quantize", tmp_path / "w.npy", *options, "--out", tmp_path / "q.safetensors")
    assert (ran.status, ran.err) == (0, "")
    assert "note: w: the words hold little of it (" in ran.out


def test_names_that_are_not_printable(refused, tmp_path):
    write_tensors(tmp_path / "w.safetensors", {"a\nb": np.ones((2, 2))}, {})
    message = refused("quantize", tmp_path / "w.safetensors", "--out", tmp_path / "q.safetensors")
    assert "has a tensor named 'a\\nb'; allowed: printable names" in message
