"""What `synth` makes of what Yosys counted of an engine: parts, memories, refusals; without Yosys."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hw.engine.config import EngineConfig
from rtl_gen import synth
from rtl_gen.design import around_lines
from rtl_gen.engine_build import EngineBuild
from rtl_gen.synth import _parts_table  # pyright: ignore[reportPrivateUsage]
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import KEPT_MEMORY
from verif.rtl_gen.conftest import Run
from verif.rtl_gen.stand_in import CELLS, CONFIG, Yosys

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


def test_what_is_around_an_engine_is_not_measured_and_said(
    engine: Yosys, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = synth.load_design(tmp_path)
    assert isinstance(build, EngineBuild)
    others = {"stlq_axi.v": b"", "bench/bench.v": b"", "stlq_axi.core": b""}
    built = replace(build, contents={**build.contents, **others})
    monkeypatch.setattr(synth, "load_design", lambda folder: built)
    lines = run("synth", tmp_path, "--target", "xilinx").out.splitlines()
    assert lines[-2] == "not measured: stlq_axi.v, the top around the engine"
    assert around_lines(build) == []


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


def test_what_a_part_lacks_is_0() -> None:
    table = _parts_table({"a": {"luts": 1200, "flip_flops": 3}, "b": {"luts": 4}})
    assert [list(row) for row in table.rows] == [["a", "1,200", "3"], ["b", "4", "0"]]
