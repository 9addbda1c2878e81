"""The launcher: a run that tested nothing, or less than it should, is no success."""

from pathlib import Path

import pytest

from hw.verilog import array_verilog
from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS

CONFIG = CONFIGS["other_name"]
MODULE = "verif.hw.tb_array"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    sim.build("icarus", CONFIG, array_verilog(CONFIG), folder)
    return folder


def test_a_filter_that_matches_nothing_is_no_success(built: Path) -> None:
    result = sim.run("icarus", CONFIG, built, MODULE, seed=1, tests=["no_such_test"])
    assert result.ran == ()


def test_a_filter_in_the_environment_does_not_count(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCOTB_TEST_FILTER", "no_such_test")
    result = sim.run("icarus", CONFIG, built, MODULE, seed=1, tests=["one_tile_dot_products"])
    assert result == sim.Result(("one_tile_dot_products",), {})


def test_a_simulation_that_ends_early_is_an_error(built: Path) -> None:
    with pytest.raises(RuntimeError, match="the simulation ended early"):
        sim.run("icarus", CONFIG, built, "verif.hw.no_such_module", seed=1)


def test_verilog_with_an_error_does_not_build(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="return code"):
        sim.build("icarus", CONFIG, "module my_macs(input clk;\n", tmp_path)


def test_verilator_runs_the_same_tests(tmp_path: Path) -> None:
    """On one small configuration, whatever `--sim` says; with it, all launchers use Verilator."""
    sim.build("verilator", CONFIG, array_verilog(CONFIG), tmp_path)
    tests = ["random_tiles_random_flags", "cycles_are_beats_plus_latency"]
    result = sim.run("verilator", CONFIG, tmp_path, MODULE, seed=1, tests=tests)
    assert (sorted(result.ran), result.failures) == (sorted(tests), {})
