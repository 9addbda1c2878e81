"""quantize_tensor: consistent with its parts, for every kind of weight; refusals."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_dequantize, quantize_words
from sw_ref.quantize.scales import Search
from sw_ref.quantize.tensor import layer_scale, quantize_tensor
from sw_ref.tiling import GRANULARITIES, Selection, Tiling
from verif.sw_ref import paper
from verif.sw_ref.distributions import make

SHAPES = [(64, 48), (13, 7), (1, 1), (12, 9, 5), (20, 1, 3, 3), (9, 10, 3, 2), (3, 130)]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("tile", [(8, 8), (3, 5), (1, 1), (64, 64)])
@pytest.mark.parametrize("shape", SHAPES)
def test_words_flags_and_values_agree(shape: tuple[int, ...], tile: tuple[int, int], granularity: str) -> None:
    weight, fmt = make("laplace", shape), StlqFormat(bits=3)
    tensor = quantize_tensor(weight, fmt, tile=tile, ratio=0.3, granularity=granularity)
    blocks = Tiling.of(shape, tile, granularity)
    word1, both = quantize_words(weight, tensor.scale, fmt)
    # Independently: residual norms by a loop over the blocks, the top 30% of them flagged.
    residual = weight - log_dequantize(word1, tensor.scale, fmt)
    norms = _norms(residual, blocks)
    count = int(0.3 * len(norms) + 0.5)
    flags = np.zeros(len(norms), bool)
    flags[np.argsort(-norms, kind="stable")[:count]] = True
    mask = blocks.expand(flags.reshape(blocks.grid))
    assert (tensor.word1 == word1).all()
    assert (tensor.word2 == both * mask).all()
    assert tensor.two_word.tolist() == tensor.tiling.any(mask).astype(int).tolist()
    unit = np.float64(tensor.scale)
    second = log_dequantize(tensor.word2, unit / 4, fmt)
    assert np.allclose(tensor.dequantize(), log_dequantize(word1, unit, fmt) + second, rtol=2e-7, atol=0)
    if granularity == "tile":
        assert tensor.two_word.sum() == count


def _norms(residual: NDArray[Any], blocks: Tiling) -> NDArray[Any]:
    norms = []
    for corner in np.ndindex(*blocks.grid):
        part = tuple(slice(c * b, (c + 1) * b) for c, b in zip(corner, blocks.block, strict=True))
        norms.append(float(np.sqrt(np.square(residual[part], dtype=np.float64).sum())))
    # Equal tiles must stay equal whatever the order of summation: compare to 12 digits.
    return np.array([float(f"{n:.12e}") for n in norms])


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
def test_literal_is_the_paper_from_end_to_end(bits: int) -> None:
    weight = make("gauss", (40, 24))
    tensor = quantize_tensor(weight, StlqFormat(bits=bits, residual_shift=0), literal=True, ratio=1)
    unit = float(np.abs(weight).max())
    assert float(tensor.scale) == unit
    expected = [paper.two_words(float(x), unit, bits) for x in weight.ravel()]
    assert list(zip(tensor.word1.ravel().tolist(), tensor.word2.ravel().tolist(), strict=True)) == expected


def test_dead_zone_makes_a_second_word_worthwhile_where_the_literal_one_is_not() -> None:
    weight = np.random.default_rng(5).standard_normal(65536).reshape(256, 256)

    def error(ratio: float, **options: Any) -> float:
        fmt = StlqFormat(bits=3, residual_shift=0)
        tensor = quantize_tensor(weight, fmt, ratio=ratio, scale="max", **options)
        return float(np.square(weight - tensor.dequantize()).sum() / np.square(weight).sum())

    assert error(1, literal=True) > error(0, literal=True) > 0.06
    assert error(1) < 0.02 < error(0) < 0.055


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, ">f4", np.float64])
def test_all_float_types_are_taken(dtype: Any) -> None:
    weight = make("gauss", (10, 11)).astype(dtype)
    one = quantize_tensor(weight, StlqFormat())
    two = quantize_tensor(weight.astype(np.float64), StlqFormat())
    assert (one.word1 == two.word1).all()
    assert (one.word2 == two.word2).all()


def test_strided_and_read_only_weights_are_taken() -> None:
    weight = make("gauss", (20, 30))
    weight.flags.writeable = False
    view = weight.T[::2]
    assert (quantize_tensor(view, StlqFormat()).word1 == quantize_tensor(view.copy(), StlqFormat()).word1).all()


@pytest.mark.parametrize("scale", ["search", "max", "power_of_two"])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("literal", [False, True])
def test_all_zero_tensor_becomes_zeros(literal: bool, per_channel: bool, scale: str) -> None:
    fmt = StlqFormat(residual_shift=0 if literal else 2)
    tensor = quantize_tensor(
        np.zeros((16, 16), np.float32), fmt, scale=scale, per_channel=per_channel, literal=literal, ratio=0.5
    )
    assert not tensor.word1.any()
    assert not tensor.word2.any()
    assert (tensor.scale == 1).all()
    assert tensor.two_word.tolist() == [[1, 1], [0, 0]]


def test_given_scales() -> None:
    weight, fmt = make("gauss", (6, 10)), StlqFormat()
    assert quantize_tensor(weight, fmt, scale=2.5).scale.shape == ()
    assert quantize_tensor(weight, fmt, scale=2.5, per_channel=True).scale.tolist() == [2.5] * 6
    units = np.linspace(1, 3, 6)
    tensor = quantize_tensor(weight, fmt, scale=units)
    assert tensor.scale.tolist() == units.astype(np.float32).tolist()
    assert quantize_tensor(weight, fmt, scale="max", per_channel=True).scale.tolist() == np.abs(weight).max(1).tolist()


def test_threshold_selects_by_norm() -> None:
    weight, fmt = make("gauss", (64, 64)), StlqFormat()
    tensor = quantize_tensor(weight, fmt, threshold=2.0, scale=4.0)
    residual = weight - log_dequantize(tensor.word1, 4.0, fmt)
    norms = np.sqrt(np.square(residual.reshape(8, 8, 8, 8)).sum(axis=(1, 3)))
    assert (tensor.two_word == (norms > 2.0)).all()
    assert 0 < tensor.two_word_ratio < 1


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((2, 2), int), "weights are int64; allowed: float16, float32, float64, bfloat16"),
        (np.ones((2, 2), complex), "weights are complex128; allowed"),
        (np.array([["a"]]), "weights are <U1; allowed"),
        (np.ones(3), r"weights have shape \(3,\); allowed: \(O, I\), \(O, I, k\), \(O, I, kh, kw\)"),
        (np.float32(1), r"weights have shape \(\); allowed"),
        (np.ones((1,) * 5), r"weights have shape \(1, 1, 1, 1, 1\); allowed"),
        (np.ones((0, 3)), r"weights have shape \(0, 3\); allowed: no empty axis"),
        (np.array([[1, np.nan]]), r"weights hold nan at \(0, 1\); allowed: finite numbers of float32's range"),
        (np.array([[1], [-np.inf]]), r"weights hold -inf at \(1, 0\); allowed"),
        (np.array([[np.inf, -np.inf]], np.float16), r"weights hold inf at \(0, 0\); allowed"),
        (np.array([[1e300]]), r"weights hold 1e\+300 at \(0, 0\); allowed"),
    ],
)
def test_bad_weights_are_refused(weight: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        quantize_tensor(weight, StlqFormat())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 2}, "ratio is 2; allowed: a number from 0 to 1"),
        ({"ratio": 0.1, "threshold": 1.0}, "of ratio and threshold both are given; allowed: exactly one"),
        ({"scale": "best"}, "scale is 'best'; allowed: search, max, power_of_two, a number, or 4 of them"),
        ({"scale": 0.0}, "scale is 0.0; allowed"),
        ({"scale": float("nan")}, "scale is nan; allowed"),
        ({"scale": [1.0, 2.0]}, r"scale is \[1.0, 2.0\]; allowed"),
        ({"scale": True}, "scale is True; allowed"),
        ({"granularity": "row"}, "granularity is 'row'; allowed"),
        ({"tile": (0, 8)}, r"tile is \(0, 8\); allowed"),
        ({"literal": True}, "residual_shift is 2; allowed in literal mode: 0"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantize_tensor(np.ones((4, 4)), StlqFormat(), **options)


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_largest_weight_as_scale_stays_in_the_range_of_scales(per_channel: bool) -> None:
    values = np.array([[0.0, 2.0**127, 1.0], [2.0**-101, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, -3.0, 1.0]])
    search = Search(fmt=StlqFormat(), tiling=Tiling.of(values.shape, (2, 2)), selection=Selection(ratio=0))
    found = layer_scale(values, "max", per_channel, search)
    assert found.dtype == np.float32
    assert found.tolist() == ([2.0**126, 2.0**-100, 1.0, 3.0] if per_channel else 2.0**126)
