"""A small array after synthesis passes the benches of its Verilog; `python -m verif.campaign gates` does all stages."""

from pathlib import Path

import pytest

from rtl_gen.targets import PLACED
from verif.gates.netlist import netlist
from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS
from verif.hw.replay import compile_replay
from verif.hw.trace import make_trace

CONFIG = CONFIGS["other_name"]
TESTS = ("random_tiles_random_flags", "reset_in_the_middle", "cycles_are_beats_plus_latency", "sums_wait_until_taken")


@pytest.mark.parametrize("target", PLACED)
def test_the_synthesized_array_passes(target: str, seed: int, tmp_path: Path) -> None:
    gates = netlist(CONFIG, target, "synthesized", tmp_path)
    assert f"module {CONFIG.name}(" in gates
    assert compile_replay(make_trace(CONFIG, seed), gates, tmp_path / "replay")() == [None]
    sim.build("icarus", CONFIG, gates, tmp_path / "bench")
    result = sim.run("icarus", CONFIG, tmp_path / "bench", "verif.hw.tb_array", seed=seed, tests=TESTS)
    assert (sorted(result.ran), result.failures) == (sorted(TESTS), {})


def test_a_wrong_gate_is_noticed(seed: int, tmp_path: Path) -> None:
    gates = netlist(CONFIG, "ice40", "synthesized", tmp_path)
    head, body = gates.split(".LUT_INIT(16'h", 1)
    broken = f"{head}.LUT_INIT(16'h{int(body[:4], 16) ^ 0xFFFF:04x}{body[4:]}"
    assert compile_replay(make_trace(CONFIG, seed), broken, tmp_path / "replay")() != [None]
