"""`simulate`: sums, cycles, both simulators, kept benches, and every bad input."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from hw.config import ArrayConfig
from rtl_gen import simulate
from rtl_gen.manifest import load_build
from rtl_gen.simulator import simulate_tensor
from sw_ref.format import StlqFormat
from sw_ref.integer import dot
from sw_ref.model import load_model
from sw_ref.tensorfile import write_tensors
from verif.rtl_gen.conftest import SEED


@pytest.mark.parametrize("sim", ["icarus", "verilator"])
def test_pass(run, build, model, sim):
    ran = run("simulate", build, "--model", model, "--sim", sim, "--json")
    assert ran.status == 0, ran
    result = json.loads(ran.out)
    assert result["ok"] is True
    # conv: 5 x 6 x 3 x 3 in 4 x 3 tiles is 2 * 2 * 9 tiles, 15% are 5; fc: 10 x 12 is 3 * 4, 2. 4 vectors each.
    for name, sums, tiles, two_word in (("conv", 4 * 5, 36, 5), ("fc", 4 * 10, 12, 2)):
        tensor = result["tensors"][name]
        assert (tensor["sums"], tensor["mismatches"]) == (sums, 0)
        assert tensor["beats"] == 4 * (tiles + two_word)
        assert tensor["cycles"] == tensor["cycles_expected"] == tensor["beats"] + 5
        assert (tensor["cycles_one_word"], tensor["cycles_two_words"]) == (4 * tiles + 5, 8 * tiles + 5)


def test_grouped_layers(run, build, tmp_path):
    """Every channel of a depthwise and of a grouped layer is right, with as many tiles as the diagonal has."""
    rng = np.random.default_rng(SEED)
    np.savez(tmp_path / "w.npz", dw=rng.normal(size=(8, 1, 3, 3)), four=rng.normal(size=(8, 2, 1)))
    options = ("--groups", "dw=8", "--groups", "four=4", "--tile", "4x3", "--out", tmp_path / "q.safetensors")
    assert run("quantize", tmp_path / "w.npz", *options).status == 0
    ran = run("simulate", build, "--model", tmp_path / "q.safetensors", "--json")
    assert ran.status == 0, ran
    tensors = json.loads(ran.out)["tensors"]
    # Channels 0 to 3 read inputs 0 to 3, which are 2 tiles of 3 lanes; 4 to 7 are in tiles 1 and 2.
    assert tensors["dw"]["cycles_one_word"] == 4 * (2 + 2) * 9 + 5
    assert tensors["four"]["cycles_one_word"] == 4 * (2 + 2) + 5
    assert [(tensors[name]["sums"], tensors[name]["mismatches"]) for name in ("dw", "four")] == [(32, 0), (32, 0)]


@pytest.mark.parametrize("sim", ["icarus", "verilator"])
def test_several_pixels_take_fewer_passes(run, tmp_path, model, sim):
    """7 vectors by threes are 3 passes; the pixels that are left over in the last one are nobody's."""
    run("--pe", 4, "--lanes", 3, "--pixels", 3, "--out", tmp_path)
    ran = run("simulate", tmp_path, "--model", model, "--vectors", 7, "--sim", sim, "--json")
    assert ran.status == 0, ran
    for name, sums, tiles, two_word in (("conv", 7 * 5, 36, 5), ("fc", 7 * 10, 12, 2)):
        tensor = json.loads(ran.out)["tensors"][name]
        assert (tensor["vectors"], tensor["sums"], tensor["mismatches"]) == (7, sums, 0)
        assert tensor["beats"] == 3 * (tiles + two_word)
        assert tensor["cycles"] == tensor["cycles_expected"] == tensor["beats"] + 5
        assert (tensor["cycles_one_word"], tensor["cycles_two_words"]) == (3 * tiles + 5, 6 * tiles + 5)


def spoil(monkeypatch, **changes):
    """Let the Verilog seem to have done something else with `fc`: `changes` make its outcome from the true one."""
    true = simulate.judge

    def judge(config, tensor, acts, outcome, *, stalled):
        if tensor.shape == (10, 12):
            outcome = replace(outcome, **{name: change(getattr(outcome, name)) for name, change in changes.items()})
        return true(config, tensor, acts, outcome, stalled=stalled)

    monkeypatch.setattr(simulate, "judge", judge)


def test_one_bad_tensor_fails_the_model(run, build, model, monkeypatch):
    def one_wrong(sums):
        return sums + (np.arange(sums.size) == 17).reshape(sums.shape)

    spoil(monkeypatch, sums=one_wrong)
    ran = run("simulate", build, "--model", model, "--json")
    result = json.loads(ran.out)
    assert (ran.status, result["ok"]) == (1, False)
    assert [(name, r["ok"], r["mismatches"]) for name, r in result["tensors"].items()] == [
        ("conv", True, 0), ("fc", False, 1),
    ]  # fmt: skip
    (miss,) = result["tensors"]["fc"]["first_mismatches"]
    assert (miss["vector"], miss["channel"], miss["verilog"] - miss["golden"]) == (1, 7, 1)


@pytest.mark.parametrize("more", [-1, 1])
def test_cycles_are_part_of_the_verdict(run, build, model, monkeypatch, more):
    spoil(monkeypatch, cycles=lambda cycles: cycles + more)
    ran = run("simulate", build, "--model", model)
    assert ran.status == 1
    # 12 tiles, 2 with two words, 4 vectors, latency 5.
    assert f"tensor fc: {61 + more} cycles; beats + latency are 61" in ran.out
    assert "FAIL: 60 sums compared, 0 mismatches" in ran.out
    # Stalls take cycles of their own.
    assert run("simulate", build, "--model", model, "--stalls", 50).status == 0


@pytest.mark.parametrize(("signed", "low", "high"), [(True, -8, 7), (False, 0, 15)])
def test_extremes_are_among_the_activations(signed, low, high):
    config = ArrayConfig(format=StlqFormat(act_bits=4, act_signed=signed), pe=4, lanes=3)
    acts = simulate.random_acts(config, (6, 2), 5, 1)
    assert (acts[0] == low).all()
    assert (acts[1] == high).all()
    assert set(acts[2].flat) == {low, high}
    assert all(len(set(vector.flat)) > 2 for vector in acts[3:])
    assert (acts.min(), acts.max()) == (low, high)
    # One vector alone is random.
    assert len(set(simulate.random_acts(config, (6, 2), 1, 1).flat)) > 2


def test_the_extremes_are_sent(run, build, model, tmp_path):
    assert run("simulate", build, "--model", model, "--tensor", "fc", "--keep", tmp_path / "k").status == 0
    sent = (tmp_path / "k" / "acts.hex").read_text().split()
    # 3 rows of 4 tiles for each vector; 3 activations of 8 bits in a beat.
    assert len(sent) == 4 * 12
    assert sent[:12] == ["808080"] * 12
    assert sent[12:24] == ["7f7f7f"] * 12


def test_stalls_cost_cycles_and_nothing_else(run, build, model):
    plain, stalled = (
        json.loads(run("simulate", build, "--model", model, "--tensor", "fc", "--stalls", s, "--json").out)["tensors"][
            "fc"
        ]
        for s in (0, 60)
    )
    assert stalled["mismatches"] == 0
    assert stalled["sums"] == plain["sums"]
    assert stalled["cycles"] > 1.5 * plain["cycles"]


def test_text_waves_and_kept_bench(run, build, model, tmp_path):
    waves, kept = tmp_path / "new" / "w.vcd", tmp_path / "kept"
    ran = run("simulate", build, "--model", model, "--tensor", "fc", "--waves", waves, "--keep", kept)
    assert ran.status == 0
    assert "pass: 40 sums compared, 0 mismatches (seed 1, stalls 0 %)" in ran.out
    assert "sums__payload" in waves.read_text()
    assert sorted(p.name for p in kept.iterdir()) == [
        "acts.hex", "stlq_array.v", "sums.txt", "testbench.v", "tiles.hex",
    ]  # fmt: skip


def test_kept_benches_run_alone(run, build, tmp_path):
    """One folder per tensor, inside the given one whatever a tensor is called; each needs no arguments."""
    rng = np.random.default_rng(SEED)
    names = ["../a/b", "..", ".", "plain", "%2E", "x" * 250, "x" * 251, "\u5c64" * 90]
    weights = {name: rng.normal(size=(9, 2) if name == "../a/b" else (3, 3)) for name in names}
    write_tensors(tmp_path / "w.safetensors", weights, {})
    run("quantize", tmp_path / "w.safetensors", "--tile", "4x3", "--out", tmp_path / "q.safetensors")
    kept = tmp_path / "deep" / "kept"
    assert run("simulate", build, "--model", tmp_path / "q.safetensors", "--keep", kept).status == 0
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["kept"]
    folders = sorted(p.name for p in kept.iterdir())
    assert folders[:4] == ["%252E", "%2E", "%2E.", "%2E.%2Fa%2Fb"]
    assert len(folders) == len(names)
    assert all(sorted(p.suffix for p in (kept / f).iterdir()) == [".hex", ".hex", ".txt", ".v", ".v"] for f in folders)
    folder = kept / "%2E.%2Fa%2Fb"
    sums = (folder / "sums.txt").read_text()
    (folder / "sums.txt").unlink()
    subprocess.run(["iverilog", "-g2005", "-o", "b.vvp", "testbench.v", "stlq_array.v"], cwd=folder, check=True)
    said = subprocess.run(["vvp", "-n", "b.vvp"], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert "sums 12 of 12" in said
    assert (folder / "sums.txt").read_text() == sums


def test_any_array_name_runs(run, tmp_path, model):
    """An array may be called as the bench, or as something within it."""
    for name in ("testbench", "array", "clk"):
        assert run("--pe", 4, "--lanes", 3, "--name", name, "--out", tmp_path / name).status == 0
        assert run("simulate", tmp_path / name, "--model", model, "--tensor", "fc").status == 0


def test_sums_longer_than_the_depth(refused, run, model, tmp_path):
    assert run("--pe", 4, "--lanes", 3, "--depth", 53, "--out", tmp_path / "b").status == 0
    message = refused("simulate", tmp_path / "b", "--model", model)
    assert "conv adds up 54 inputs; allowed by the build: at most its depth, 53" in message
    assert run("simulate", tmp_path / "b", "--model", model, "--tensor", "fc").status == 0


def test_given_activations(run, build, model, tmp_path):
    acts = np.random.default_rng(5).integers(-128, 127, (7, 12), endpoint=True)
    np.save(tmp_path / "a.npy", acts)
    ran = run("simulate", build, "--model", model, "--tensor", "fc", "--acts", tmp_path / "a.npy", "--json")
    assert json.loads(ran.out)["tensors"]["fc"]["sums"] == 70
    tensor = load_model(model)["fc"]
    outcome = simulate_tensor(load_build(build), tensor, acts)
    assert outcome.sums.tolist() == dot(tensor, acts).tolist()


def test_bad_input(refused, run, build, model, tmp_path, weights_file):
    def message(*args: object) -> str:
        return refused("simulate", build, *(("--model", model) if "--model" not in args else ()), *args)

    assert "--tensor is 'none'; allowed: conv, fc" in message("--tensor", "none")
    assert "--vectors is 0; allowed: a whole number from 1" in message("--vectors", 0)
    assert "--seed is -1; allowed: " in message("--seed", -1)
    assert "--stalls is 100; allowed: a whole number from 0 to 99" in message("--stalls", 100)
    assert "--keep is" in (said := message("--keep", build))
    assert "a build; allowed: another folder" in said
    assert "a file; allowed: a folder" in message("--keep", model)
    assert "--vectors is given with --acts; allowed: one of them" in message("--acts", "a.npy", "--vectors", 4)
    assert "argument --sim: invalid choice: 'modelsim'" in message("--sim", "modelsim")
    assert "--waves needs one tensor" in message("--waves", tmp_path / "w.vcd")
    assert "w.fst; allowed: a name that ends in .vcd" in message("--tensor", "fc", "--waves", tmp_path / "w.fst")
    assert "No such file" in message("--model", tmp_path / "none.safetensors")
    truncated = tmp_path / "short.safetensors"
    truncated.write_bytes(model.read_bytes()[:-1])
    assert "short.safetensors: " in message("--model", truncated)
    np.save(tmp_path / "a.npy", np.full((1, 12), 128))
    assert "holds 128 to 128; allowed: -128 to 127" in message("--tensor", "fc", "--acts", tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((1, 11), int))
    assert "allowed for fc: (vectors, 12)" in message("--tensor", "fc", "--acts", tmp_path / "a.npy")
    # Of several tensors each has a shape of its own.
    assert "allowed for conv: (vectors, " in message("--acts", tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((1, 12)))
    assert "holds float64 (1, 12); allowed: integers" in message("--tensor", "fc", "--acts", tmp_path / "a.npy")
    (tmp_path / "file").write_text("")
    bad = tmp_path / "file" / "w.vcd"
    assert f"--waves is {bad}: " in message("--tensor", "fc", "--waves", bad)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tile", "3x4"), "tile 3x4"),
        (("--tile", "4x3", "--bits", 4), "bits 4"),
        (("--tile", "4x3", "--act-unsigned"), "act-bits 8 unsigned"),
        (("--tile", "4x3", "--residual-shift", 1), "residual-shift 1"),
    ],
)
def test_model_for_another_build(refused, run, build, weights_file, tmp_path, options, words):
    other = tmp_path / "other.safetensors"
    assert run("quantize", weights_file, *options, "--out", other).status == 0
    message = refused("simulate", build, "--model", other)
    assert words in message
    assert "the build is bits 3, act-bits 8 signed, residual-shift 2, tile 4x3" in message
