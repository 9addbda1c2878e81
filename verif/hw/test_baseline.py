"""The baselines on the benches of the array itself: each against its own golden, and a broken one is rejected."""

from pathlib import Path
from typing import Any

import pytest

from hw.array.decoder import Decoder
from hw.baseline.apot import TwoTermOperand
from hw.baseline.config import BaselineConfig
from hw.baseline.forms import operand_forms
from hw.baseline.integer import BoothOperand, ProductOperand, RowsOperand
from hw.verilog import array_verilog
from sw_ref.baseline import ApotFormat, IntegerFormat, TwoWordFormat
from verif.hw import simulator as sim
from verif.hw.faults import driven
from verif.hw.test_array import TESTS
from verif.hw.test_width import fits

# A trained network comes as STLQ words; all else of the array's bench holds for other numbers too.
BASELINE_TESTS = [name for name in TESTS if name != "trained_weights"]
CONFIGS: dict[str, BaselineConfig] = {
    "int2": BaselineConfig(format=IntegerFormat(bits=2), pe=3, lanes=5, depth=37),
    "int3": BaselineConfig(format=IntegerFormat(bits=3, act_bits=6, act_signed=False), pe=2, lanes=4, depth=40),
    "int4": BaselineConfig(format=IntegerFormat(bits=4, act_bits=5), pe=2, lanes=3, depth=33, pipeline=2),
    "int5": BaselineConfig(format=IntegerFormat(bits=5, act_bits=2), pe=1, lanes=1, depth=50),
    "int6": BaselineConfig(
        format=IntegerFormat(bits=6, act_bits=4, act_signed=False), pe=1, lanes=2, depth=9, pipeline=0
    ),
    "int7": BaselineConfig(format=IntegerFormat(bits=7), pe=2, lanes=2, depth=6, pipeline=1),
    "int8": BaselineConfig(format=IntegerFormat(bits=8), pe=2, lanes=3, depth=7),
    "apot3": BaselineConfig(format=ApotFormat(bits=3), pe=2, lanes=5, depth=37),
    "apot3_unsigned": BaselineConfig(format=ApotFormat(bits=3, act_bits=4, act_signed=False), pe=2, lanes=1, depth=9),
    "apot4": BaselineConfig(format=ApotFormat(bits=4), pe=3, lanes=4, depth=40),
    "apot4_unsigned": BaselineConfig(
        format=ApotFormat(act_bits=5, act_signed=False), pe=1, lanes=3, depth=20, pipeline=0
    ),
    "two_word": BaselineConfig(format=TwoWordFormat(), pe=2, lanes=5, depth=37),
    "int4_pixels": BaselineConfig(format=IntegerFormat(bits=4, act_bits=4), pixels=2, pe=2, lanes=3, depth=33),
    "apot4_pixels": BaselineConfig(format=ApotFormat(act_bits=3), pixels=3, pe=1, lanes=3, depth=20),
    "two_word_pixels": BaselineConfig(format=TwoWordFormat(act_bits=4), pixels=2, pe=2, lanes=3, depth=12),
    "two_word_wide": BaselineConfig(
        format=TwoWordFormat(word_bits=4, act_bits=6, act_signed=False), pe=1, lanes=1, depth=10
    ),
}
# Of multipliers, the form that depends on the width in many ways runs in every width.
FORMS = [
    (name, form)
    for name, config in CONFIGS.items()
    for form in operand_forms(config.format)
    if form not in ("product", "rows2") or name in ("int2", "int3", "int8")
]
ARITHMETIC = ["random_tiles_random_flags", "extremes_at_full_depth"]
# One array of each operand part, and a fault in it.
FAULTS = {
    ("int2", "product"): driven(ProductOperand, "held0", lambda was, at: ~was),
    ("int3", "rows2"): driven(RowsOperand, "row0_0", lambda was, at: ~was),
    ("int4", "rows4"): driven(BoothOperand, "row0_0", lambda was, at: ~was),
    ("apot4", "apot"): driven(TwoTermOperand, "sign0", lambda was, at: ~was),
    ("two_word", "two_word"): driven(Decoder, "zero", lambda was, at: 0),
}


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_sums_are_the_golden_ones(name: str, form: str, simulator: str, seed: int, tmp_path: Path) -> None:
    config = CONFIGS[name]
    sim.build(simulator, config, array_verilog(config, operand_forms(config.format)[form]), tmp_path)
    tests = BASELINE_TESTS if (name, form) in FAULTS else ARITHMETIC
    result = sim.run(simulator, config, tmp_path, "verif.hw.tb_array", seed=seed, tests=tests)
    assert result.failures == {}
    assert sorted(result.ran) == sorted(tests)


@pytest.mark.parametrize(("name", "form"), FAULTS)
def test_a_broken_baseline_is_rejected(name: str, form: str, simulator: str, seed: int, tmp_path: Path) -> None:
    config = CONFIGS[name]
    broken = FAULTS[name, form].verilog(config, operand_forms(config.format)[form])
    sim.build(simulator, config, broken, tmp_path)
    result = sim.run(simulator, config, tmp_path, "verif.hw.tb_array", seed=seed, tests=ARITHMETIC[:1])
    assert result.ran == (ARITHMETIC[0],)
    assert result.failures[ARITHMETIC[0]].startswith("mismatch")


def test_every_form_has_its_fault() -> None:
    assert {form for _, form in FORMS} == {form for _, form in FAULTS}


@pytest.mark.parametrize("fmt", [config.format for config in CONFIGS.values()])
def test_the_accumulator_is_as_wide_as_it_must_be(fmt: Any) -> None:
    """No sum of `depth` products leaves the range, and one does leave that of one bit less."""
    weights = [fmt.weight(code) for code in fmt.codes]
    products = [weight * act for weight in (min(weights), max(weights)) for act in (fmt.act_min, fmt.act_max)]
    for depth in (1, 3, 4096):
        width = fmt.acc_bits(depth)
        assert fits(depth * min(products), depth * max(products), width)
        assert not fits(depth * min(products), depth * max(products), width - 1)
