"""Files appear whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sw_ref import files
from sw_ref.files import digest_of, locked, settle, write_atomically, write_together


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


def test_a_full_disk_is_told_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full") as caught:
        write_atomically(tmp_path / "x", b"new")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "x"))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_and_a_folder_in_place_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "file", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"not a regular file: .*folder'$") as caught:
        write_atomically(tmp_path / "folder", b"x")
    assert caught.value.errno == errno.EINVAL
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_cannot_be_made_is_named_and_not_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: str, *_: int, **__: int) -> None:
        raise PermissionError(errno.EACCES, "closed", path)

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(PermissionError, match="closed") as caught:
        write_atomically(tmp_path / "x", b"new")
    assert caught.value.filename == str(tmp_path / "x")


@pytest.mark.parametrize(("umask", "mode"), [(0, 0o666), (0o027, 0o640)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    old = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_nobody_else_can_read_a_part_that_has_no_permissions_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(b"old")
    seen, fchmod = list[int](), os.fchmod

    def chmod(handle: int, mode: int) -> None:
        seen.append(os.fstat(handle).st_mode & 0o777)
        fchmod(handle, mode)

    monkeypatch.setattr(os, "fchmod", chmod)
    old = os.umask(0)
    try:
        write_atomically(tmp_path / "secret", b"new")
    finally:
        os.umask(old)
    assert seen == [0o600]


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_replaced_keeps_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    (tmp_path / "secret").write_bytes(b"old")
    (tmp_path / "secret").chmod(mode)
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append([p.stat().st_mode & 0o777 for p in tmp_path.iterdir()]))
    write_atomically(tmp_path / "secret", b"new")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == mode
    # Nor can anybody else read it before it has its name.
    assert seen == [[mode, mode]]


def test_the_bytes_are_on_the_disk_before_the_name_is_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int, bytes]] = []
    replace = os.replace

    def fsync(handle: int) -> None:
        done.append(("fsync", os.fstat(handle).st_ino, Path(f"/proc/self/fd/{handle}").read_bytes()))

    def rename(source: Path, target: Path) -> None:
        done.append(("replace", source.stat().st_ino, source.read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write_atomically(tmp_path / "a", [b"x", b"yz"])
    inode = (tmp_path / "a").stat().st_ino
    assert done == [("fsync", inode, b"xyz"), ("replace", inode, b"xyz")]


def test_a_name_of_any_length_that_the_disk_takes(tmp_path: Path) -> None:
    for name in ("x" * 255, "\u00e9" * 127):
        write_atomically(tmp_path / name, b"x")
        assert (tmp_path / name).read_bytes() == b"x"


def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    left = tmp_path / ".model.0123456789ab.part"
    left.write_bytes(b"half")
    mine = [tmp_path / ".model.x.0123456789ab.part", tmp_path / ".model.notes.part"]
    for path in mine:
        path.write_bytes(b"of another file")

    def chunks() -> Iterator[bytes]:
        yield b"one"
        # A second writer, in the middle of the first one.
        write_atomically(tmp_path / "model", b"two")
        assert len(list(tmp_path.glob(".model.????????????.part"))) == 1
        yield b" and more"

    write_atomically(tmp_path / "model", chunks())
    assert (tmp_path / "model").read_bytes() == b"one and more"
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "model", *mine])


OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "b": b"new b"}


def listing(path: Path) -> dict[str, str]:
    """A name and a digest a line."""
    return dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}


def listed(pair: dict[str, bytes]) -> dict[str, bytes]:
    """A pair with its list."""
    return {"list": "".join(f"{name} {digest_of(data)}\n" for name, data in pair.items()).encode(), **pair}


def write_pair(folder: Path, pair: dict[str, bytes]) -> None:
    write_together(folder, listed(pair), commit="list", listing=listing)


def read_pair(folder: Path) -> dict[str, bytes]:
    """What the list says belongs together."""
    with locked(folder):
        digests = listing(folder / "list")
        for name, digest in digests.items():
            settle(folder / name, digest)
            assert digest_of((folder / name).read_bytes()) == digest
        return {name: (folder / name).read_bytes() for name in digests}


@pytest.mark.parametrize("stop", ["KeyboardInterrupt", "OSError", "SIGKILL"])
@pytest.mark.parametrize("step", range(6))
def test_files_that_belong_together_are_all_old_or_all_new(tmp_path: Path, stop: str, step: int) -> None:
    """Stopped before each time that bytes reach the disk or a file gets its name: a, b, list; list, a, b."""
    write_pair(tmp_path, OLD)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from sw_ref.files import write_together\n"
        "left, stop = int(sys.argv[2]), sys.argv[3]\n"
        "def stopping(real):\n"
        "    def call(*args):\n"
        "        global left\n"
        "        left -= 1\n"
        "        if left == -1 and stop == 'SIGKILL':\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        if left == -1:\n"
        "            raise {'OSError': OSError, 'KeyboardInterrupt': KeyboardInterrupt}[stop]\n"
        "        return real(*args)\n"
        "    return call\n"
        "os.fsync, os.replace = stopping(os.fsync), stopping(os.replace)\n"
        f"files = {listed(NEW)!r}\n"
        "write_together(Path(sys.argv[1]), files, commit='list', listing=lambda _: {})\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path), str(step), stop], capture_output=True)
    assert ran.returncode != 0
    assert read_pair(tmp_path) == (OLD if step < 4 else NEW)
    if stop != "SIGKILL":
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "list"]
    write_pair(tmp_path, NEW)
    assert read_pair(tmp_path) == NEW
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "list"]


def stopped(folder: Path, pair: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """Write a pair, and stop where the file `before` is to take its name: nothing after that moment is done."""

    def replace(source: Path, target: Path) -> None:
        if target.name == before:
            raise KeyboardInterrupt
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            write_pair(folder, pair)


THIRD = {"a": b"third a", "c": b"third c"}


@pytest.mark.parametrize("cut", ["a", "b"])
def test_what_a_killed_writer_committed_outlives_a_writer_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    write_pair(tmp_path, OLD)
    stopped(tmp_path, NEW, monkeypatch, before=cut)
    stopped(tmp_path, THIRD, monkeypatch, before="list")
    assert (tmp_path / "b").read_bytes() == NEW["b"]
    assert read_pair(tmp_path) == NEW
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "list"]


def test_an_interruption_right_after_the_commit_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pair(tmp_path, OLD)

    def replace(source: Path, target: Path) -> None:
        os.rename(source, target)
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(RuntimeError, match="stopped"):
            write_pair(tmp_path, NEW)
    assert read_pair(tmp_path) == NEW


def test_what_a_killed_writer_committed_goes_with_the_next_ones_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(tmp_path, OLD)
    stopped(tmp_path, NEW, monkeypatch, before="a")
    write_pair(tmp_path, THIRD)
    assert read_pair(tmp_path) == THIRD
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c", "list"]


def test_a_writer_that_waited_removes_what_the_other_one_wrote(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path):
            waiting = pool.submit(write_pair, tmp_path, THIRD)
            time.sleep(0.05)
            for name, data in listed(NEW).items():
                (tmp_path / name).write_bytes(data)
        waiting.result()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "c", "list"]


def test_what_somebody_changed_since_is_not_removed(tmp_path: Path) -> None:
    write_pair(tmp_path, OLD)
    (tmp_path / "b").write_bytes(b"notes")
    write_pair(tmp_path, THIRD)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c", "list"]


def test_a_folder_is_made_and_goes_again_with_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = {"a": b"a", "bench/b": b"b"}
    stopped(tmp_path, inner, monkeypatch, before="list")
    assert not list(tmp_path.iterdir())
    write_pair(tmp_path, inner)
    assert read_pair(tmp_path) == inner


def test_a_file_where_a_folder_is_to_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "bench").write_bytes(b"mine")
    with pytest.raises(FileExistsError) as caught:
        write_pair(tmp_path, {"a": b"a", "bench/b": b"b"})
    assert caught.value.filename == str(tmp_path / "bench")
    assert [p.name for p in tmp_path.iterdir()] == ["bench"]


def test_many_writers_and_readers_of_one_folder(tmp_path: Path) -> None:
    pairs = [{"a": f"a{i}".encode(), "b": f"b{i}".encode()} for i in range(8)]
    write_pair(tmp_path, pairs[0])
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_pair, tmp_path, pairs[i % 8]) for i in range(40)]
        reading = [pool.submit(read_pair, tmp_path) for _ in range(40)]
        assert [future.result() for future in writing] == [None] * 40
        assert all(future.result() in pairs for future in reading)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "list"]


def test_a_lock_that_is_let_go_is_waited_for(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path):
            waiting = pool.submit(write_pair, tmp_path, NEW)
            time.sleep(0.05)
            assert not waiting.done()
        waiting.result()
    assert read_pair(tmp_path) == NEW


def test_a_lock_that_another_process_keeps_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with locked(tmp_path), pytest.raises(TimeoutError) as error:
        write_pair(tmp_path, NEW)
    assert (error.value.strerror, error.value.filename) == ("another process keeps it locked", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_link_among_files_that_belong_together_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere" / "real")
    write_pair(tmp_path, NEW)
    assert (tmp_path / "a").is_symlink()
    assert read_pair(tmp_path) == NEW
    assert [p.name for p in (tmp_path / "elsewhere").iterdir()] == ["real"]


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
