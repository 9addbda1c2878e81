"""The scale search: the bars of the method, and never noticeably worse than a dense scan."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor
from sw_ref.quantize import scales
from sw_ref.quantize.levels import log_dequantize, quantize_words
from sw_ref.quantize.tensor import quantize_tensor
from verif.sw_ref.distributions import SEED, make

KINDS = ["gauss", "laplace", "student", "uniform", "outliers", "sparse", "binary", "positive"]
MODES: list[dict[str, Any]] = [
    {"ratio": 0.15},
    {"ratio": 0},
    {"ratio": 1},
    {"ratio": 0.15, "granularity": "element"},
    {"ratio": 0.3, "granularity": "filter"},
    {"ratio": 1, "granularity": "layer"},
]


@pytest.fixture
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of a sixteenth of their weights, for which a tensor of a sixteenth is large."""
    for name in ("COARSE_ELEMENTS", "FINE_ELEMENTS", "CHANNEL_ELEMENTS"):
        monkeypatch.setattr(scales, name, getattr(scales, name) // 16)


def error(weight: NDArray[Any], tensor: StlqTensor) -> float:
    """Error energy / signal energy."""
    wide = weight.astype(np.float64)
    return float(np.square(wide - tensor.dequantize()).sum() / np.square(wide).sum())


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("ratio", "bar"), [(0, 0.048), (1, 0.0027)])
def test_gaussian_error_at_three_bits(ratio: float, bar: float, seed: int) -> None:
    weight = np.random.default_rng(seed).standard_normal((256, 256))
    assert error(weight, quantize_tensor(weight, StlqFormat(bits=3), ratio=ratio)) <= bar


@pytest.mark.parametrize("bits", [2, 3, 5])
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_search_is_as_good_as_a_dense_scan(kind: str, mode: dict[str, Any], bits: int) -> None:
    print("seed", SEED)
    weight, fmt = make(kind, (32, 48)), StlqFormat(bits=bits)
    found = error(weight, quantize_tensor(weight, fmt, **mode))
    peak = np.abs(weight).max()
    # 100 scales from 2^-12 to 2^2.5 of the maximum, at other places than the search's own candidates.
    units = peak * 2.0 ** np.linspace(-12, 2.5, 100)
    scan = [error(weight, quantize_tensor(weight, fmt, scale=u, **mode)) for u in units]
    assert found <= min(scan) * 1.002 + 1e-12


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("bits", [4, 5])
def test_sharp_minima_of_few_weights_are_found(bits: int, seed: int) -> None:
    weight, fmt = make("outliers", (16, 20), seed), StlqFormat(bits=bits)
    found = error(weight, quantize_tensor(weight, fmt, ratio=1))
    units = np.abs(weight).max() * 2.0 ** np.linspace(-5, 2.5, 200)
    assert found <= min(error(weight, quantize_tensor(weight, fmt, ratio=1, scale=u)) for u in units) * 1.02


@pytest.mark.parametrize("kind", ["gauss", "student", "outliers"])
def test_searched_scale_beats_maximum_and_power_of_two(kind: str) -> None:
    weight, fmt = make(kind, (64, 64, 3, 3)), StlqFormat()
    search, maximum, power = (
        error(weight, quantize_tensor(weight, fmt, scale=s)) for s in ("search", "max", "power_of_two")
    )
    channels = error(weight, quantize_tensor(weight, fmt, scale="search", per_channel=True))
    assert channels < search <= power * 1.001
    assert search <= maximum * 1.001
    if kind == "outliers":
        assert quantize_tensor(weight, fmt).scale < 0.2 * np.abs(weight).max()


@pytest.mark.parametrize("kind", KINDS)
def test_power_of_two_is_the_best_of_its_kind(kind: str) -> None:
    weight, fmt = make(kind, (32, 48)), StlqFormat()
    tensor = quantize_tensor(weight, fmt, scale="power_of_two")
    mantissa, exponent = np.frexp(tensor.scale)
    assert mantissa == 0.5
    powers = [2.0 ** (int(exponent) - 1 + i) for i in range(-12, 13)]
    scan = [error(weight, quantize_tensor(weight, fmt, scale=u)) for u in powers if 2.0**-100 <= u <= 2.0**126]
    assert error(weight, tensor) <= min(scan) * (1 + 1e-6)


@pytest.mark.usefixtures("small_samples")
@pytest.mark.parametrize("granularity", ["tile", "element", "filter", "layer"])
@pytest.mark.parametrize("kind", ["gauss", "student", "outliers"])
def test_a_sampled_search_is_as_good_as_a_full_scan(kind: str, granularity: str) -> None:
    weight, fmt = make(kind, (275, 325)), StlqFormat()
    mode: dict[str, Any] = {"granularity": granularity, "ratio": 0.15}
    tensor = quantize_tensor(weight, fmt, **mode)
    around = [float(tensor.scale) * 2.0 ** (i / 8) for i in range(-16, 17, 4)]
    scan = [error(weight, quantize_tensor(weight, fmt, scale=u, **mode)) for u in around]
    assert error(weight, tensor) <= min(scan) * 1.01


@pytest.mark.usefixtures("small_samples")
@pytest.mark.parametrize("per_channel", [False, True])
def test_one_giant_among_many_is_not_missed_by_the_sample(per_channel: bool) -> None:
    weight = make("gauss", (64, 1100)) * np.float32(1e-4)
    weight[33, 777] = 1000.0
    tensor = quantize_tensor(weight, StlqFormat(), per_channel=per_channel)
    assert abs(tensor.dequantize()[33, 777] - 1000) < 20


@pytest.mark.usefixtures("small_samples")
def test_the_same_tensor_gives_the_same_scale() -> None:
    weight = make("laplace", (64, 1100))
    for per_channel in (False, True):
        first, second = (quantize_tensor(weight, StlqFormat(), per_channel=per_channel) for _ in range(2))
        assert first.scale.tolist() == second.scale.tolist()


@pytest.mark.parametrize("exponent", [-80, -3, 0, 90])
def test_weights_times_a_power_of_two_get_the_same_words_and_that_scale(exponent: int) -> None:
    weight, fmt = make("laplace", (40, 30)), StlqFormat()
    for per_channel in (False, True):
        one = quantize_tensor(weight, fmt, per_channel=per_channel)
        two = quantize_tensor(np.ldexp(weight, exponent), fmt, per_channel=per_channel)
        assert (two.scale == np.ldexp(one.scale, exponent)).all()
        assert (one.word1 == two.word1).all()
        assert (one.word2 == two.word2).all()


def test_weights_below_every_scale_become_zeros() -> None:
    tensor = quantize_tensor(make("gauss", (8, 8)) * np.float32(1e-36), StlqFormat(), ratio=1)
    assert not tensor.integers().any()


def test_channels_of_very_different_size_get_their_own_scales() -> None:
    sizes = 2.0 ** np.arange(-40, 40, 5)
    weight = (make("gauss", (16, 300)) * sizes[:, None]).astype(np.float32)
    weight[3] = 0
    tensor = quantize_tensor(weight, StlqFormat(), per_channel=True, ratio=1)
    assert tensor.scale[3] == 1.0
    for number in (*range(3), *range(4, 16)):
        row = weight[number : number + 1]
        alone = quantize_tensor(row, StlqFormat(), ratio=1)
        assert error(row, _row(tensor, number)) <= error(row, alone) * 1.05


def _row(tensor: StlqTensor, row: int) -> StlqTensor:
    part = slice(row, row + 1)
    return StlqTensor(
        word1=tensor.word1[part],
        word2=tensor.word2[part],
        two_word=np.ones_like(tensor.two_word[:1]),
        scale=tensor.scale[part],
        format=tensor.format,
        tile=tensor.tile,
    )


@pytest.mark.parametrize(
    ("kind", "ratio", "scale", "bar"),
    [
        ("outliers", 0.15, "power_of_two", 1.0),
        ("student", 0.5, "power_of_two", 1.0),
        ("outliers", 0.5, "search", 1.01),
    ],
)
def test_no_channel_has_a_better_scale_for_the_blocks_that_were_chosen(
    kind: str, ratio: float, scale: str, bar: float
) -> None:
    """Blocks and scales are found in turn: after one pass the scales are those of other blocks."""
    weight, fmt = make(kind, (32, 48)), StlqFormat()
    tensor = quantize_tensor(weight, fmt, ratio=ratio, per_channel=True, scale=scale)
    factors = 2.0 ** (np.arange(-3, 4) if scale == "power_of_two" else np.arange(-32, 33) / 16)
    two_word = tensor.tiling.expand(tensor.two_word)
    scan = [
        [channel_error(row, flags, unit * factor, fmt) for factor in factors]
        for row, flags, unit in zip(weight, two_word, tensor.scale, strict=True)
    ]
    found = [channel_error(*row, fmt) for row in zip(weight, two_word, tensor.scale, strict=True)]
    assert sum(found) <= sum(map(min, scan)) * bar


def channel_error(row: NDArray[Any], two_word: NDArray[Any], unit: Any, fmt: StlqFormat) -> float:
    """Error energy of a channel with given flags and scale."""
    unit = np.float32(unit)
    first, second = quantize_words(row, unit, fmt, two_word)
    fine = unit * np.float32(2.0**-fmt.residual_shift)
    return float(np.square(row - log_dequantize(first, unit, fmt) - log_dequantize(second, fine, fmt)).sum())


@pytest.mark.parametrize("exponent", [-20, 13])
def test_a_threshold_is_in_the_unit_of_the_weights(exponent: int) -> None:
    sizes = 2.0 ** np.linspace(-3, 3, 40)  # no scale puts all blocks above the threshold
    weight, fmt = (make("laplace", (40, 30)) * sizes[:, None]).astype(np.float32), StlqFormat()
    one = quantize_tensor(weight, fmt, threshold=16.0)
    two = quantize_tensor(np.ldexp(weight, exponent), fmt, threshold=16.0 * 2.0**exponent)
    assert 0 < one.two_word.sum() < one.two_word.size
    assert two.scale == np.ldexp(one.scale, exponent)
    assert np.array_equal(two.two_word, one.two_word)


def test_a_scan_reaches_scales_far_below_the_maximum() -> None:
    """One giant among 65,536 equal weights: it costs less to clip it than to lose all others."""
    weight = np.full((256, 256), 0.3, np.float32)
    weight[100, 100] = 30
    tensor = quantize_tensor(weight, StlqFormat(), ratio=0)
    assert tensor.scale == pytest.approx(8 * 0.3, rel=0.01)  # the smallest level for the many
