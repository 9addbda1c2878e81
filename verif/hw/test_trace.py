"""The array against the golden and the model of cycles, in every cycle; and broken designs against the same traces."""

from pathlib import Path

import pytest

from hw.array import operand
from verif.hw.configs import CONFIGS, verilog_of
from verif.hw.faults import Fault
from verif.hw.mutants import MUTANTS
from verif.hw.replay import compile_replay
from verif.hw.trace import make_trace
from verif.hw.unknown import without_initial_values

# One of each kind: arithmetic, flags, a stream, time alone, reset.
REJECTED = (
    "gap of the residual shift not filled",
    "last read from the second beat",
    "valid falls before the transfer",
    "a tile every other cycle",
    "sum survives reset",
)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_cycle_is_right(name: str, seed: int, tmp_path: Path) -> None:
    config = CONFIGS[name]
    trace = make_trace(config, seed, rounds=1)
    assert trace.sums > 100
    assert any(cycle.ignored for cycle in trace.cycles if cycle.tiles_valid and cycle.tiles_ready)
    # As on a chip without initial values; what is not valid is unknown too.
    verilog = without_initial_values(verilog_of(name))
    assert compile_replay(trace, verilog, tmp_path)() == [None]


def test_a_sum_of_what_is_not_valid_is_rejected(seed: int, tmp_path: Path) -> None:
    config = CONFIGS["odd_3x5"]
    kept = Fault(operand, "drive", lambda right, *args, clear_carry: right(*args, clear_carry=False))
    trace = make_trace(config, seed, rounds=1)
    (wrong,) = compile_replay(trace, without_initial_values(kept.verilog(config)), tmp_path)()
    assert wrong is not None


def test_initial_values_are_taken_away() -> None:
    text = "  reg [7:0] x = 8'h00;\n  reg \\$y  = 1'h0;\n  wire z = x[0];\n"
    assert without_initial_values(text) == "  reg [7:0] x;\n  reg \\$y ;\n  wire z = x[0];\n"
    with pytest.raises(ValueError, match=r"^the Verilog has no initial values$"):
        without_initial_values("  wire z = x[0];\n")


@pytest.mark.parametrize("name", REJECTED)
def test_a_broken_design_is_rejected(name: str, seed: int, tmp_path: Path) -> None:
    config = CONFIGS[MUTANTS[name].config]
    broken = MUTANTS[name].fault.verilog(config)
    (wrong,) = compile_replay(make_trace(config, seed), broken, tmp_path)()
    assert wrong is not None
