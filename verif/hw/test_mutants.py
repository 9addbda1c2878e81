"""The benches against broken designs: each must be rejected, for the right reason."""

from pathlib import Path

import pytest
from amaranth import Fragment

from hw.array.alignment import Alignment
from hw.array.ping_pong import PingPong
from hw.config import ArrayConfig
from hw.verilog import array_verilog
from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS
from verif.hw.faults import driven, edited
from verif.hw.mutants import MUTANTS


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_rejected(name: str, simulator: str, seed: int, tmp_path: Path) -> None:
    mutant = MUTANTS[name]
    config = CONFIGS[mutant.config]
    simulator = mutant.simulator or simulator
    sim.build(simulator, config, mutant.fault.verilog(config), tmp_path)
    result = sim.run(simulator, config, tmp_path, "verif.hw.tb_array", seed=seed, tests=[mutant.test])
    assert result.ran == (mutant.test,)
    assert result.failures[mutant.test].startswith(mutant.complaint)


SMALL = ArrayConfig(pe=1, lanes=1)


def test_a_fault_without_a_name_inside_is_an_error() -> None:
    fault = driven(Alignment, "no_such_signal", lambda was, at: 0)
    names = r"'no_such_signal' names 0 things inside; there are: .*accept_tile, "
    with fault.planted(), pytest.raises(AttributeError, match=names):
        Fragment.get(Alignment(SMALL), None)


def test_a_fault_that_is_in_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^nothing calls elaborate of PingPong: the fault is not in this design$"):
        driven(PingPong, "turn", lambda was, at: 0).verilog(SMALL)


def test_a_fault_that_changes_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^elaborate of Alignment: the fault changes nothing$"):
        edited(Alignment, lambda inside: None).verilog(SMALL)


def test_a_fault_is_gone_afterwards() -> None:
    before = array_verilog(SMALL)
    MUTANTS["ready in reset"].fault.verilog(SMALL)
    assert array_verilog(SMALL) == before
