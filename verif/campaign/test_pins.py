"""The verdict on a netlist from its pins; `python -m verif.campaign pins` synthesizes and runs real ones."""

from pathlib import Path
from typing import Any

import pytest

from hw.bus.rom_config import Source
from verif.campaign import pins
from verif.hw.bus.pins import UartAnswer, UartTask

LUTS = {
    "icebreaker": "  SB_LUT4 #(\n    .LUT_INIT(16'h00f0)\n  ) \\rom.engine.results.carry (\n",
    "ulx3s": "  LUT4 #(\n    .INIT(16'h00f0)\n  ) \\rom.engine.results.carry (\n",
}


@pytest.mark.parametrize(("right", "broken", "ok"), [(True, False, True), (False, False, False), (True, True, False)])
def test_the_right_netlist_passes_and_the_broken_one_does_not(
    right: bool, broken: bool, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bench(folder: Path, config: Any, sources: dict[str, str], task: UartTask, *, reset: int) -> UartAnswer:
        good = right if "16'h00f0" in sources["netlist.v"] else broken
        assert ("16'hff0f" in sources["netlist.v"]) != ("16'h00f0" in sources["netlist.v"])
        said = [["byte", "1", str(byte)] for byte in (task.answer if good else task.answer[:-1])]
        reads = [["read", "1", "2"]] if config.source is Source.FLASH else []
        return UartAnswer(lines=[*said, *reads])

    monkeypatch.setattr(pins, "rom_verilog", lambda config, file: "")
    monkeypatch.setattr(pins, "small_engine", lambda: "")
    monkeypatch.setattr(pins, "_netlist", lambda board, config, verilog, folder: LUTS[board.name])
    monkeypatch.setattr("verif.hw.bus.pins.run_pins", bench)
    result = pins.run(1, 1)
    assert result["ok"] is ok
    assert [(entry["board"], entry["right"]) for entry in result["found"]] == [
        (board, good) for board in LUTS for good in (right, broken)
    ]
