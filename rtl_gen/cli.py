"""The command line: one parser per command, and the one place that turns errors into an exit status."""

import argparse
import errno
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import NoReturn

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.report import show
from sw_ref.messages import printable

COMMANDS = ("generate", "quantize", "convert", "compile", "run", "simulate", "synth", "pnr", "board")

DESCRIPTION = """\
Multiplier-free MAC arrays for weights of one or two signed powers of two.

From trained weights to Verilog that agrees bit for bit:
"""


class Parser(argparse.ArgumentParser):
    """Raises :class:`UsageError` instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status.

    0 done, 1 a check failed or a tool is missing, 2 bad use, 130 interrupted (Ctrl-C, SIGTERM, SIGHUP).
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        _prepare()
        status = _run(argv)
        # What could not be written shall be known here, not after the exit status is settled.
        sys.stdout.flush()
        return status
    except UsageError as error:
        return _complain(error, 2)
    except CheckError as error:
        return _complain(error, 1)
    except ModuleNotFoundError as error:
        return _complain(f"{error.name} is not installed; to install it: `pip install .` in the project's folder", 1)
    except BrokenPipeError:
        # The reader of our output went away: nothing is left to say, and nobody to say it to.
        _give_up_output()
        return 1
    except OSError as error:
        _give_up_output()
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        allowed = "room there, and for temporary files in TMPDIR" if full else "a path that can be used"
        return _complain(f"{error.filename or 'output'}: {error.strerror or error}; allowed: {allowed}", 2)
    except KeyboardInterrupt:
        return _complain("interrupted; no file was left half-written", 130)
    except MemoryError:
        return _complain("out of memory", 1)


def _prepare() -> None:
    """Names that the terminal cannot show are escaped; a request to end stops simulators too, and cleans up."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_nowhere(number, name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            # `nohup` has the signal ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)


def _open_nowhere(number: int, name: str) -> None:
    """Make a stream that was closed before we started (`>&-`) one whose contents nobody wants.

    Its number is taken, too: else the next file that is opened gets it, and with it what is meant for the stream.
    """
    try:
        os.fstat(number)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115


def _give_up_output() -> None:
    """Send to nowhere what is still to be written, so that the interpreter does not fail on it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _run(argv: list[str]) -> int:
    if argv[:1] in (["-h"], ["--help"]):
        print(_overview(), end="")
        return 0
    if argv[:1] == ["--version"]:
        print(f"stlq {metadata.version('stlq')}")
        return 0
    if not argv:
        raise UsageError("nothing to do; see `stlq --help`")
    command = argv.pop(0) if not argv[0].startswith("-") else "generate"
    if command not in COMMANDS:
        raise UsageError(f"command is {command!r}; allowed: {', '.join(COMMANDS)}")
    # Only the command's own module is imported, so that each starts as quickly as it can.
    module = importlib.import_module(f"rtl_gen.{command}")
    parser = Parser(
        prog=f"stlq {command}",
        description=f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}.",
        epilog=f"example: {module.EXAMPLE}",
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON, for scripts (default: as text)")
    args = parser.parse_args(argv)
    report = module.run(args)
    show(report, as_json=args.json)
    return 0 if report.ok else 1


def _overview() -> str:
    lines = [DESCRIPTION]
    for command in COMMANDS:
        module = importlib.import_module(f"rtl_gen.{command}")
        lines += [f"  {command:10}{module.SUMMARY}\n            {module.EXAMPLE}\n"]
    lines += ["\n`stlq COMMAND --help` describes a command's options. `python -m rtl_gen` is the same program.\n"]
    lines += ["Exit status: 0 done, 1 a check failed or a tool is missing, 2 bad use, 130 interrupted.\n"]
    return "".join(lines)


def _complain(error: object, status: int) -> int:
    # The contract is one line, whatever an underlying library had to say. Nobody may be there to read it.
    with suppress(OSError):
        print("stlq:", printable(" ".join(str(error).split())), file=sys.stderr, flush=True)
    return status
