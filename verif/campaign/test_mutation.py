"""A few mutants of one configuration; `python -m verif.campaign mutation` tries more than a thousand of several."""

from pathlib import Path

import numpy as np
import pytest

from rtl_gen.errors import CheckError
from verif.campaign.equivalence import is_equivalent
from verif.campaign.mutation import Mutant, make_mutants, try_mutants
from verif.hw.configs import CONFIGS
from verif.hw.cycles import CycleModel
from verif.hw.pace import always
from verif.hw.stimulus import encode, random_jobs
from verif.hw.trace import Trace, make_trace

CONFIG = CONFIGS["smallest_unsigned"]
COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


@pytest.fixture(scope="module")
def mutants(folder: Path, seed: int) -> list[Mutant]:
    return make_mutants(CONFIG, COUNT, seed, folder)


def test_every_mutant_is_killed_or_proven_to_be_none(mutants: list[Mutant], folder: Path, seed: int) -> None:
    verdicts = try_mutants(make_trace(CONFIG, seed), mutants, folder)
    assert len(set(verdicts)) == COUNT
    left = [mutant for mutant, cycle in verdicts.items() if cycle is None]
    assert len(left) < COUNT // 4
    assert [mutant.place for mutant in left if not is_equivalent(CONFIG, mutant.options, folder)] == []


def test_a_weak_regression_leaves_survivors_that_no_proof_excuses(
    mutants: list[Mutant], folder: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weak = Trace(CONFIG, rng)
    weak.reset(2)
    weak.reset(1, CycleModel(CONFIG, iter(())))
    weak.run(encode(CONFIG, random_jobs(CONFIG, rng, 2, tiles=1, two_word=[False]), rng), [always() for _ in range(3)])
    missed = [mutant for mutant, cycle in try_mutants(weak, mutants, folder).items() if cycle is None]
    strong = try_mutants(make_trace(CONFIG, seed), mutants, folder)
    real = [mutant for mutant in missed if strong[mutant] is not None]
    assert len(real) >= 2
    assert is_equivalent(CONFIG, real[0].options, folder) is None


def test_a_wrong_original_is_an_error(mutants: list[Mutant], folder: Path, seed: int) -> None:
    text = (folder / "mutants.v").read_text()
    wrong = folder / "wrong"
    wrong.mkdir()
    (wrong / "mutants.v").write_text(text.replace("sums__valid <=", "sums__valid <= 1'h1 |", 1))
    with pytest.raises(CheckError, match="the design itself is wrong in cycle"):
        try_mutants(make_trace(CONFIG, seed), mutants, wrong)
