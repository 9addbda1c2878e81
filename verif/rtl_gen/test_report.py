"""Tables on terminals of any width: no figure is lost."""

import re
import sys

import pytest

from rtl_gen.report import Report, Table, show

TABLE = Table(
    "two layers",
    ("tensor", "vectors", "sums", "mismatches"),
    [("blocks.0.conv.weight", "1,000", "123,456", "0"), ("fc", "4", "12", "7")],
)


@pytest.mark.parametrize("columns", [1, 20, 47, 80, 1000])
def test_every_figure_is_shown(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show(Report({}, [TABLE]), as_json=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    words = [line.split() for line in lines]
    assert ["tensor", "vectors", "sums", "mismatches"] in words
    assert any(line[-3:] == ["1,000", "123,456", "0"] for line in words)
    assert ["fc", "4", "12", "7"] in words
    # The text is folded where room is short, and whole.
    assert "".join(line[:9].strip() for line in lines[4:]) == "blocks.0.conv.weightfc" or columns >= 47
