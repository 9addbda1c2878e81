"""A request to end: programs end with the one that started them, whenever it comes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rtl_gen import tools
from rtl_gen.interrupts import delayed, unshared

# Two programs, as in the demo: one in a thread beside another.
WORK = """
import sys
from pathlib import Path
from rtl_gen import tools
from rtl_gen.guard import guarded

def work():
    with tools.beside() as pool:
        pool.submit(tools.run, ["bash", "-c", "echo $$ >first; exec sleep 60"], folder=Path())
        tools.run(["bash", "-c", "echo $$ >second; exec sleep 60"], folder=Path())

sys.exit(guarded(work, name="work"))
"""


def test_programs_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", WORK]
    running = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    numbers = [_number(tmp_path / name) for name in ("first", "second")]
    begin = time.monotonic()
    running.send_signal(signal.SIGTERM)
    said = running.communicate(timeout=30)[1]
    assert (running.returncode, said) == (130, "work: interrupted; no file was left half-written\n")
    assert time.monotonic() - begin < 20
    assert not [number for number in numbers if _runs(number)]


def _number(file: Path) -> int:
    """The number of a process, which it writes once it runs."""
    for _ in range(600):
        if file.is_file() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.05)
    raise TimeoutError(file)


def _runs(number: int) -> bool:
    """Whether a process runs: one that ended may wait to be asked how."""
    status = Path(f"/proc/{number}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_request_while_a_program_starts_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        tools.run(["sleep", "60"], folder=tmp_path)
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_a_request_waits_for_the_end_of_the_block() -> None:
    done, before = [], signal.getsignal(signal.SIGINT)

    def block() -> None:
        with delayed():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        block()
    assert (done, signal.getsignal(signal.SIGINT)) == (["all"], before)


def test_what_starts_in_the_block_gets_no_request_from_the_terminal() -> None:
    program = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    found: list[str] = []

    def block() -> None:
        with unshared():
            os.kill(os.getpid(), signal.SIGINT)
            found.append(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout)

    with pytest.raises(KeyboardInterrupt):
        block()
    found.append(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout)
    assert found == ["True\n", "False\n"]


def test_a_request_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with delayed():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_threads_leave_handlers_alone() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    failed: list[BaseException] = []

    def delay() -> None:
        try:
            with delayed():
                pass
        except ValueError as error:  # what Python raises in other threads
            failed.append(error)

    thread = threading.Thread(target=delay)
    thread.start()
    thread.join()
    assert not failed
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_python_processes_do_not_get_it_either() -> None:
    """The first one starts Python's tracker of shared memory, which takes the mask away again."""
    shows = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    program = f"""
from multiprocessing import get_context
from rtl_gen.interrupts import unshared
with unshared():
    process = get_context("spawn").Process(target=exec, args=({shows!r},))
    process.start()
process.join()
{shows}
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "True\nFalse\n"
