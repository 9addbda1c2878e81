"""The element-wise quantizers against scalar transcriptions, at random values and at every boundary."""

import math

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import SCALE_MAX, SCALE_MIN, log_dequantize, log_quantize, quantize_words, split_words
from verif.sw_ref import paper

BITS = [2, 3, 4, 5]
UNITS = [1.0, 0.7310585975646973, 3.0e-3, 123.456]
SEED = 20210619
RANDOM = 100_000


def random_values(unit: float) -> NDArray[np.float64]:
    """Values of every size that matters, half from a Gaussian and half evenly over the binary orders."""
    rng = np.random.default_rng(SEED)
    gauss = rng.standard_normal(RANDOM // 2) * unit / 3
    spread = rng.choice([-1.0, 1.0], RANDOM // 2) * unit * 2.0 ** rng.uniform(-22, 3, RANDOM // 2)
    return np.concatenate([gauss, spread])


def around(values: list[float], dtype: type, steps: int = 3) -> NDArray[np.floating]:
    """Each value, its nearest neighbours in `dtype`, and all of them negated; both zeros."""
    found = [dtype(0.0), dtype(-0.0)]
    for value in values:
        low = high = dtype(value)
        found.append(low)
        for _ in range(steps):
            low, high = np.nextafter(low, dtype(0)), np.nextafter(high, dtype(np.inf))
            found += [low, high]
    array = np.array(found, dtype)
    return np.concatenate([array, -array])


def boundaries(unit: float, bits: int) -> list[float]:
    """Every level of both words, every midpoint, every log-domain boundary, and far outside."""
    depth = 2 ** (bits - 1) + 8
    steps = [unit * 2.0**-n for n in range(-3, depth)]
    middles = [0.75 * unit * 2.0**-n for n in range(-3, depth)]
    logs = [unit * 2.0 ** -(n + 0.5) for n in range(-3, depth)]
    sums = [a + b for a in steps for b in (middles + logs)[:8]]
    return steps + middles + logs + sums + [1e-30, 1e30]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("bits", BITS)
def test_literal_equals_the_formulas(bits: int, unit: float) -> None:
    print("seed", SEED)
    fmt = StlqFormat(bits=bits, residual_shift=0)
    values = np.concatenate([random_values(unit), around(boundaries(unit, bits), np.float64)])
    if unit != UNITS[1]:
        values = values[RANDOM - 2000 :]  # all random values for one unit, the boundaries for each
    expected = [paper.two_words(x, unit, bits) for x in values.tolist()]
    word1, word2 = quantize_words(values, unit, fmt, literal=True)
    assert list(zip(word1.tolist(), word2.tolist(), strict=True)) == expected
    assert log_quantize(values, unit, fmt, literal=True).tolist() == [first for first, _ in expected]
    assert {q for pair in expected for q in pair} == set(fmt.codes)


@pytest.mark.parametrize("bits", BITS)
def test_literal_equals_the_formulas_on_float32(bits: int) -> None:
    fmt = StlqFormat(bits=bits, residual_shift=0)
    unit = float(np.float32(0.8137))
    values = np.concatenate([random_values(unit)[::10].astype(np.float32), around(boundaries(unit, bits), np.float32)])
    expected = [paper.two_words(float(x), unit, bits) for x in values]
    word1, word2 = quantize_words(values, unit, fmt, literal=True)
    assert list(zip(word1.tolist(), word2.tolist(), strict=True)) == expected


@pytest.mark.parametrize(("unit", "dtype"), [(1.0, np.float32), (3.0e-3, np.float32), (UNITS[1], np.float64)])
@pytest.mark.parametrize("bits", BITS)
def test_default_takes_the_nearest_level_exactly(bits: int, unit: float, dtype: type) -> None:
    fmt, scale = StlqFormat(bits=bits), dtype(unit)
    values = np.concatenate(
        [random_values(unit)[::100].astype(dtype), around(boundaries(float(scale), bits), dtype, steps=2)]
    )
    values = values[np.abs(values) < 1e20]  # where a residual is the value itself, all has been said
    word1, word2 = quantize_words(values, scale, fmt)
    first = log_dequantize(word1, scale, fmt)
    assert first.dtype == dtype
    assert word1.tolist() == [paper.nearest(float(x), float(scale), bits) for x in values]
    residual = values - first
    assert word2.tolist() == [paper.nearest(float(r), float(scale) / 4, bits) for r in residual]


@pytest.mark.parametrize("bits", BITS)
def test_default_equals_a_search_over_all_levels(bits: int) -> None:
    fmt, unit = StlqFormat(bits=bits), 0.7310585975646973
    values = random_values(unit)
    codes = log_quantize(values, unit, fmt)
    levels = np.array([math.copysign(unit * 2.0 ** -abs(q), q) if q else 0.0 for q in fmt.codes])
    # Both signs' levels: a value may not cross zero, so the other sign's are no nearer.
    best = np.abs(values[:, None] - levels[None, :]).argmin(axis=1) - fmt.levels
    differing = codes != best
    # Between the positive side's smallest level and 0 a negative level is never nearest; nothing may differ.
    assert not differing.any()


def test_ties_go_away_from_zero_and_the_dead_zone_is_half_of_the_smallest_level() -> None:
    fmt = StlqFormat(bits=3)
    below = np.nextafter
    assert log_quantize([0.375, below(0.375, 0), -0.375], 1.0, fmt).tolist() == [1, 2, -1]
    assert log_quantize([1 / 16, below(1 / 16, 0)], 1.0, fmt).tolist() == [3, 0]
    assert log_quantize([-1 / 32, below(-1 / 32, 0)], 1.0, fmt).tolist() == [-4, 0]


@pytest.mark.parametrize("bits", BITS)
def test_dequantize_is_exact_for_every_code_and_inverts_quantize(bits: int) -> None:
    fmt = StlqFormat(bits=bits)
    codes = np.array(fmt.codes, np.int8)
    for scale in (0.3, np.float32(0.3), np.float32(SCALE_MIN), np.float32(SCALE_MAX)):
        values = log_dequantize(codes, scale, fmt)
        assert values.tolist() == [paper.log_dq(q, float(scale)) for q in fmt.codes]
        assert values.dtype == np.asarray(scale).dtype
        assert log_quantize(values, scale, fmt).tolist() == codes.tolist()
    literal = log_quantize(log_dequantize(codes, 0.3, fmt), 0.3, fmt, literal=True)
    assert literal.tolist() == codes.tolist()


def test_a_scale_may_be_a_whole_number_and_a_flag_any_number_but_0() -> None:
    fmt = StlqFormat(bits=3)
    found = log_dequantize(np.array([1, -2], np.int8), 2, fmt)
    assert (found.tolist(), found.dtype) == ([paper.log_dq(q, 2.0) for q in (1, -2)], np.float64)
    flags = [
        quantize_words([0.56, 0.56, 0.56], 1.0, fmt, two_word=flags)[1].tolist() for flags in ([2, 0, 1], [1, 0, 1])
    ]
    assert flags == [[2, 0, 2], [2, 0, 2]]


def test_residual_of_exactly_zero_gets_a_zero_word() -> None:
    fmt = StlqFormat(bits=3, residual_shift=0)
    for literal in (False, True):
        word1, word2 = quantize_words([0.5, -0.25, 0.0], 1.0, fmt, literal=literal)
        assert (word1.tolist(), word2.tolist()) == ([1, -2, 0], [0, 0, 0])


@pytest.mark.parametrize("literal", [False, True])
def test_the_residuals_are_what_is_left_after_each_word(literal: bool) -> None:
    fmt, values = StlqFormat(bits=3, residual_shift=0 if literal else 2), np.array([0.53, -0.4, 0.07, 0.0])
    unit = np.array(1.0)
    word1, word2, r1, r2 = split_words(values, unit, fmt, literal)
    first = log_dequantize(word1, unit, fmt)
    second = log_dequantize(word2, unit * 2.0**-fmt.residual_shift, fmt)
    assert np.array_equal(r1, values - first)
    assert np.array_equal(r2, values - first - second)


def test_literal_words_of_float32_values_are_decided_in_float64() -> None:
    fmt, unit = StlqFormat(bits=3, residual_shift=0), np.float32(0.7310586)
    values = around([float(unit) * 2.0 ** -(n + 0.5) for n in range(1, 4)], np.float32)
    short, long = (quantize_words(x, unit, fmt, literal=True) for x in (values, values.astype(np.float64)))
    assert [w.tolist() for w in short] == [w.tolist() for w in long]


def test_integers_are_decided_in_float64() -> None:
    edge = 3 << 24  # between the levels U / 2 and U / 4 of U = 2^27; float32 cannot hold the number below it
    for kind in (np.int64, np.uint32):
        assert log_quantize(np.array([edge, edge - 1], kind), 2.0**27, StlqFormat()).tolist() == [1, 2]


def test_second_words_only_where_asked_and_on_the_finer_scale() -> None:
    fmt = StlqFormat(bits=3)
    x = np.full((2, 2), 0.5 + 0.0625, np.float32)
    assert quantize_words(x, 1.0, fmt, [[1, 0], [0, 0]])[1].tolist() == [[2, 0], [0, 0]]
    assert quantize_words(x, 1.0, fmt, False)[1].tolist() == [[0, 0], [0, 0]]


def test_one_scale_per_channel_equals_channel_by_channel() -> None:
    rng = np.random.default_rng(SEED)
    x, scales = rng.standard_normal((5, 40)).astype(np.float32), np.array([0.1, 1, 2, 3.3, 100], np.float32)
    for literal, fmt in ((False, StlqFormat(bits=4)), (True, StlqFormat(bits=4, residual_shift=0))):
        together = quantize_words(x, scales[:, None], fmt, literal=literal)
        for row, scale in enumerate(scales):
            alone = quantize_words(x[row], scale, fmt, literal=literal)
            assert [w[row].tolist() for w in together] == [w.tolist() for w in alone]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats_are_decided_as_their_float32_values(dtype: str) -> None:
    x = np.linspace(-1, 1, 999).astype(np.float16 if dtype == "float16" else ml_dtypes.bfloat16)
    fmt = StlqFormat()
    assert (log_quantize(x, 0.9, fmt) == log_quantize(x.astype(np.float32), 0.9, fmt)).all()


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, SCALE_MIN / 2, SCALE_MAX * 2])
def test_bad_scales_are_refused(scale: float) -> None:
    for call in (log_quantize, log_dequantize, quantize_words):
        with pytest.raises(ValueError, match=r"scale is .*; allowed: 7.889e-31 to 8.507e\+37"):
            call(np.array([1]), scale, StlqFormat())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    for call in (log_quantize, quantize_words):
        with pytest.raises(ValueError, match="values hold NaN or infinity; allowed: finite numbers"):
            call([0.0, bad], 1.0, StlqFormat())


def test_bad_codes_and_literal_with_a_finer_second_word_are_refused() -> None:
    with pytest.raises(ValueError, match="code is 4; allowed: a whole number from -4 to 3"):
        log_dequantize([4], 1.0, StlqFormat(bits=3))
    with pytest.raises(ValueError, match="codes are float64; allowed: integers"):
        log_dequantize([0.5], 1.0, StlqFormat(bits=3))
    with pytest.raises(ValueError, match="residual_shift is 2; allowed in literal mode: 0"):
        quantize_words([0.5], 1.0, StlqFormat(residual_shift=2), literal=True)
