"""The report of a command: for people as lines and tables, for scripts as JSON."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sw_ref.messages import printable


@dataclass(frozen=True)
class Table:
    """A table; the first column is text, the others are right-aligned."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Report:
    """The result of a command. `ok` is False if a check failed; `data` is all of it for scripts."""

    data: dict[str, Any]
    parts: list[str | Table] = field(default_factory=list)
    ok: bool = True


def show(report: Report, *, as_json: bool) -> None:
    """Print a report to standard output. Names from files cannot move the cursor, nor begin a line of their own."""
    if as_json:
        print(json.dumps(report.data, indent=2))
        return
    for part in report.parts:
        print(printable(part)) if isinstance(part, str) else _show_table(part)


def _show_table(table: Table) -> None:
    # On a terminal, text is folded if there is no room.
    print("\n".join(lines_of(table, shutil.get_terminal_size().columns if sys.stdout.isatty() else None)))
    print()


def lines_of(table: Table, columns: int | None = None) -> Iterator[str]:
    """The lines of a table; in so many columns text is folded, to 8 characters at the least, and figures stay whole."""
    # Imported here: generating Verilog shows no table and shall start quickly.
    from rich.cells import cell_len, chop_cells

    rows = [table.columns, *([*map(printable, row)] for row in table.rows)]
    text, *figures = (max(map(cell_len, column)) for column in zip(*rows, strict=True))
    if columns is not None:
        text = min(text, max(columns - sum(3 + width for width in figures) - 2, 8))
    yield from (printable(table.title), "")
    for number, (name, *cells) in enumerate(rows):
        first, *others = chop_cells(name, text) or [""]
        aligned = [" " * (width - cell_len(cell)) + cell for width, cell in zip(figures, cells, strict=True)]
        yield "   ".join([f" {first}{' ' * (text - cell_len(first))}", *aligned]).rstrip()
        yield from (f" {other}" for other in others)
        if number == 0:
            yield " " + "─" * (text + sum(3 + width for width in figures))


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show that `what` is going on, on a terminal only (standard error)."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    # As text: brackets in a name are no markup.
    with Console(stderr=True).status(Text(printable(what))):
        yield
