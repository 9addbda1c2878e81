"""The verdict on a board; `python -m verif.campaign boards` makes and simulates real ones."""

from typing import Any

import pytest

from benchmarks.boards.plan import Design
from rtl_gen.report import Report
from verif.campaign import boards
from verif.hw.bus.pins import UartAnswer, UartTask

TASK = UartTask(inputs=b"in", greeting=b"engine", outputs=b"out")
MADE: dict[str, Any] = {
    "mhz": 30.0,
    "clock_mhz": 25.0,
    "files": {},
    "utilisation": {"cells": {"used": 5, "available": 9}},
    "bitstream": {"bytes": 7},
    "program": {"bytes": 3},
}


@pytest.mark.parametrize(
    ("came", "more", "ok"),
    [(b"engineout", [], True), (b"engineouT", [], False), (b"engineou", [], False), (b"engineout", ["overrun"], False)],
)
def test_an_answer_is_right_if_it_is_the_goldens(
    came: bytes, more: list[str], ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [["byte", str(10 * at), str(byte)] for at, byte in enumerate(came)]
    answer = UartAnswer(lines=[*lines, *([more] if more else [])])
    monkeypatch.setattr(Design, "make", lambda self: Report(MADE, []))
    monkeypatch.setattr(boards, "_simulate", lambda design, seed: (answer, TASK))
    result = boards.run(2, 1)
    assert result["ok"] is ok
    assert [(entry["right"], entry["cycles"]) for entry in result["found"]] == 2 * [(ok, 10 * (len(came) - 1))]
