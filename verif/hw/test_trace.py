"""The array against the golden and the model of cycles, in every cycle; and broken designs against the same traces."""

from pathlib import Path

import pytest

from hw.verilog import array_verilog
from verif.hw.configs import CONFIGS
from verif.hw.mutants import MUTANTS
from verif.hw.replay import compile_replay
from verif.hw.trace import make_trace

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
    assert compile_replay(trace, array_verilog(config), tmp_path)() == [None]


@pytest.mark.parametrize("name", REJECTED)
def test_a_broken_design_is_rejected(name: str, seed: int, tmp_path: Path) -> None:
    config = CONFIGS[MUTANTS[name].config]
    broken = MUTANTS[name].apply(array_verilog(config))
    (wrong,) = compile_replay(make_trace(config, seed), broken, tmp_path)()
    assert wrong is not None
