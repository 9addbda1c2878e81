"""The command line: one parser per command."""

import argparse
import importlib
import sys
import textwrap
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from rtl_gen.errors import UsageError
from rtl_gen.guard import guarded
from rtl_gen.report import show

COMMANDS = ("generate", "quantize", "convert", "compile", "run", "simulate", "synth", "pnr", "board", "explore")

DESCRIPTION = """\
Multiplier-free MAC arrays for weights of one or two signed powers of two.

From trained weights to Verilog that agrees bit for bit:
"""


EXAMPLE = "example: "


class Parser(argparse.ArgumentParser):
    """Raises :class:`UsageError` instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


class Help(argparse.HelpFormatter):
    """Breaks no file name and no option at a hyphen; the example's further lines are indented."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        hanging = "  " if text.startswith(EXAMPLE) else ""
        return textwrap.fill(text, width, subsequent_indent=hanging, break_on_hyphens=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status.

    0 done, 1 a check failed or a tool is missing, 2 bad use, 130 interrupted (Ctrl-C, SIGTERM, SIGHUP).
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _run(argv), name="stlq")


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
        epilog=f"{EXAMPLE}{module.EXAMPLE}",
        formatter_class=Help,
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
