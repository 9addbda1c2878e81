"""Statistics of inputs against plain formulas."""

import numpy as np
import pytest

from sw_ref.network import Conv
from sw_ref.quantize.compensate import Spread
from sw_ref.quantize.moments import Moments, chosen_places, columns


def both(seed=0):
    random = np.random.default_rng(seed)
    f = random.normal(size=(2, 500, 6)).astype(np.float32) + 3
    return (f + 0.1 * random.normal(size=f.shape)).astype(np.float32), f


def gathered(x, f):
    moments = Moments(groups=2, size=6)
    for part in (slice(0, 200), slice(200, 500)):
        moments.add(x[:, part], f[:, part])
    return moments


def test_moments_are_covariances():
    x, f = both()
    moments = gathered(x, f)
    for group in range(2):
        np.testing.assert_allclose(moments.spread[group], np.cov(x[group].T, bias=True), rtol=1e-4, atol=1e-4)


def test_target_makes_up_for_inputs_that_are_off():
    x, f = both()
    f = f.copy()
    x = (f * np.linspace(0.8, 1.2, 6)).astype(np.float32)
    weight = np.random.default_rng(1).normal(size=(2, 3, 6))
    target = gathered(x, f).target(weight, damping=1e-9)
    np.testing.assert_allclose(target, weight / np.linspace(0.8, 1.2, 6), rtol=1e-2)
    # With much damping the weights stay as they are.
    np.testing.assert_allclose(gathered(x, f).target(weight, damping=1e6), weight, rtol=1e-4)


def far_from_zero(spread):
    """Statistics of 16 positions of 128 inputs: means of about 10, standard deviation `spread`."""
    random = np.random.default_rng(4)
    x = (random.uniform(5, 15, size=128) + spread * random.normal(size=(1, 16, 128))).astype(np.float32)
    moments = Moments(groups=1, size=128)
    moments.add(x, x)
    return moments


@pytest.mark.parametrize("spread", [1e-2, 0.0])
def test_few_inputs_with_large_means_are_damped_by_what_rounding_does(spread):
    moments = far_from_zero(spread)
    least = np.linalg.eigvalsh(moments.spread).min()
    assert -moments.noise[0] < least < 0
    factor = Spread.of(moments.spread, moments.noise).factor
    weight = np.random.default_rng(5).normal(size=(1, 3, 128))
    assert np.isfinite(factor).all()
    # Both networks have the same inputs: nothing is to be made up for.
    np.testing.assert_allclose(moments.target(weight), weight, atol=1e-9)


def test_without_it_they_have_no_factor():
    with pytest.raises(np.linalg.LinAlgError):
        Spread.of(far_from_zero(1e-2).spread)


def test_offset_makes_means_equal():
    x, f = both()
    random = np.random.default_rng(1)
    weight, held = random.normal(size=(2, 2, 3, 6))
    offset = gathered(x, f).offset(weight, held)
    wanted, made = (np.einsum("gpn,grn->gr", a, w) / 500 for a, w in ((f, weight), (x, held)))
    np.testing.assert_allclose(made + offset, wanted, rtol=1e-4)


def test_columns_are_what_a_convolution_multiplies():
    random = np.random.default_rng(0)
    acts = random.integers(0, 9, (2, 4, 5, 6)).astype(np.float32)
    weights = random.integers(-9, 9, (6, 2, 3, 2))
    conv = Conv(stride=(2, 1), padding=(1, 0, 1, 1), groups=2)
    windows = conv.windows(acts.shape[1:], weights.shape)
    sums = conv.sums(acts.astype(np.uint8), weights.astype(np.int32), 0)
    count = sums[:, 0].size
    found = columns(acts, windows, 2, np.arange(count))
    made = np.einsum("gpn,grn->pgr", found, weights.reshape(2, 3, -1)).reshape(count, 6)
    assert np.array_equal(made, sums.transpose(0, 2, 3, 1).reshape(count, 6))
    some = columns(acts, windows, 2, np.array([1, count - 1]))
    assert np.array_equal(some, found[:, [1, count - 1]])


def test_chosen_places():
    assert chosen_places(5, 9).tolist() == [0, 1, 2, 3, 4]
    some = chosen_places(1000, 10)
    assert len(set(some)) == 10
    assert np.array_equal(some, np.sort(some))
    assert np.array_equal(some, chosen_places(1000, 10))


@pytest.mark.parametrize("positions", [1, 2, 30])
@pytest.mark.parametrize("factor", [2.0**-12, 1.0])
def test_target_and_statistics_are_the_formulas(positions, factor):
    """W (C + l I) (H + l I)^-1, l a hundredth of the mean energy: of any size of inputs, and of one position."""
    random = np.random.default_rng(6)
    # Whole eighths: of one position exactly nothing varies.
    f = (np.round(random.normal(size=(2, positions, 3)) * 8) / 8 * factor).astype(np.float32)
    x = (f * np.array([0.5, 1, 2]) + factor / 4).astype(np.float32)
    weight = random.normal(size=(2, 4, 3))
    moments = Moments(groups=2, size=3)
    moments.add(x, f)
    for group in range(2):
        a, b = x[group].astype(float), f[group].astype(float)
        assert moments.means[0][group] == pytest.approx(a.mean(0))
        assert moments.means[1][group] == pytest.approx(b.mean(0))
        assert moments.ff[group] == pytest.approx(np.square(b).sum(0))
        covariance = a.T @ a / positions - np.outer(a.mean(0), a.mean(0))
        cross = b.T @ a / positions - np.outer(b.mean(0), a.mean(0))
        noise = np.finfo(np.float32).eps * np.square(a).sum() / positions
        assert moments.noise[group] == pytest.approx(noise)
        load = max(0.01 * (np.trace(covariance) / 3 if positions > 1 else 1.0), noise) * np.eye(3)
        if positions > 1:
            wanted = weight[group] @ (cross + load) @ np.linalg.inv(covariance + load)
            assert moments.target(weight)[group] == pytest.approx(wanted, rel=1e-3, abs=1e-3)
        else:
            # Nothing varies, so nothing is made up for.
            assert moments.target(weight)[group] == pytest.approx(weight[group], rel=1e-4)


def test_statistics_of_nothing():
    moments = Moments(groups=1, size=2)
    assert moments.means[0].tolist() == moments.means[1].tolist() == [[0.0, 0.0]]
    assert moments.spread.tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    assert moments.target(np.ones((1, 1, 2))).tolist() == [[[1.0, 1.0]]]
