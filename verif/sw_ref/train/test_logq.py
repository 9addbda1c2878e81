"""The torch quantizer against the numpy one: equal to the last bit, on random values and on every boundary."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_dequantize, log_quantize
from sw_ref.train.logq import log_q
from verif.sw_ref.distributions import SEED, make

UNITS = [1.0, 0.7, 0.93, float(np.float32(1 / 3)), 2.0**-100, 2.0**126, 3.1e-5, 1.9999999]


def boundaries(unit: float) -> NDArray[np.float32]:
    """Every level and every edge, its neighbours on both sides, zeros, and the smallest and largest numbers."""
    exact = np.float32(unit) * np.array([f * 2.0**-n for n in range(20) for f in (1, 0.75, 2**0.5)])
    near = exact.astype(np.float32)
    around = [near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf))]
    extremes = np.array([0, 1e-45, 1.2e-38, np.finfo(np.float32).max], np.float32)
    values = np.concatenate([*around, extremes])
    return np.concatenate([values, -values])


def expected(x: NDArray[np.float32], unit: Any, fmt: StlqFormat, literal: bool) -> NDArray[np.float32]:
    return log_dequantize(log_quantize(x, unit, fmt, literal=literal), unit, fmt).astype(np.float32)


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 5])
def test_equal_to_numpy_to_the_last_bit(bits: int, literal: bool) -> None:
    fmt = StlqFormat(bits=bits)
    compared = 0
    for unit in UNITS:
        scale = np.float32(unit)
        values = np.concatenate([boundaries(unit), make("gauss", (5000,)) * min(scale, np.float32(1e30))])
        found = log_q(torch.from_numpy(values), torch.tensor(scale), fmt, literal=literal)
        assert np.array_equal(found.numpy(), expected(values, scale, fmt, literal)), unit
        compared += values.size
    assert compared == len(UNITS) * (5000 + 2 * (3 * 60 + 4))


@pytest.mark.parametrize("literal", [False, True])
def test_one_unit_per_output_channel(literal: bool) -> None:
    values, units = make("laplace", (7, 13, 3)), np.random.default_rng(SEED).uniform(0.2, 3, (7, 1, 1))
    units = units.astype(np.float32)
    found = log_q(torch.from_numpy(values), torch.from_numpy(units), StlqFormat(), literal=literal)
    assert np.array_equal(found.numpy(), expected(values, units, StlqFormat(), literal))


def test_values_that_do_not_lie_side_by_side() -> None:
    values = torch.from_numpy(make("gauss", (30, 40))).T[::3]
    unit = torch.tensor(1.5)
    assert torch.equal(log_q(values, unit, StlqFormat()), log_q(values.contiguous(), unit, StlqFormat()))


def test_no_values() -> None:
    assert log_q(torch.empty(0, 3), torch.tensor(1.0), StlqFormat()).shape == (0, 3)
