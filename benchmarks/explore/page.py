"""The page: what the search found beside random points, and how far its estimates are off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.array.page import table
from benchmarks.explore.results import COMMAND, DRAWN, MEASURES, holds
from sw_ref.files import write_atomically

INTRO = f"""\
# Explore beside chance

`stlq explore` searches engines for MLPerf Tiny's keyword spotting on an ECP5 25k, in its whole default space.
{DRAWN} points are drawn at random from the same space, and all are measured.
Points that no engine runs, or that do not fit the device, are drawn anew.
`{COMMAND}` makes this page.

"""


def write(results: dict[str, Any], folder: Path) -> None:
    """Write the page, whole or not at all."""
    write_atomically(folder / "README.md", "".join(_page(results)).encode())


def _page(results: dict[str, Any]) -> Iterator[str]:
    yield INTRO
    yield (
        f"The search measured {results['engines']} engines, and compiled {results['points']} points. "
        f"Its front has {len(results['front'])} points.\n"
        f"Of the random points {results['refused']} were refused.\n\n"
    )
    yield "## The best point of each quality\n\nQuality is the SQNR of the outputs. "
    yield "Each line has the best point of at least that quality.\n"
    verdict = "at least as good everywhere" if holds(results["comparison"]) else "not as good everywhere"
    yield f"**The search is {verdict}.**\n\n"
    for name in MEASURES:
        lines = [line for line in results["comparison"] if line["measure"] == name]
        yield table((f"{name}: SQNR, dB", "search", "random", "ratio"), map(_row, lines)) + "\n"
    yield from _estimates(results["estimates"])


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    search, random = line["search"], line["random"]
    ratio = "" if search is None else f"{search / random:.2f}"
    return (f"{line['quality']:.1f}", "none" if search is None else f"{search:.4g}", f"{random:.4g}", ratio)


def _estimates(errors: dict[str, Any]) -> Iterator[str]:
    yield "## Estimates\n\n"
    yield (
        f"The estimates that the search ends with, on the {errors['engines']} random engines that it did not measure:\n"
        f"median error of LUTs {100 * errors['luts']:.1f}%, of MHz {100 * errors['mhz']:.1f}%.\n"
    )
