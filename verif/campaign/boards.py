"""Bitstreams of MLPerf Tiny's networks for boards, and the same designs simulated from their pins.

The UART brings an input and takes the answer; the program is in block RAM, or in a model of a flash.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.boards.plan import DESIGNS, Design
from hw.bus.rom_config import Source
from rtl_gen.engine_build import NETWORK, PROGRAM, load_engine
from rtl_gen.rom_build import rom_config, rom_text
from sw_ref.network import load_network
from verif.hw.bus.pins import UartAnswer, UartTask, run_pins

SUMMARY = "bitstreams for boards, and the same designs from their pins"
COUNT = 2  # boards
LIMIT = 10_000_000  # clock cycles
SIMULATORS = {Source.FLASH: "icarus", Source.RAM: "verilator"}
"""Verilator has no lanes that are driven from both ends."""


def run(count: int, seed: int) -> dict[str, Any]:
    """The first ones.  The seed is that of the codes that go in; the placer has the command's own."""
    found = list[dict[str, Any]]()
    for design in list(DESIGNS.values())[:count]:
        found.append(_run(design, seed))
        print(found[-1], flush=True)
    return {"ok": all(entry["right"] for entry in found), "found": found}


def _run(design: Design, seed: int) -> dict[str, Any]:
    made = design.make().data
    started = time.perf_counter()
    answer, task = _simulate(design, seed)
    right = answer.bytes == task.answer and answer.kinds <= {"byte", "read"}
    return {
        "board": design.board.name,
        "network": design.network,
        "mhz": made["mhz"],
        "clock_mhz": made["clock_mhz"],
        "verilog": made["files"],
        "utilisation": {name: use["used"] for name, use in made["utilisation"].items()},
        "bitstream": made["bitstream"],
        "program_bytes": made["program"]["bytes"],
        "simulator": SIMULATORS[design.board.source],
        "seconds": round(time.perf_counter() - started, 1),
        "codes": len(task.outputs),
        "cycles": answer.cycles,
        "right": right,
    }


def _simulate(design: Design, seed: int) -> tuple[UartAnswer, UartTask]:
    build, board = load_engine(design.build), design.board
    config = rom_config(build.config, build.contents[PROGRAM], source=board.source, clock_hz=board.clock_hz)
    network = load_network(build.folder / NETWORK)
    shape = network.tensors[network.inputs[0]].shape
    task = UartTask.of(build.config, network, np.random.default_rng(seed).integers(0, 256, (1, *shape)))
    sources = {build.name: build.text, f"{config.name}.v": rom_text(config, "")}
    with tempfile.TemporaryDirectory(prefix="stlq-") as folder:
        sim = SIMULATORS[board.source]
        return run_pins(Path(folder), config, sources, task, sim=sim, limit=LIMIT), task
