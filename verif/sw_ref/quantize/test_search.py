"""The scale search step by step: small tensors whose scales are known, and its samples.

All figures of networks rest on these scales: whoever changes the search changes them, and shall see it here.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize import sample, scales
from sw_ref.quantize.sample import BlockSample, RowSample
from sw_ref.quantize.scales import Search
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.quantize.words import block_norms
from sw_ref.tiling import Selection, Tiling

SHAPE = (6, 10)
PLAIN = {"tile": (2, 3), "ratio": 0.3}
CASES: dict[str, dict[str, Any]] = {
    "tiles": PLAIN,
    "one word": {"ratio": 0},
    "two words": {"ratio": 1, "bits": 4},
    "elements": PLAIN | {"granularity": "element"},
    "filters": PLAIN | {"granularity": "filter"},
    "one block": {"granularity": "layer", "ratio": 1},
    "one block of one word": {"granularity": "layer", "ratio": 0},
    "threshold": {"tile": (2, 3), "threshold": 4.0},
    "one block above a threshold": {"granularity": "layer", "threshold": 12.0},
    "powers of two": PLAIN | {"scale": "power_of_two", "bits": 2},
    "literal": PLAIN | {"scale": "search", "literal": True, "residual_shift": 0},
    "wide": PLAIN | {"dtype": np.float64},
    "channels": PLAIN | {"per_channel": True},
    "channels of elements": PLAIN | {"per_channel": True, "granularity": "element"},
    "channels of powers of two": PLAIN | {"per_channel": True, "scale": "power_of_two"},
    "literal channels": PLAIN | {"per_channel": True, "scale": "search", "literal": True, "residual_shift": 0},
}
SAMPLED: dict[str, dict[str, Any]] = {
    "sample of tiles": {"tile": (2, 1), "ratio": 0.3},
    "sample of elements": PLAIN | {"granularity": "element"},
    "sample of elements above a threshold": {"granularity": "element", "threshold": 0.25},
    "sample of one block": {"granularity": "layer", "ratio": 1},
    "sample of channels": PLAIN | {"per_channel": True},
    "sample of channels in powers of two": PLAIN | {"per_channel": True, "scale": "power_of_two"},
}
KNOWN: dict[str, list[float]] = {
    "tiles": [39.1052055],
    "one word": [53.9230576],
    "two words": [67.938797],
    "elements": [39.9614983],
    "filters": [39.1052055],
    "one block": [44.8552666],
    "one block of one word": [53.9230576],
    "threshold": [41.2812233],
    "one block above a threshold": [67.4500275],
    "powers of two": [64],
    "literal": [19.0646801],
    "wide": [39.1052055],
    "channels": [1.82672286, 17.8705025, 10.5219851, 1, 10.8226423, 67.2069626],
    "channels of elements": [1.8399601, 18, 5.00169945, 1, 21.2580776, 39.9614983],
    "channels of powers of two": [2, 16, 4, 1, 16, 64],
    "literal channels": [1.19306648, 13.9300966, 4.26708746, 1, 9.06792545, 32.6468544],
    "sample of tiles": [44.5325623],
    "sample of elements": [39.9614983],
    "sample of elements above a threshold": [39.9614983],
    "sample of one block": [39.9614983],
    "sample of channels": [1.85329318, 15.2458181, 10.148901, 1, 12.1480055, 54.3138084],
    "sample of channels in powers of two": [2, 16, 4, 1, 16, 64],
}


def weights(dtype: Any = np.float32) -> NDArray[Any]:
    """Laplace numbers; an outlier; channels of different size, one of zeros."""
    weight = np.random.default_rng(7).laplace(size=SHAPE) * 2.0 ** np.arange(-2, 4)[:, None]
    weight[1, 4], weight[3] = 9, 0
    return weight.astype(dtype)


def found(name: str) -> NDArray[np.float32]:
    options = dict((CASES | SAMPLED)[name])
    fmt = StlqFormat(**{key: options.pop(key) for key in ("bits", "residual_shift") if key in options})
    return quantize_tensor(weights(options.pop("dtype", np.float32)), fmt, **options).scale


@pytest.mark.parametrize("name", CASES)
def test_known_scales(name: str) -> None:
    assert np.ravel(found(name)).tolist() == pytest.approx(KNOWN[name], rel=1e-6)


def test_channels_of_any_size_have_the_same_words() -> None:
    """Squares of such small weights are 0 in float32, and those of large ones are infinite."""
    for power in (-100, 80):
        scale = quantize_tensor(np.ldexp(weights(), power), StlqFormat(), **PLAIN, per_channel=True).scale
        wanted = [1 if known == 1 else np.ldexp(known, power) for known in KNOWN["channels"]]
        assert scale.tolist() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["tiles", "elements", "one block", "channels", "channels of elements"])
@pytest.mark.parametrize("elements", [20, 61])
def test_parts_change_nothing(name: str, elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few numbers are looked at together."""
    monkeypatch.setattr(scales, "PART_ELEMENTS", elements)
    assert np.ravel(found(name)).tolist() == pytest.approx(KNOWN[name], rel=1e-6)


@pytest.mark.parametrize("name", SAMPLED)
def test_known_scales_of_samples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan looks at 24 weights, or 16 of a channel twice as many, a closer look at 40."""
    monkeypatch.setattr(scales, "COARSE_ELEMENTS", 24)
    monkeypatch.setattr(scales, "FINE_ELEMENTS", 40)
    monkeypatch.setattr(scales, "CHANNEL_ELEMENTS", 4)
    monkeypatch.setattr(sample, "HEAVY_SHARE", 4)
    assert np.ravel(found(name)).tolist() == pytest.approx(KNOWN[name], rel=1e-6)


@pytest.mark.parametrize(("powers_of_two", "factors"), [(True, [1, 2, 0.5]), (False, [0.125, 0.25, 0.5, 1, 2, 4, 8])])
def test_a_closer_look_keeps_what_was_found(powers_of_two: bool, factors: list[float]) -> None:
    search = Search(
        fmt=StlqFormat(), tiling=Tiling.of(SHAPE, (2, 3)), selection=Selection(ratio=0), powers_of_two=powers_of_two
    )
    assert search._near(1.0).tolist() == factors


def test_scales_stay_in_their_range() -> None:
    """The best ones of weights that are too small, and too large, are beyond its ends."""
    search = Search(fmt=StlqFormat(), tiling=Tiling.of((2, 4), (1, 1)), selection=Selection(ratio=0))
    small, large = 2.0**-120, 2.0**127
    for weight, scale in ((small, 2.0**-100), (large, 2.0**126)):
        assert search.layer(np.full((2, 4), weight, np.float32)).tolist() == scale
    both = np.array([[small] * 4, [large] * 4], np.float32)
    assert search.channels(both).tolist() == [2.0**-100, 2.0**126]


def test_a_sample_of_blocks() -> None:
    """An eighth has the most energy and stands for itself; of the rest one from each of equal strata, for all of it."""
    weight, tiling = np.arange(88.0).reshape(4, 22), Tiling((4, 22), (2, 2))
    some = BlockSample.of(weight, 2.0, tiling, block_norms(weight, tiling), 4 * 8 + 3)
    assert (some.values.dtype, some.total) == (np.float32, 22)
    assert some.weights.tolist() == [1.0] + [3.0] * 7
    blocks = weight.reshape(2, 2, 11, 2).swapaxes(1, 2).reshape(22, 4) / 2
    places = [blocks.tolist().index(values) for values in some.values.tolist()]
    assert places[0] == 21
    assert [place // 3 for place in places[1:]] == list(range(7))


def test_a_sample_of_all_blocks_is_the_tensor() -> None:
    weight, tiling = np.arange(12.0).reshape(2, 6), Tiling((2, 6), (1, 1))
    for elements in (12, 13):
        some = BlockSample.of(weight, 4.0, tiling, np.zeros(12), elements)
        assert some.values.ravel().tolist() == (weight.ravel() / 4).tolist()
        assert (some.weights.tolist(), some.total) == ([1.0] * 12, 12)
    assert len(BlockSample.of(weight, 4.0, tiling, np.zeros(12), 11).values) == 11
    # Never fewer than one that stands for itself, and some others.
    assert len(BlockSample.of(weight, 4.0, tiling, np.zeros(12), 1).values) == sample.HEAVY_SHARE


def test_a_sample_has_not_too_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "BLOCKS", 10)
    weight, tiling = np.ones((4, 6)), Tiling((4, 6), (1, 1))
    assert len(BlockSample.of(weight, 1.0, tiling, np.zeros(24), 24).values) == 10


def test_a_selection_on_a_sample_counts_what_each_block_stands_for() -> None:
    some = BlockSample(values=np.zeros((4, 1), np.float32), weights=np.array([1.0, 3.0, 3.0, 3.0]), total=10)
    energies = np.array([5.0, 1.0, 4.0, 3.0])
    for ratio, flags in (
        (0.1, [1, 0, 0, 0]),
        (0.3, [1, 0, 0, 0]),
        (0.4, [1, 0, 1, 0]),
        (0.7, [1, 0, 1, 1]),
        (1, [1] * 4),
    ):
        assert some.select(Selection(ratio=ratio), energies).tolist() == [bool(flag) for flag in flags], ratio
    assert some.select(Selection(threshold=1.9), energies).tolist() == [True, False, True, False]
    whole = BlockSample(values=np.zeros((4, 1), np.float32), weights=np.ones(4), total=4)
    assert whole.select(Selection(ratio=0.5), energies).tolist() == [True, False, True, False]
    # The first of equals.
    assert some.select(Selection(ratio=0.4), np.ones(4)).tolist() == [True, True, False, False]


def test_a_sample_of_rows() -> None:
    rows = np.random.default_rng(3).permuted(np.tile(np.arange(1.0, 45), (3, 1)), axis=1)
    unit = np.array([1.0, 2.0, 4.0])
    some = RowSample.of(rows, unit, 16)
    assert some.columns is not None
    assert (some.values.dtype, some.values.shape) == (np.float32, (3, 16))
    assert np.array_equal(some.values * unit[:, None], np.take_along_axis(rows, some.columns, 1))
    assert np.array_equal(some.pick(rows * 10), np.take_along_axis(rows * 10, some.columns, 1))
    # An eighth has the largest magnitudes, and each of the others stands for an equal share of the rest.
    assert [sorted(row[:2] * u) for row, u in zip(some.values, unit, strict=True)] == [[43, 44]] * 3
    assert some.weights.tolist() == [1.0] * 2 + [3.0] * 14
    assert len({*some.columns[0].tolist()}) == 16
    assert (RowSample.of(-rows, unit, 16).values == -some.values).all()


def test_a_sample_of_whole_rows() -> None:
    rows = np.arange(18.0).reshape(2, 9)
    some = RowSample.of(rows, np.array([1.0, 2.0]), 9)
    assert some.columns is None
    assert some.values.tolist() == (rows / [[1], [2]]).tolist()
    assert (some.weights.tolist(), some.pick(rows) is rows) == ([1.0] * 9, True)
    assert RowSample.of(rows, np.array([1.0, 2.0]), 8).columns is not None


def test_samples_of_numbers_below_float32() -> None:
    """Divided before they are narrowed: what is left of them is whole."""
    rows = np.full((1, 2), 3e-300)
    assert RowSample.of(rows, np.array([1e-300]), 2).values.tolist() == [[3.0, 3.0]]
