"""`synth` and `pnr` of engines: resources by part, memories that stay memories, builds that are neither."""

import json
import re

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.engine_build import load_engine
from rtl_gen.errors import CheckError
from rtl_gen.harness import Harness
from rtl_gen.parts import BETWEEN, PARTS, cells_by_part, check_memories, modules_apart
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import Flow, Memory, mapped
from sw_ref.format import StlqFormat
from sw_ref.network import save_network
from verif.rtl_gen.compiler.networks import random_network

CONFIG = EngineConfig(array=ArrayConfig(format=StlqFormat(act_signed=False), pe=1, lanes=1), requant_lanes=1)
ASYNCHRONOUS = """
module broken(input clk, input we, input [8:0] a, input [7:0] d, output [7:0] q);
  reg [7:0] cells [0:511];
  always @(posedge clk) if (we) cells[a] <= d;
  assign q = cells[a];
endmodule
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from rtl_gen.cli import main

    path = tmp_path_factory.mktemp("engine")
    save_network(path / "net.safetensors", random_network(CONFIG, np.random.default_rng(1)))
    command = ["compile", str(path / "net.safetensors"), "--for", "ice40", "--out", str(path / "build")]
    assert main(command) == 0
    return path / "build"


def test_every_part_counts(run, folder):
    ran = run("synth", folder, "--target", "ice40")
    assert ran.status == 0, ran
    result = json.loads((folder / "synth-ice40.json").read_text())
    build = load_engine(folder)
    assert result["files"] == {
        "stlq_engine.v": json.loads((folder / "manifest.json").read_text())["files"]["stlq_engine.v"]
    }
    assert set(modules_apart(build.text, "stlq_engine").values()) == set(PARTS)
    assert list(result["parts"]) == [*PARTS, BETWEEN]
    whole, parts = result["resources"], result["parts"].values()
    assert (whole["dsp"], whole["multipliers"]) == (0, 0)
    # Boundaries cost little; blocks of memory are where they were.
    assert whole["luts"] <= sum(part["luts"] for part in parts) < 1.1 * whole["luts"]
    assert whole["memories"] == sum(part["memories"] for part in parts) >= result["parts"]["memories"]["memories"] > 4
    made = result["memories"]
    lanes = [name for name in made if re.fullmatch(r"memory\.lane\d", name)]
    assert len(lanes) == 1
    assert {made[name]["made_of"] for name in [*lanes, "weights.flags"]} == {"ICE40_RAM4K"}
    assert made["memory.lane0"]["bits"] == 8 * build.config.memory_words
    # 4 entries are needed; a store has 16, or it would become flip-flops.
    assert made["results.scales.slot0"]["made_of"] == "ICE40_RAM4K"
    assert "sequencer and loader" in ran.out


def test_a_memory_that_falls_apart_is_named():
    # Up to where memories are decided about.
    passes = f"{TARGETS['ice40'].script('broken')} -run begin:map_gates"
    found = mapped(ASYNCHRONOUS, "broken", Flow(passes=passes))
    assert found.memories == {"cells": Memory(bits=4096, made="")}
    with pytest.raises(CheckError, match=r"^memory cells of 4,096 bits falls apart into flip-flops; "):
        check_memories(found.memories)
    check_memories({"small": Memory(bits=1024, made=""), "kept": Memory(bits=1 << 20, made=None)})


def test_parts_are_found_at_any_depth():
    verilog = "".join(
        f"module {name}(clk);\n" + "".join(f"  {kind} {label} (\n  );\n" for kind, label in inside) + "endmodule\n"
        for name, inside in {
            "top": [("t_array", "array"), ("t_results", "results"), ("t_loader", "loader"), ("t_new", "new")],
            "t_array": [("t_pe", "pe0"), ("t_pe", "pe1")],
            "t_pe": [],
            "t_results": [("t_lane", "lane0"), ("t_scales", "scales")],
            "t_lane": [],
            "t_scales": [],
            "t_loader": [],
            "t_new": [],
        }.items()
    )
    apart = modules_apart(verilog, "top")
    loader = "sequencer and loader"
    assert apart == {"t_array": "array", "t_results": "requantizer", "t_scales": "memories", "t_loader": loader}
    modules = {
        "top": {"LUT": 5, "t_array": 1, "t_results": 1, "t_loader": 1},
        "t_array": {"LUT": 7, "t_pe": 2},
        "t_pe": {"LUT": 10, "FF": 1},
        "t_results": {"LUT": 3, "t_scales": 1},
        "t_scales": {"RAM": 4},
        "t_loader": {"FF": 2},
    }
    assert cells_by_part(modules, "top", apart) == {
        "array": {"LUT": 27, "FF": 2},
        "requantizer": {"LUT": 3},
        loader: {"FF": 2},
        "memories": {"RAM": 4},
        "ports": {},
        BETWEEN: {"LUT": 5},
    }


def test_the_harness_has_every_port(folder):
    build = load_engine(folder)
    harness = Harness.around(build)
    ports = [port for port in build.ports if port["name"] not in ("clk", "rst")]
    assert re.findall(r"\.(\w+)\((?:drive|outputs)\[", harness.text) == [port["name"] for port in ports]
    assert harness.cells["ICESTORM_LC"] == 1 + sum(port["width"] for port in ports)
    assert "stlq_engine engine (" in harness.text


def test_builds_of_another_kind(refused, folder, build, tmp_path):
    (tmp_path / "empty").mkdir()
    for command in (
        ("synth", tmp_path / "empty", "--target", "ice40"),
        ("pnr", tmp_path / "empty", "--target", "ice40"),
    ):
        assert "it has no manifest.json; allowed: a folder that `stlq generate` or `stlq compile` wrote" in refused(
            *command
        )
    np.save(tmp_path / "x.npy", np.zeros(1))
    assert "it is an engine; allowed: a folder that `stlq generate --out` wrote" in refused(
        "simulate", folder, "--model", tmp_path / "x.npy"
    )
    assert "it is an array" in refused("run", build, "--input", tmp_path / "x.npy")
