"""The benches against broken designs: each must be rejected, for the right reason."""

from pathlib import Path

import pytest

from hw.verilog import array_verilog
from verif.hw import simulator as sim
from verif.hw.configs import CONFIGS
from verif.hw.mutants import MUTANTS


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_rejected(name: str, simulator: str, seed: int, tmp_path: Path) -> None:
    mutant = MUTANTS[name]
    config = CONFIGS[mutant.config]
    simulator = mutant.simulator or simulator
    sim.build(simulator, config, mutant.apply(array_verilog(config)), tmp_path)
    result = sim.run(simulator, config, tmp_path, "verif.hw.tb_array", seed=seed, tests=[mutant.test])
    assert result.ran == (mutant.test,)
    assert result.failures[mutant.test].startswith(mutant.complaint)


def test_an_edit_that_does_not_apply_is_noticed() -> None:
    with pytest.raises(ValueError, match="applies in 0 places; allowed: exactly 1"):
        next(iter(MUTANTS.values())).apply("module empty; endmodule\n")
