"""The tables of documents on training hold what the study recorded."""

import re

import pytest

from verif.docs.console import ROOT

RESULTS = ROOT / "benchmarks/training/results"
FIGURE = re.compile(r"[+-]\d+\.\d\d ± \d+\.\d\d")


def recorded(name: str) -> dict[str, list[str]]:
    """The figures of each row of a page, by the row's first cell without its bar; of equal cells the first row."""
    found: dict[str, list[str]] = {}
    for line in (RESULTS / name).read_text().splitlines():
        if line.startswith("|"):
            _, label, *cells = line.split("|")
            found.setdefault(label.split(";")[0].strip(), FIGURE.findall("|".join(cells)))
    return found


@pytest.mark.parametrize(
    "method", ["`stlq-cycles` 15%", "`stlq-cycles` 5%", "`stlq` 15%", "`one-word`", "`lsq3`", "`float`"]
)
def test_the_table_of_training_is_what_was_measured(method: str) -> None:
    (row,) = [line for line in (ROOT / "docs/training.md").read_text().splitlines() if "±" in line and method in line]
    figures = FIGURE.findall(row)
    assert len(figures) == 4
    assert figures == recorded("bars.md")[method]


def test_the_results_hold_the_tables_of_the_campaign() -> None:
    bars = (RESULTS / "bars.md").read_text()
    rows = [line for line in (RESULTS / "README.md").read_text().splitlines() if "±" in line and line.startswith("|")]
    assert len(rows) >= 30
    assert [row for row in rows if row not in bars] == []


def test_the_how_to_stays_short() -> None:
    assert len((ROOT / "docs/training.md").read_text().splitlines()) <= 150
