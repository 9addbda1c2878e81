"""Files appear whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sw_ref.files import write_atomically


def test_bytes_and_chunks(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"xyz")
    write_atomically(str(tmp_path / "b"), [b"x", b"yz"])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"xyz"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_who_reads_the_old_file_goes_on_reading_it(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        write_atomically(target, b"new!")
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new!"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_atomically(target, chunks())
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_and_a_folder_in_place_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "file", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        write_atomically(tmp_path / "folder", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_kill_in_the_middle_of_writing_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")
    script = (
        "import sys, time\n"
        "from sw_ref.files import write_atomically\n"
        "def chunks():\n"
        "    while True:\n"
        "        yield b'new' * 10000\n"
        "        time.sleep(0.001)\n"
        "write_atomically(sys.argv[1], chunks())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(target)]) as writer:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(p.stat().st_size > 50000 for p in tmp_path.iterdir()):
                break
            time.sleep(0.01)
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert any(p.stat().st_size > 50000 for p in tmp_path.iterdir())
    assert target.read_bytes() == b"old"
