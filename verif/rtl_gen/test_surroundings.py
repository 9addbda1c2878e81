"""The surroundings of a command: closed streams, full disks, signals, terminals, homes, and programs that never end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen import tools
from rtl_gen.errors import CheckError
from rtl_gen.manifest import load_build


def test_interrupt(refused, monkeypatch, tmp_path):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hw.verilog.array_verilog", interrupted)
    assert "interrupted" in refused("--out", tmp_path / "build", status=130)
    assert not (tmp_path / "build").exists()


def stlq(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-m", "rtl_gen", *map(str, args)]
    return subprocess.run(command, check=False, text=True, **{"stderr": subprocess.PIPE, **options})


def test_output_that_cannot_be_written(tmp_path):
    """A full disk behind standard output, and a reader that goes away: a status and at most one line."""
    with Path("/dev/full").open("w") as full:
        ran = stlq("--pe", 1, "--out", tmp_path, "--json", stdout=full)
    assert (ran.returncode, ran.stderr) == (
        2,
        "stlq: output: No space left on device; allowed: room there, and for temporary files in TMPDIR\n",
    )
    read, write = os.pipe()
    os.close(read)
    ran = stlq("--pe", 1, "--out", tmp_path, "--json", stdout=write)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_names_that_the_terminal_cannot_show(tmp_path):
    name = "\u5c64\u2192.npy"
    np.save(tmp_path / name, np.ones((2, 2)))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out = tmp_path / "q.safetensors"
    ran = stlq("quantize", tmp_path / name, "--out", out, env=environment, stdout=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\\u5c64\\u2192" in ran.stdout


@pytest.mark.parametrize("request_to_end", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_cleans_up(tmp_path, build, model, request_to_end):
    """In the middle of a simulation: the simulator ends too, and its folder goes."""
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    command = [sys.executable, "-m", "rtl_gen", "simulate", str(build), "--model", str(model), "--vectors", "50000"]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(300):
        if list((tmp_path / "scratch").glob("*/tiles.hex")):
            break
        time.sleep(0.1)
    running.send_signal(request_to_end)
    assert running.communicate(timeout=30) == ("", "stlq: interrupted; no file was left half-written\n")
    assert running.returncode == 130
    assert not list((tmp_path / "scratch").iterdir())
    assert str(tmp_path / "scratch") not in "".join(map(where, Path("/proc").glob("[0-9]*")))


def where(process: Path) -> str:
    """The folder of a process, if it is there and ours."""
    try:
        return f"{(process / 'cwd').readlink()}\n"
    except OSError:
        return ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_wanted_by_nobody(tmp_path, closed):
    command = f"'{sys.executable}' -m rtl_gen --pe 1 --out '{tmp_path}/b' {closed}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"{tmp_path}/b/stlq_array.v: 1 PE x") == (closed == "2>&-")
    assert load_build(tmp_path / "b").config.pe == 1
    ran = subprocess.run(["bash", "-c", command.replace("--pe 1", "--pe 0")], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == ("stlq: --pe is 0; allowed: a whole number from 1 to 64\n" if closed == ">&-" else "")


def test_a_home_that_cannot_be_written_gets_a_temporary_cache(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.cache").write_text("no folder")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    registered = []
    monkeypatch.setattr(tools.atexit, "register", lambda *args, **_: registered.append(args))
    tools.provide_cache.__wrapped__()
    cache = Path(os.environ["XDG_CACHE_HOME"])
    assert cache.is_dir()
    assert registered == [(shutil.rmtree, str(cache))]
    cache.rmdir()
    # One that can be written stays the user's own.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    tools.provide_cache.__wrapped__()
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "mine")


def test_a_program_that_never_ends_is_ended_with_all_that_it_started(tmp_path):
    command = ["bash", "-c", "sleep 60 & echo $! >pid; wait"]
    begin = time.monotonic()
    with pytest.raises(CheckError, match=r"^bash did not end within 0.5 s$"):
        tools.run(command, folder=tmp_path, timeout=0.5)
    assert time.monotonic() - begin < 15
    child = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(100):
        # Nobody may have asked yet how it ended.
        if not child.exists() or child.read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child still runs")
