"""Statistics of inputs against plain formulas."""

import numpy as np
import pytest

from sw_ref.network import Conv
from sw_ref.quantize.compensate import Spread
from sw_ref.quantize.moments import Moments, chosen_places, columns, power_above


def both(seed=0):
    random = np.random.default_rng(seed)
    f = random.normal(size=(2, 500, 6)).astype(np.float32) + 3
    return (f + 0.1 * random.normal(size=f.shape)).astype(np.float32), f


def gathered(x, f, weight):
    moments = Moments(weight=weight.astype(np.float32))
    for part in (slice(0, 200), slice(200, 500)):
        moments.add(x[:, part], f[:, part])
    return moments


def test_moments_are_covariances():
    x, f = both()
    moments = gathered(x, f, np.ones((2, 1, 6)))
    for group in range(2):
        np.testing.assert_allclose(moments.spread[group], np.cov(x[group].T, bias=True), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("same", [True, False])
def test_sums_lose_no_digits(same):
    """In float32 1 vanishes beside 2^24; the first columns, all 0, are the shift."""
    moments = Moments(weight=np.ones((1, 1, 1), np.float32))
    zeros, large = np.zeros((1, 2, 1), np.float32), np.ones((1, 101, 1), np.float32)
    moments.add(zeros, zeros)
    large[0, 0] = 2**24
    moments.add(large if same else np.zeros_like(large), large)
    assert moments.sum_f.tolist() == [[2**24 + 100]]
    assert moments.sum_x.tolist() == [[2**24 + 100 if same else 0]]


def test_target_makes_up_for_inputs_that_are_off():
    x, f = both()
    f = f.copy()
    x = (f * np.linspace(0.8, 1.2, 6)).astype(np.float32)
    weight = np.random.default_rng(1).normal(size=(2, 3, 6))
    moments = gathered(x, f, weight)
    np.testing.assert_allclose(moments.target(damping=1e-9), weight / np.linspace(0.8, 1.2, 6), rtol=1e-5)
    # With much damping the weights stay as they are.
    np.testing.assert_allclose(moments.target(damping=1e6), weight, rtol=1e-4)


def formula(x, f, weight):
    """W (C + l I) (H + l I)^-1 in float64, l the mean energy times 0.01 + inputs / positions, for one group; and H."""
    a, b = (values.astype(float) - values.mean(0, dtype=float) for values in (x, f))
    covariance, cross = a.T @ a / len(a), b.T @ a / len(a)
    positions, inputs = a.shape
    load = (0.01 + inputs / positions) * np.trace(covariance) / inputs * np.eye(inputs)
    return weight @ (cross + load) @ np.linalg.inv(covariance + load), covariance


@pytest.mark.parametrize("positions", [2, 8, 200])
def test_few_positions_are_trusted_less(positions):
    """One input, that the quantized network halves: the fewer positions, the less the weight makes up for it."""
    f = np.tile(np.array([[2.0], [-2.0]], np.float32), (positions // 2, 1))[None]
    moments = Moments(weight=np.ones((1, 1, 1), np.float32))
    moments.add(f * np.float32(0.5), f)
    load = 0.01 + 1 / positions
    assert moments.target()[0, 0, 0] == pytest.approx((2 + load) / (1 + load), rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, 10.0, -1000.0])
def test_large_means_cost_no_digits(mean):
    """Inputs that vary by a hundredth: squares in float32 of means of 10 alone would be off by more than that."""
    random = np.random.default_rng(4)
    f = (mean + 1e-2 * random.normal(size=(1, 400, 12)) @ random.normal(size=(12, 12))).astype(np.float32)
    x = (f + 3e-3 * random.normal(size=f.shape)).astype(np.float32)
    weight = random.normal(size=(1, 3, 12)).astype(np.float32)
    moments = Moments(weight=weight)
    for part in (slice(0, 50), slice(50, 400)):
        moments.add(x[:, part], f[:, part])
    target, covariance = formula(x[0], f[0], weight[0])
    np.testing.assert_allclose(moments.spread[0], covariance, rtol=1e-4, atol=1e-5 * covariance.max())
    np.testing.assert_allclose(moments.target()[0], target, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("spread", [1e-2, 0.0])
def test_fewer_inputs_than_weights_have_a_factor(spread):
    """16 positions of 128 inputs with means of about 10."""
    random = np.random.default_rng(4)
    x = (random.uniform(5, 15, size=128) + spread * random.normal(size=(1, 16, 128))).astype(np.float32)
    moments = Moments(weight=random.normal(size=(1, 3, 128)).astype(np.float32))
    moments.add(x, x)
    assert np.isfinite(Spread.of(moments.spread).factor).all()
    # Both networks have the same inputs: nothing is to be made up for.
    np.testing.assert_allclose(moments.target(), moments.weight, atol=1e-3)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(("inputs", "weights"), [(120, 0), (0, 120), (100, 100), (-100, -20)])
def test_no_square_overflows_or_vanishes(same, inputs, weights):
    """Inputs and weights times powers of two, of squares up to 2^246: the same statistics times these."""
    x, f = both()
    weight = np.random.default_rng(6).normal(size=(2, 4, 6)).astype(np.float32)
    small, large = (
        gathered(x * np.float32(2.0**a), (x if same else f) * np.float32(2.0**a), weight * np.float32(2.0**b))
        for a, b in ((0, 0), (inputs, weights))
    )
    assert np.array_equal(large.spread, small.spread * 2.0 ** (2 * inputs))
    assert np.array_equal(large.target(), small.target() * 2.0**weights)
    held = np.zeros(weight.shape)
    assert np.array_equal(large.offset(held), small.offset(held) * 2.0 ** (inputs + weights))


@pytest.mark.parametrize("same", [True, False])
def test_small_inputs_after_large_ones(same):
    """The mean of the first inputs is taken off all later ones, however small these are."""
    x = np.random.default_rng(7).normal(size=(2, 30, 4)).astype(np.float32) + 3
    x[:, 15:] = 0
    found = []
    for power in (0, 110):
        moments, large = Moments(weight=np.ones((2, 1, 4), np.float32)), x * np.float32(2.0**power)
        for part in (large[:, :15], large[:, 15:]):
            moments.add(part, part if same else part.copy())
        found.append(moments.spread)
    wanted = [np.cov(one.T.astype(np.float64), ddof=0) for one in x]
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5, atol=1e-5)
    assert np.array_equal(found[1], found[0] * 2.0**220)


@pytest.mark.parametrize(("own", "wanted"), [(100, 0), (-20, 109)])
def test_inputs_of_one_network_are_far_larger(own, wanted):
    """Of mean 0, which is the shift: neither their products nor their quotients overflow."""
    signs = np.array([[[1], [-1]]], np.float32)
    moments = Moments(weight=np.ones((1, 1, 1), np.float32))
    moments.add(signs * np.float32(2.0**own), signs * np.float32(2.0**wanted))
    assert moments.wx.tolist() == [[[2.0 ** (1 + own + wanted)]]]
    # Squares of what is 2^-129 of the largest input vanish.
    assert moments.xx.tolist() == [[[2.0 ** (1 + 2 * own) if own > wanted else 0.0]]]


@pytest.mark.parametrize(
    ("values", "power"),
    [([0.0], 1.0), ([1.0], 2.0), ([-3.0, 1.0], 4.0), ([0.0, 2.0**-140], 2.0**-139), ([-3e38], 2.0**127)],
)
def test_powers_above(values, power):
    assert power_above(np.array(values, np.float32)) == power


@pytest.mark.parametrize("rows", [2, 40])
def test_outputs_by_inputs_in_either_order(rows):
    """Few outputs are computed first, many last: the same statistics."""
    random = np.random.default_rng(5)
    x, f = random.normal(size=(2, 3, 50, 8)).astype(np.float32)
    moments = Moments(weight=random.normal(size=(3, rows, 8)).astype(np.float32))
    moments.add(x, f)
    about = (values - moments.shift[:, None] for values in (f, x))
    wanted = np.einsum("grn,gpn,gpm->grm", moments.weight, *about, optimize=True)
    np.testing.assert_allclose(moments.wx, wanted, rtol=1e-4, atol=1e-3)


def test_offset_makes_means_equal():
    x, f = both()
    random = np.random.default_rng(1)
    weight, held = random.normal(size=(2, 2, 3, 6))
    offset = gathered(x, f, weight).offset(held)
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
    """Of any size of inputs, and of one position, of which nothing varies: nothing is made up for."""
    random = np.random.default_rng(6)
    f = (np.round(random.normal(size=(2, positions, 3)) * 8) / 8 * factor).astype(np.float32)
    x = (f * np.array([0.5, 1, 2]) + factor / 4).astype(np.float32)
    weight = random.normal(size=(2, 4, 3)).astype(np.float32)
    moments = Moments(weight=weight)
    moments.add(x, f)
    for group in range(2):
        assert moments.means[0][group] == pytest.approx(x[group].mean(0), abs=1e-6 * factor)
        assert moments.means[1][group] == pytest.approx(f[group].mean(0), abs=1e-6 * factor)
        wanted, covariance = formula(x[group], f[group], weight[group]) if positions > 1 else (weight[group], 0)
        assert moments.spread[group] == pytest.approx(covariance * np.ones((3, 3)), abs=1e-6 * factor**2)
        assert moments.target()[group] == pytest.approx(wanted, rel=1e-3, abs=1e-3)


def test_statistics_of_nothing():
    moments = Moments(weight=np.ones((1, 1, 2), np.float32))
    assert moments.means[0].tolist() == moments.means[1].tolist() == [[0.0, 0.0]]
    assert moments.spread.tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    assert moments.target().tolist() == [[[1.0, 1.0]]]
