"""Reports: tables on terminals of any width lose no figure, and names from files stay text."""

import re
import sys

import pytest

from rtl_gen.report import Report, Table, progress, show

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


HOSTILE = "a\npass: all \x1b[31m[/bold][red]"
ESCAPED = r"a\npass: all \x1b[31m[/bold][red]"


def test_a_name_from_a_file_stays_text(capsys):
    show(Report({}, [f"largest: {HOSTILE}", Table(HOSTILE, ("layer", "sums"), [(HOSTILE, "1")])]), as_json=False)
    out = capsys.readouterr().out
    assert out.count(ESCAPED) == 3
    assert "\x1b" not in out
    assert not re.search("^pass", out, re.M)


def test_a_name_is_no_markup_of_the_progress_display(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(HOSTILE):
        pass
    assert ESCAPED in capsys.readouterr().err


def test_a_name_in_an_error_stays_text(refused, tmp_path):
    assert rf"{tmp_path}/\x1b[31m.npy: no such file" in refused(
        "quantize", tmp_path / "\x1b[31m.npy", "--out", "q.safetensors"
    )
