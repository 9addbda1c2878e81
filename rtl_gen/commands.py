"""The project's commands, called from Python as `stlq` calls them."""

import argparse
import importlib
import os
from collections.abc import Callable
from pathlib import Path

from rtl_gen.report import Report


class Commands:
    """Runs commands by name, and keeps the `lines` that do the same in a shell; `say` gets each before it runs."""

    def __init__(self, say: Callable[[str], None] = lambda line: None):
        self.lines: list[str] = []
        self._say = say

    def __call__(self, command: str, *options: object) -> Report:
        """The report of a command.  Raises :class:`UsageError` and :class:`CheckError` as the command does."""
        self.lines.append(line(command, *options))
        self._say(self.lines[-1])
        module = importlib.import_module(f"rtl_gen.{command}")
        parser = argparse.ArgumentParser(prog=f"stlq {command}")
        module.add_arguments(parser)
        return module.run(parser.parse_args([str(option) for option in options]))


def line(command: str, *options: object) -> str:
    """The command in a shell, files relative to the present folder."""
    words = [os.path.relpath(option) if isinstance(option, Path) else str(option) for option in options]
    return " ".join(["stlq", command, *words])
