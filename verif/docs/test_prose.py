"""Plain English, as far as it can be counted: short sentences, short lines, in everything that people read."""

from pathlib import Path

import pytest

from verif.docs.console import ROOT
from verif.docs.prose import lines, sentences

WORDS, COLUMNS = 30, 120
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "benchmarks").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_and_lines_are_short(page: Path) -> None:
    text = page.read_text()
    assert [s for s in sentences(text) if len(s.split()) > WORDS] == []
    assert [number for number, line in lines(text) if len(line) > COLUMNS] == []


def test_sentences_are_found() -> None:
    text = "# No\nOne `a b c` two: [three four](x.md).\n- five\n  six; seven 1.5 v.x\n\n| no | no |\n```\nno\n```\n"
    assert sentences(text) == ["One code two", "three four", "five six", "seven 1.5 v.x"]


def test_a_long_sentence_is_seen() -> None:
    assert max(len(s.split()) for s in sentences("word " * 31 + ".")) == WORDS + 1


def test_a_long_line_is_seen_but_in_tables_and_code() -> None:
    long = "x" * (COLUMNS + 1)
    found = [number for number, line in lines(f"a\n| {long} |\n```\n{long}\n```\n{long}\n") if len(line) > COLUMNS]
    assert found == [6]
