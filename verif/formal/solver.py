"""Bitwuzla as a program: SMT-LIB commands from the standard input, answers to the standard output.

The package has the library alone, and SymbiYosys starts programs. Bitwuzla takes seconds where z3 takes minutes.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bitwuzla import Option, Options, Parser, TermManager

NAME = "bitwuzla"


def install(folder: Path) -> None:
    """Leave the program in `folder`, under the name by which yosys-smtbmc starts it."""
    folder.mkdir(exist_ok=True)
    program = folder / NAME
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{Path(__file__).resolve()}' \"$@\"\n")
    program.chmod(0o755)


def commands(lines: Iterable[str]) -> Iterator[str]:
    """The commands in some lines, each with all of its lines."""
    text, depth = "", 0
    for line in lines:
        text += line
        depth += line.count("(") - line.count(")")
        if depth == 0 and text.strip():
            yield text
            text = ""


def main() -> int:
    if "--help" in sys.argv:  # yosys-smtbmc asks by it for the solver's version
        print("--lang smt2")
        return 0
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    output = ctypes.CDLL(None)
    for command in commands(sys.stdin):
        if command.strip() == "(exit)":
            break
        parser.parse(command, parse_file=False)
        output.fflush(None)  # the library's own buffers: who asked waits for the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
