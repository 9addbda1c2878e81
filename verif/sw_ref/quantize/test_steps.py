"""Steps and zero points of activations."""

import numpy as np
import pytest

from sw_ref.activations import dequantize_activations, quantize_activations
from sw_ref.format import StlqFormat
from sw_ref.quantize.steps import full_step, search

FMT = StlqFormat(act_bits=4, act_signed=False)


def error(values, step, zero):
    made = dequantize_activations(quantize_activations(values, step, FMT, zero), step, zero)
    return float(np.square(values - made).mean())


def test_exact_where_codes_can_be():
    step, zero = search(np.arange(-5.0, 11.0), FMT)
    assert (step, zero) == (1.0, 5)


def test_the_largest_code_is_used():
    """With one code less, a step of 1 would clip: a larger one would be chosen."""
    values = np.repeat(np.arange(16.0), 3)
    assert search(values, FMT, [1.0, 1.1]) == (1.0, 0)
    assert search(np.full(100, 15.0), FMT, [1.0, 15 / 14]) == (1.0, 0)


def test_values_of_one_sign():
    values = np.random.default_rng(0).normal(size=500)
    assert search(np.abs(values), FMT)[1] == 0
    assert search(-np.abs(values), FMT)[1] == FMT.act_max


def test_an_outlier_does_not_set_the_step():
    values = np.append(np.random.default_rng(0).random(10_000), 20.0)
    step, zero = search(values, FMT)
    assert step < 0.5 * full_step(values, FMT)
    assert error(values, step, zero) < error(values, full_step(values, FMT), 0)


def test_reach_leaves_room():
    values = np.random.default_rng(0).random(1000)
    near, far = search(values, FMT)[0], search(values, FMT, reach=1.5)[0]
    assert near * FMT.act_max < 1.1
    assert far * FMT.act_max > 1.2


def test_only_given_steps():
    values = np.random.default_rng(0).normal(size=1000)
    assert search(values, FMT, [0.25, 0.5, 4.0])[0] == 0.5


@pytest.mark.parametrize("values", [np.zeros(5), np.zeros(0)])
def test_nothing_but_zeros(values):
    step, zero = search(values, FMT)
    assert step > 0
    assert zero == 0
