"""What a command has to say: for people as lines and tables, for scripts as JSON."""

import json
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
    """Print a report to standard output."""
    if as_json:
        print(json.dumps(report.data, indent=2))
        return
    for part in report.parts:
        print(part) if isinstance(part, str) else _show_table(part)


def _show_table(table: Table) -> None:
    # Imported here: generating Verilog shows no table and shall start quickly.
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(table.columns):
        # Figures stay whole; text is folded if there is no room.
        drawn.add_column(column, justify="left" if index == 0 else "right", overflow="fold", no_wrap=index > 0)
    for row in table.rows:
        drawn.add_row(*map(printable, row))
    # In a file or pipe a table is as wide as it needs to be.
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 1000)
    # A narrow terminal breaks the lines of what needs more room; a narrow table would lose columns.
    console.width = max(console.width, _least_width(table))
    # Apart from the table, at whose width a title would be broken.
    console.print(table.title)
    with console.capture() as text:
        console.print(drawn)
    # Rich fills every line up to the table's width.
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


def _least_width(table: Table) -> int:
    """Room for all figures, and for some of the text in the first column; 3 between columns, 1 at each end."""
    text, *figures = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    return min(text, 8) + sum(3 + width for width in figures) + 2


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Show that `what` is going on, on a terminal only (standard error)."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
