"""What Icarus Verilog and Verilator have to say about a generated file."""

import subprocess
from pathlib import Path

from rtl_gen.tools import find, verilator_command

# Off: widths, and the signals for carries that are cut off, because Yosys writes sums wider than what is kept;
# registers with initial values, which FPGAs have and Yosys always writes; several modules in one file.
VERILATOR_OFF = ("-Wno-WIDTH", "-Wno-UNUSEDSIGNAL", "-Wno-PROCASSINIT", "-Wno-DECLFILENAME")


def lint(file: str, folder: Path) -> str:
    """All warnings of both, all of theirs on but ``VERILATOR_OFF``; a clean file gives "".

    Raises ``RuntimeError`` if one of them refuses the file.
    """
    verilator, env = verilator_command()
    commands = [
        ([find("iverilog"), "-g2005", "-Wall", "-tnull", file], None),
        ([verilator, "--lint-only", "--quiet", "-Wall", *VERILATOR_OFF, file], env),
    ]
    output = ""
    for command, environment in commands:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        output += done.stdout + done.stderr
    return output
