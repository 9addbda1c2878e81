"""Conversions: the tables of the documents are those of the recorded lines; parts and multipliers make a difference."""

import json
from pathlib import Path

import pytest

from benchmarks.training import conversions, untrained
from benchmarks.training.spec import Run
from benchmarks.training.tasks import TASKS
from verif.benchmarks.training.tiny import Tiny
from verif.campaign.record import ROOT


@pytest.mark.parametrize(("page", "count"), [("calibration.md", 6), ("training.md", 2)])
def test_a_page_has_the_recorded_tables(page: str, count: int) -> None:
    text, tables = (ROOT / "docs/decisions" / page).read_text(), conversions.tables()[page]
    assert len(tables) == count
    assert [table for table in tables if table not in text] == []


def test_a_table_pairs_networks_and_seeds() -> None:
    first = {("residual", 0): 3.0, ("residual", 1): 5.0, ("unet", 0): 2.0}
    second = {("residual", 0): 2.5, ("residual", 1): 4.0, ("residual", 2): 9.0, ("dilated", 0): 2.0}
    assert conversions.table("less", {"one": (first, second)}).splitlines() == [
        "| less | one |",
        "|---|---|",
        "| residual (%) | +0.75 ± 0.25 (2) |",
    ]


def test_conversions_compare_with_two_words_trained_and_training_with_its_own() -> None:
    setting = dict(zip(("act_bits", "ratio", "budget"), untrained.SETTINGS[0], strict=True))
    line = {"network": "residual", "seed": 0, "multipliers": "two-term"}
    made = [line | setting | {"without": "nothing", "float": 92.5, "result": 91.0}]
    scores = {"at_once": 90.0, "integers": 89.0, "golden": 89.0}
    trained = {"stlq": 90.0, "two-word": 92.0}
    ended = [line | scores | {"method": method, "trained": score} for method, score in trained.items()]
    assert "| residual (%) | -1.00 (1) | - | - |" in conversions.conversion_tables(made, ended)[0]
    assert "| residual (%) | +0.00 (1) | -1.00 (1) | +0.00 (1) |" in conversions.training_table(ended)


def test_every_setting_gives_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "tiny", Tiny())
    run, lines = Run(task="tiny", method="ptq"), []
    for part, kind in (("nothing", "two-term"), ("compensation", "two-term"), ("nothing", "16-bit")):
        untrained.measure(run, tmp_path, part, kind, lines.append)
    made = [json.loads(line) for line in lines]
    settings = [
        (line["without"], line["multipliers"], line["act_bits"], line["ratio"], line["budget"]) for line in made
    ]
    assert settings == [
        *(("nothing", "two-term", *setting) for setting in untrained.SETTINGS),
        ("compensation", "two-term", *untrained.SETTINGS[0]),
        *(("nothing", "16-bit", *setting) for setting in (untrained.SETTINGS[0], untrained.SETTINGS[2])),
    ]
    assert len({line["float"] for line in made}) == 1
    assert len({line["result"] for line in made}) == len(made)
