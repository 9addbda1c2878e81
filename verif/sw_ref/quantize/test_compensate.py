"""Compensation of rounding errors: what it promises, on inputs that are correlated."""

from itertools import product

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.quantize.compensate import Spread, compensate, inverse_of_upper, nearest, polish, words_of

FMT = StlqFormat(bits=3)


def problem(groups=1, rows=6, size=80, seed=0):
    """Weights, units, flags, and second moments of inputs that share a common part."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(groups, size, 300)) + 2 * random.normal(size=(groups, 1, 300))
    moments = inputs @ inputs.transpose(0, 2, 1) / 300
    weight = random.normal(size=(groups, rows, size))
    flags = random.random(weight.shape) < 0.2
    return weight, np.full((groups, rows), 2.5 / FMT.weight_max), flags, Spread.of(moments)


def errors(weight, unit, made, spread):
    off = weight - made * unit[..., None]
    return np.einsum("grn,gnm,grm->gr", off, spread.moments, off)


def plain(weight, unit, flags):
    x = weight / unit[..., None]
    return np.where(flags, nearest(x, FMT, 2), nearest(x, FMT, 1))


@pytest.mark.parametrize("fmt", [FMT, StlqFormat(bits=2, residual_shift=0), StlqFormat(bits=4, residual_shift=4)])
@pytest.mark.parametrize("words", [1, 2])
def test_nearest_is_nearest(fmt, words):
    seconds = fmt.codes if words == 2 else [0]
    levels = np.array(sorted({fmt.weight(q, r) for q in fmt.codes for r in seconds}), np.float64)
    x = np.linspace(-1.2 * fmt.weight_max, 1.2 * fmt.weight_max, 2001)
    made = nearest(x, fmt, words)
    assert set(made) <= set(levels)
    assert np.array_equal(np.abs(x - made), np.abs(x[:, None] - levels).min(axis=1))


@pytest.mark.parametrize("fmt", [FMT, StlqFormat(bits=2, residual_shift=0), StlqFormat(bits=4, residual_shift=4)])
def test_words_of_every_weight(fmt):
    weights = np.array([fmt.weight(q, r) for q, r in product(fmt.codes, fmt.codes)])
    word1, word2 = words_of(weights, fmt)
    assert [fmt.weight(int(q), int(r)) for q, r in zip(word1, word2, strict=True)] == weights.tolist()
    single = np.array([fmt.weight(q) for q in fmt.codes])
    assert not words_of(single, fmt)[1].any()


def test_factor_is_that_of_the_inverse():
    spread = problem(groups=2, size=20)[3]
    for group in range(2):
        order = spread.order[group]
        moments = spread.moments[group][np.ix_(order, order)]
        factor = spread.factor[group]
        assert np.array_equal(factor, np.triu(factor))
        np.testing.assert_allclose(factor.T @ factor @ moments, np.eye(20), atol=1e-9)


def test_compensation_beats_rounding_to_the_nearest():
    weight, unit, flags, spread = problem(groups=2)
    made = compensate(weight, unit, flags, spread, FMT)
    before = errors(weight, unit, plain(weight, unit, flags), spread)
    after = errors(weight, unit, made.weights, spread)
    assert after.sum() < 0.3 * before.sum()
    np.testing.assert_allclose(made.loss, after, rtol=1e-9)
    assert not words_of(made.weights, FMT)[1][~flags].any()


def test_without_correlation_nothing_is_moved():
    weight, unit, flags, _ = problem()
    made = compensate(weight, unit, flags, Spread.of(np.eye(80)[None]), FMT)
    assert np.array_equal(made.weights, plain(weight, unit, flags))


def test_gains_are_what_second_words_save():
    """Weight by weight, in the unit of the output: with inputs of variance 4 and nothing shared, 4 * 1.01 * unit^2."""
    weight, unit, flags, _ = problem(groups=2, rows=3, size=9)
    unit[1] *= 1.5
    made = compensate(weight, unit, flags, Spread.of(np.broadcast_to(4 * np.eye(9), (2, 9, 9))), FMT)
    x = weight / unit[..., None]
    one, two = (np.square(x - nearest(x, FMT, words)) for words in (1, 2))
    cost = 4 * 1.01 * np.square(unit)[..., None]
    np.testing.assert_allclose(made.gains, (one - two) * cost, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.loss, (np.where(flags, two, one) * cost).sum(2), rtol=1e-9)


def test_trust_is_the_cost_of_an_error_after_the_others_made_up_for_it():
    """1 / the diagonal of the inverse, of those columns that are rounded later; in the order of the weights."""
    spread = problem(groups=2, size=6)[3]
    for group in range(2):
        energy = np.diagonal(spread.moments[group])
        assert spread.order[group].tolist() == sorted(range(6), key=lambda column: -energy[column])
        for place, column in enumerate(spread.order[group]):
            later = spread.order[group][place:]
            inverse = np.linalg.inv(spread.moments[group][np.ix_(later, later)])
            np.testing.assert_allclose(spread.trust[group, column], 1 / inverse[0, 0], rtol=1e-9)


def test_damping_is_a_share_of_the_mean_energy():
    moments = np.broadcast_to(np.diag([1.0, 2.0, 3.0]), (2, 3, 3))
    np.testing.assert_allclose(Spread.of(moments).moments, moments + 0.02 * np.eye(3))
    small = Spread.of(moments * 2.0**-20)
    np.testing.assert_allclose(small.moments, (moments + 0.02 * np.eye(3)) * 2.0**-20)
    assert Spread.of(np.zeros((1, 2, 2))).moments.tolist() == [[[0.01, 0], [0, 0.01]]]


@pytest.mark.parametrize("size", [1, 5, 64, 200])
def test_inverse_of_upper_triangles(size):
    random = np.random.default_rng(0)
    upper = np.triu(random.normal(size=(2, size, size)) / np.sqrt(size)) + 2 * np.eye(size)
    inverse = inverse_of_upper(upper)
    assert np.array_equal(inverse, np.triu(inverse))
    np.testing.assert_allclose(inverse @ upper, np.broadcast_to(np.eye(size), (2, size, size)), atol=1e-9)


def test_polish_never_makes_it_worse():
    weight, unit, flags, spread = problem(groups=2)
    for start in (plain(weight, unit, flags), compensate(weight, unit, flags, spread, FMT).weights):
        better = polish(weight, unit, flags, start, spread, FMT)
        before, after = errors(weight, unit, start, spread), errors(weight, unit, better, spread)
        assert (after <= before * (1 + 1e-12)).all()
        assert after.sum() < 0.99 * before.sum()
        assert not words_of(better, FMT)[1][~flags].any()


def test_blocks_change_nothing(monkeypatch):
    weight, unit, flags, spread = problem()
    whole = compensate(weight, unit, flags, spread, FMT).weights
    better = polish(weight, unit, flags, whole, spread, FMT)
    monkeypatch.setattr("sw_ref.quantize.compensate.BLOCK", 7)
    assert np.array_equal(compensate(weight, unit, flags, spread, FMT).weights, whole)
    assert np.array_equal(polish(weight, unit, flags, whole, spread, FMT), better)


def test_inputs_that_are_always_zero():
    weight, unit, flags, _ = problem(size=10)
    spread = Spread.of(np.zeros((1, 10, 10)))
    made = compensate(weight, unit, flags, spread, FMT)
    assert np.array_equal(made.weights, plain(weight, unit, flags))
