"""Where results go: a place that cannot be written is refused before the work, and a full disk is one line."""

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rtl_gen import tools
from rtl_gen.errors import CheckError

Refused = Callable[..., str]
FULL = os.strerror(errno.ENOSPC)


def full(*_: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, FULL)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing works, so that a command which begins its work fails the test."""
    for work in ("hw.verilog.array_verilog", "rtl_gen.compile.read_network", "rtl_gen.frontend.onnx_file.import_onnx"):
        monkeypatch.setattr(work, None)
    for work in ("rtl_gen.convert.run_export", "rtl_gen.quantize.open_weights", "rtl_gen.simulate.load_build"):
        monkeypatch.setattr(work, None)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("command", "name", "allowed"),
    [
        (["generate", "--out"], "new", "a folder that can be made and written"),
        (["compile", "net.safetensors", "--out"], "new", "a folder that can be made and written"),
        (["convert", "net.onnx", "--out"], "n.safetensors", "a file that can be written"),
        (["convert", ".", "--out"], "n.safetensors", "a file that can be written"),
        (["convert", "net.onnx", "--out", "n.safetensors", "--picture"], "p.svg", "a file that can be written"),
        (["quantize", "w.npy", "--out"], "q.safetensors", "a file that can be written"),
        (["simulate", "build", "--model", "q.safetensors", "--keep"], "new", "a folder that can be made and written"),
        (["simulate", "build", "--model", "q.safetensors", "--waves"], "w.vcd", "a file that can be written"),
    ],
)
def test_a_place_that_may_not_be_written_is_refused_before_the_work(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], name: str, allowed: str
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).resolve() != closed)
    assert refused(*command, closed / name) == f"stlq: {command[-1]} is {closed / name}; allowed: {allowed}\n"
    assert not list(closed.iterdir())


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("command", [["convert", "net.onnx"], ["quantize", "w.npy"]])
def test_no_file_is_put_where_a_device_is(refused: Refused, tmp_path: Path, command: list[str]) -> None:
    out = tmp_path / "pipe.safetensors"
    os.mkfifo(out)
    assert f"--out is {out}: not a regular file; allowed: a file that can be written" in refused(*command, "--out", out)


def test_a_build_that_the_disk_cannot_hold(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw.verilog.array_verilog", lambda _: "module stlq_array(clk, rst);\nendmodule\n")
    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "b"
    said = f"stlq: --out is {out}: stlq_array.v: {FULL}; allowed: a folder that can be made and written\n"
    assert refused("generate", "--out", out) == said
    assert not list(out.iterdir())


def test_what_is_in_the_way_of_a_build_is_named(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hw.verilog.array_verilog", lambda _: "module stlq_array(clk, rst);\nendmodule\n")
    (tmp_path / "stlq_array.v").mkdir()
    said = f"--out is {tmp_path}: stlq_array.v: not a regular file; allowed: a folder that can be made and written"
    assert refused("generate", "--out", tmp_path) == f"stlq: {said}\n"


def test_a_file_that_the_disk_cannot_hold(
    refused: Refused, weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "q.safetensors"
    said = f"stlq: --out is {out}: {FULL}; allowed: a file that can be written\n"
    assert refused("quantize", weights_file, "--out", out) == said
    assert sorted(tmp_path.iterdir()) == before


def test_what_has_no_option_is_named_too(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtl_gen.simulate.load_build", full)
    said = f"stlq: output: {FULL}; allowed: room there, and for temporary files in TMPDIR\n"
    assert refused("simulate", tmp_path, "--model", "q.safetensors") == said


@pytest.mark.parametrize("status", [0, 1])
def test_a_program_that_filled_the_disk_has_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Simulators write less then and say nothing, or break on what they wrote before."""
    command = [sys.executable, "-c", f"raise SystemExit({status})"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 0))
    with pytest.raises(CheckError, match=rf"^no space left in {tmp_path}, where .* ran; TMPDIR may name"):
        tools.run(command, folder=tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 0))
    if status == 0:
        assert tools.run(command, folder=tmp_path) == "", "a file system may not count"
