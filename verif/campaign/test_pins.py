"""The verdict on a netlist from its pins; `python -m verif.campaign pins` synthesizes and runs real ones."""

import re
from pathlib import Path
from typing import Any

import pytest

from hw.bus.rom_config import Source
from verif.campaign import pins
from verif.hw.bus.pins import UartAnswer, UartTask

CODE = "    .Q(\\rom.engine.results.requantizer.lane0.value [3])\n"
REGISTERS = {
    "icebreaker": f"  SB_DFFSR code (\n    .C(clk),\n    .D(\\value_D ),\n{CODE}",
    "ulx3s": f"  TRELLIS_FF code (\n    .CLK(clk),\n    .DI(\\value_D [1]),\n    .LSR(rst),\n{CODE}",
}


@pytest.mark.parametrize(("right", "broken", "ok"), [(True, False, True), (False, False, False), (True, True, False)])
def test_the_right_netlist_passes_and_the_broken_one_does_not(
    right: bool, broken: bool, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bench(folder: Path, config: Any, sources: dict[str, str], task: UartTask, *, reset: int) -> UartAnswer:
        netlist = sources["netlist.v"]
        good = right if netlist in REGISTERS.values() else broken
        assert (netlist in REGISTERS.values()) != (re.search(r"^    \.DI?\(1'h[01]\),$", netlist, re.M) is not None)
        said = [["byte", "1", str(byte)] for byte in (task.answer if good else task.answer[:-1])]
        reads = [["read", "1", "2"]] if config.source is Source.FLASH else []
        return UartAnswer(lines=[*said, *reads])

    monkeypatch.setattr(pins, "rom_verilog", lambda config, file: "")
    monkeypatch.setattr(pins, "small_engine", lambda: "")
    monkeypatch.setattr(pins, "_netlist", lambda board, config, verilog, folder: REGISTERS[board.name])
    monkeypatch.setattr("verif.hw.bus.pins.run_pins", bench)
    result = pins.run(1, 1)
    assert result["ok"] is ok
    assert [(entry["board"], entry["right"]) for entry in result["found"]] == [
        (board, good) for board in REGISTERS for good in (right, broken)
    ]
