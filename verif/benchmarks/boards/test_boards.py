"""The commands that lead from a float network to a board's bitstream."""

import sys
from pathlib import Path

import pytest

from benchmarks.boards.__main__ import main
from benchmarks.boards.plan import DESIGNS
from benchmarks.networks import tiny
from rtl_gen.boards import BOARDS


def test_each_board_has_a_network() -> None:
    assert set(DESIGNS) == set(BOARDS)
    assert {design.network for design in DESIGNS.values()} <= set(tiny.TINY)


@pytest.mark.parametrize("board", DESIGNS)
def test_the_page_shows_these_options(board: str) -> None:
    page = (tiny.ROOT / "docs/boards.md").read_text()
    for options in (DESIGNS[board].convert, DESIGNS[board].compile):
        assert f" {options} --out " in page
    assert f"make {board}\n" in page


def test_an_absent_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the one of the board, and whether the variable was set."""
    monkeypatch.setattr(sys, "argv", ["boards", "ulx3s"])
    monkeypatch.setattr(tiny, "ROOT", tmp_path / "clone")
    folder = (tmp_path / "shared/networks").resolve()
    monkeypatch.setenv(tiny.VARIABLE, str(tmp_path))
    for where in (f"is {tmp_path}, which", f"is not set, and {folder}"):
        assert main() == 2
        assert capsys.readouterr().err.startswith(f"error: {tiny.VARIABLE} {where} lacks resnet8.onnx; allowed: ")
        monkeypatch.delenv(tiny.VARIABLE, raising=False)
