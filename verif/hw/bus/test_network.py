"""A whole network on the real engine through each bus by both drivers, against the golden execution."""

from pathlib import Path

import pytest
from cocotb_tools.runner import get_runner

from hw.bus.config import BusConfig
from hw.bus.verilog import bus_verilog
from hw.engine.engine import Engine
from verif.hw.bus.bench import simulate, small_engine
from verif.hw.bus.inference import Inference
from verif.hw.bus.kits import KITS, Kit
from verif.hw.engine.bench import CONFIG
from verif.hw.simulator import Result, read_results

BENCHES = {"axi": ("verif.hw.bus.tb_network", "verif.hw.bus.tb_cocotbext"), "wishbone": ("verif.hw.bus.tb_network",)}
TESTS = {"axi": ("a_network", "others_axi"), "wishbone": ("a_network",)}


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
def test_a_network_on_a_wide_bus(kit: Kit, tmp_path: Path) -> None:
    task = Inference(kit, 64, tmp_path)
    simulate(task.config, kit.serve(task.memory), task.bench, engine=Engine)


@pytest.fixture(scope="module")
def engine() -> str:
    return small_engine()


@pytest.mark.parametrize("name", KITS)
def test_the_verilog(name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same host and memory, in Icarus Verilog, on a bus of 32 bits; AXI also with those of cocotbext-axi."""
    for variable in ("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "COCOTB_MAX_FAILURES", "WAVES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("STLQ_BUS", name)
    config = BusConfig(engine=CONFIG, bus=KITS[name].config.bus)
    sources = {"top.v": bus_verilog(config), "engine.v": engine}
    for file, text in sources.items():
        (tmp_path / file).write_text(text)
    runner = get_runner("icarus")
    runner.build(
        sources=[tmp_path / file for file in sources],
        hdl_toplevel=config.name,
        build_dir=tmp_path,
        timescale=("1ns", "1ps"),
        log_file=tmp_path / "build.log",
    )
    report = tmp_path / "results.xml"
    runner.test(
        test_module=list(BENCHES[name]),
        hdl_toplevel_lang="verilog",
        hdl_toplevel=config.name,
        build_dir=tmp_path,
        results_xml=str(report),
        log_file=tmp_path / "test.log",
    )
    assert read_results(report) == Result(TESTS[name], {})
