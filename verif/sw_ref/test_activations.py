"""The linear activation quantizer."""

import math
from fractions import Fraction

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from sw_ref.activations import dequantize_activations, quantize_activations, search_step
from sw_ref.format import StlqFormat

FORMATS = [StlqFormat(act_bits=a, act_signed=s) for a in (2, 3, 8, 16) for s in (True, False)]


@pytest.mark.parametrize("zero", [0, 1, 2])
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_codes_are_the_nearest_ties_to_even_and_clipped(fmt: StlqFormat, zero: int) -> None:
    rng = np.random.default_rng(11)
    step = 0.25
    values = np.concatenate([rng.standard_normal(2000) * 3, np.arange(-40, 40) * step / 2, [1e9, -1e9]])
    nearest = (round(Fraction(x) / Fraction(step)) + zero for x in values)
    codes = quantize_activations(values, step, fmt, zero)
    assert codes.dtype == np.int32
    assert codes.tolist() == [min(max(code, fmt.act_min), fmt.act_max) for code in nearest]
    inner = (codes > fmt.act_min) & (codes < fmt.act_max)
    assert (np.abs(dequantize_activations(codes, step, zero) - values)[inner] <= step / 2).all()


def test_the_quantizer_is_onnx_quantize_linear() -> None:
    fmt, rng = StlqFormat(act_signed=False), np.random.default_rng(13)
    values = np.concatenate([rng.standard_normal(5000) * 9, np.arange(-500, 500) * 0.05, [1e6, -1e6]])
    values = values.astype(np.float32)
    step = np.float32(0.1)
    node = helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["codes"])
    (expected,) = ReferenceEvaluator(node).run(None, {"x": values, "step": step, "zero": np.uint8(77)})
    assert (quantize_activations(values, float(step), fmt, 77) == expected).all()


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_searched_step_is_as_good_as_a_dense_scan(size: float, fmt: StlqFormat) -> None:
    values = np.random.default_rng(12).standard_normal(3000) * size
    values = values if fmt.act_signed else np.maximum(values, 0)

    def error(step: float) -> float:
        return float(np.square(values - dequantize_activations(quantize_activations(values, step, fmt), step)).sum())

    full = np.abs(values).max() / fmt.act_max
    found = search_step(values, fmt)
    assert error(found) <= 1.02 * min(error(full * 2.0 ** (-i / 20)) for i in range(120))


def test_the_search_ends_at_a_64th_of_the_step_that_clips_nothing() -> None:
    """Far below, most values would be met exactly."""
    fmt = StlqFormat(act_bits=2, act_signed=False)
    full = 1.0 / fmt.act_max
    values = np.append(np.full(300_000, full * 2**-6.4), 1.0)
    assert search_step(values, fmt) == full * 2.0 ** (-24 / 4) * 2.0 ** (-7 / 32)


def test_codes_of_any_type_are_real_numbers() -> None:
    assert dequantize_activations(np.array([0, 255], np.uint8), 0.5, 10).tolist() == [-5.0, 122.5]


def test_zeros_and_negatives_for_unsigned_have_the_step_one() -> None:
    assert search_step(np.zeros(5), StlqFormat()) == 1.0
    assert search_step([-1.0, 0.0], StlqFormat(act_signed=False)) == 1.0


def test_without_a_zero_point_code_0_is_0() -> None:
    assert quantize_activations([-1.0, 0.0, 2.0], 1.0, StlqFormat()).tolist() == [-1, 0, 2]


def test_refusals() -> None:
    fmt = StlqFormat()
    for bad in (math.nan, math.inf, np.longdouble("1e4000")):
        with pytest.raises(ValueError, match=r"^activations hold NaN or infinity; allowed: finite numbers$"):
            quantize_activations(np.array([bad]), 1.0, fmt)
    for step in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"step is {step}; allowed: a finite number above 0"):
            quantize_activations([0.0], step, fmt)
    with pytest.raises(ValueError, match="step is inf; allowed: a finite number above 0"):
        quantize_activations(np.zeros(1, np.float32), 1e300, fmt)
    with pytest.raises(ValueError, match=r"^there are no activations; allowed: one or more$"):
        search_step([], fmt)
