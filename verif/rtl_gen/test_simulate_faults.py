"""Broken arrays, and names that pose as verdicts: `simulate` finds them, and always ends."""

import hashlib
import json
import re

import pytest

from sw_ref.tensorfile import TensorFile, write_tensors


def tamper(build, old, new):
    """Change the Verilog, and the manifest so that it agrees: a build that is wrong but not damaged."""
    verilog, manifest = build / "stlq_array.v", build / "manifest.json"
    text = verilog.read_text()
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    changed = text.replace(old, new)
    manifest.write_text(
        manifest.read_text().replace(*(hashlib.sha256(t.encode()).hexdigest() for t in (text, changed)))
    )
    verilog.write_text(changed)


def test_a_pixel_that_is_wrong_is_found(run, tmp_path, model):
    run("--pe", 4, "--lanes", 3, "--pixels", 3, "--out", tmp_path)
    tamper(tmp_path, "else accumulator_x2 <= total_x2_wide[", "else accumulator_x2 <= total_x1_wide[")
    ran = run("simulate", tmp_path, "--model", model, "--vectors", 7, "--json")
    assert ran.status == 1
    wrong = json.loads(ran.out)["tensors"]["fc"]
    # Of vectors 2 and 5 at most: the third of each pass.
    assert {miss["vector"] for miss in wrong["first_mismatches"]} <= {2, 5}
    assert 0 < wrong["mismatches"] <= 20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("accumulator <= 24'h000000;", "accumulator <= 24'h000001;", "FAIL: "),
        ("assign negative = word[2];", "assign negative = ~word[2];", "FAIL: "),
    ],
)
def test_a_broken_array_fails(run, tmp_path, weights_file, old, new, said):
    build, model = tmp_path / "b", tmp_path / "q.safetensors"
    assert run("--pe", 4, "--lanes", 3, "--depth", 1000, "--out", build).status == 0
    assert run("quantize", weights_file, "--tile", "4x3", "--out", model).status == 0
    tamper(build, old, new)
    ran = run("simulate", build, "--model", model)
    assert ran.status == 1
    assert said in ran.out
    assert "golden" in ran.out


@pytest.mark.parametrize(
    ("driven", "said"),
    [
        ("1'h0", "the Verilog gave 0 sums beats; 8 are right"),
        ("1'hx", "the Verilog gave 0 sums beats; 8 are right"),
        ("1'h1", "the Verilog gave 9 sums beats; 8 are right"),
    ],
)
def test_a_stuck_array_ends(refused, build, model, driven, said):
    """One that never gives a sum, and one that never stops."""
    verilog = (build / "stlq_array.v").read_text()
    line = next(line for line in verilog.splitlines() if " valid <= " in line and "1'h0" not in line)
    tamper(build, line, line.split("<=")[0] + f"<= {driven};")
    assert said in refused("simulate", build, "--model", model, "--tensor", "conv", status=1)


def test_a_simulator_that_never_ends(refused, build, model):
    line = next(line for line in (build / "stlq_array.v").read_text().splitlines() if line.startswith("module stlq_ar"))
    tamper(build, line, f"{line} initial while (1) ;")
    options = ("--model", model, "--tensor", "fc", "--timeout", 2)
    assert "vvp did not end within 2 s" in refused("simulate", build, *options, status=1)


def test_a_name_that_would_look_like_a_verdict_is_refused(refused, build, model, tmp_path):
    """What `quantize` refuses, `simulate` does, too; and no line begins with what somebody else called a tensor."""
    file = TensorFile(model)
    named = {key.replace("fc.", "fc\npass: 1 sums."): file.read(key) for key in file.entries}
    write_tensors(tmp_path / "forged.safetensors", named, file.metadata)
    message = refused("simulate", build, "--model", tmp_path / "forged.safetensors")
    assert "a tensor is named 'fc\\npass: 1 sums'; allowed: printable names" in message


def test_lines_about_a_tensor_begin_with_that_word(run, build, model, tmp_path):
    file = TensorFile(model)
    named = {key.replace("fc.", "pass: all."): file.read(key) for key in file.entries if key.startswith("fc.")}
    write_tensors(tmp_path / "named.safetensors", named, file.metadata)
    tamper(build, "accumulator <= 26'h0000000;", "accumulator <= 26'h0000001;")
    ran = run("simulate", build, "--model", tmp_path / "named.safetensors")
    assert ran.status == 1
    assert "tensor pass: all: vector 0, channel 0: golden " in ran.out
    assert not re.search("^pass", ran.out, re.M)


def test_unknown_bits_are_no_sums(refused, build, model):
    tamper(build, "accumulator <= 26'h0000000;", "accumulator <= 26'hxxxxxxx;")
    assert "it has unknown bits" in refused("simulate", build, "--model", model, "--tensor", "fc", status=1)
