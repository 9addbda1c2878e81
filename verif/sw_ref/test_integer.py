"""The golden integers against plain loops over Python integers."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.integer import conv, conv_transpose, dot, fixed_point, requantize
from sw_ref.model import StlqTensor
from sw_ref.windows import Window, exact_dtype, sliding, surround
from verif.sw_ref.random_model import random_tensor

FORMATS = [
    StlqFormat(bits=2, act_bits=2, residual_shift=0),
    StlqFormat(bits=3),
    StlqFormat(bits=4, act_bits=5, act_signed=False, residual_shift=1),
    StlqFormat(bits=5, act_bits=16, act_signed=False, residual_shift=4),
]


def random_acts(fmt: StlqFormat, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(fmt.act_min, fmt.act_max + 1, shape)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_integers_are_the_terms_of_the_words(fmt: StlqFormat) -> None:
    tensor = random_tensor(fmt, (20, 30), seed=1)
    pairs = zip(tensor.word1.ravel().tolist(), tensor.word2.ravel().tolist(), strict=True)
    assert tensor.integers().ravel().tolist() == [fmt.weight(a, b) for a, b in pairs]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("shape", [(5, 7), (9, 4, 3), (6, 3, 2, 3)])
def test_dot_equals_a_loop(fmt: StlqFormat, shape: tuple[int, ...]) -> None:
    tensor = random_tensor(fmt, shape, seed=2)
    acts = random_acts(fmt, (2, 3, *shape[1:]), seed=3)
    sums = dot(tensor, acts)
    weights = tensor.integers().reshape(shape[0], -1).tolist()
    for index in np.ndindex(2, 3):
        flat = acts[index].ravel().tolist()
        assert sums[index].tolist() == [sum(w * a for w, a in zip(row, flat, strict=True)) for row in weights]
    assert dot(tensor, acts[0, 0]).tolist() == sums[0, 0].tolist()
    assert sums.dtype == np.int64


def test_dot_is_exact_at_the_extremes_of_the_largest_format() -> None:
    fmt = StlqFormat(bits=5, act_bits=16, act_signed=True, residual_shift=4)
    depth = 1 << 17
    weights = np.full((2, depth), fmt.weight_max, np.int64)
    weights[1] *= -1
    acts = np.full(depth, fmt.act_min)
    acts[0] += 1
    exact = fmt.weight_max * (fmt.act_min * depth + 1)
    assert abs(exact) > 1 << 50
    assert dot(weights, acts).tolist() == [exact, -exact]
    # Beyond 2^53 float64 would round: the int64 path must take over.
    wide, ones = np.full((1, 3), (1 << 52) + 1, np.int64), np.array([1, 1, 1])
    assert dot(wide, ones).tolist() == [3 * ((1 << 52) + 1)]
    with pytest.raises(ValueError, match=r"sums reach \d+; allowed: below 2\^63"):
        dot(wide, ones << 10)


def naive_conv(
    weights: NDArray[Any], acts: NDArray[Any], stride: Any, padding: Any, dilation: Any, groups: int
) -> list[Any]:
    """Convolution by the definition: one output, one product at a time."""
    axes = weights.ndim - 2
    strides, pads, steps = (v if isinstance(v, tuple) else (v,) * axes for v in (stride, padding, dilation))
    outputs, inputs, *kernel = weights.shape
    size = acts.shape[2:]
    out = [(size[i] + 2 * pads[i] - steps[i] * (kernel[i] - 1) - 1) // strides[i] + 1 for i in range(axes)]
    result = np.zeros((len(acts), outputs, *out), object)
    for n, o, *at in product(range(len(acts)), range(outputs), *map(range, out)):
        first = o // (outputs // groups) * inputs
        total = 0
        for i, *k in product(range(inputs), *map(range, kernel)):
            place = [at[a] * strides[a] + k[a] * steps[a] - pads[a] for a in range(axes)]
            if all(0 <= p < s for p, s in zip(place, size, strict=True)):
                total += int(weights[(o, i, *k)]) * int(acts[(n, first + i, *place)])
        result[(n, o, *at)] = total
    return result.tolist()


@pytest.mark.parametrize(
    ("shape", "size", "options"),
    [
        ((4, 3, 3, 3), (6, 7), {}),
        ((4, 3, 3, 3), (6, 7), {"padding": 1}),
        ((4, 3, 3, 2), (7, 6), {"stride": (2, 1), "padding": (2, 0)}),
        ((2, 2, 3, 3), (9, 8), {"dilation": 2, "padding": 2, "stride": 3}),
        ((2, 2, 1, 3), (5, 9), {"dilation": (3, 2)}),
        ((6, 2, 3, 3), (5, 5), {"groups": 3, "padding": 1}),
        ((6, 1, 3, 3), (6, 5), {"groups": 6, "padding": 1, "stride": 2}),
        ((6, 1, 2, 2), (4, 4), {"groups": 3}),
        ((3, 4, 5), (11,), {}),
        ((4, 2, 3), (9,), {"groups": 2, "stride": 2, "padding": 2, "dilation": 2}),
        ((5, 1, 4), (8,), {"groups": 5, "padding": 3}),
        ((2, 3, 1, 1), (3, 3), {"stride": 2}),
        ((1, 1, 4, 4), (4, 4), {}),
    ],
)
@pytest.mark.parametrize("fmt", FORMATS[1:3], ids=str)
def test_conv_equals_the_definition(
    fmt: StlqFormat, shape: tuple[int, ...], size: tuple[int, ...], options: dict[str, Any]
) -> None:
    tensor = random_tensor(fmt, shape, seed=4)
    groups = options.get("groups", 1)
    acts = random_acts(fmt, (2, shape[1] * groups, *size), seed=5)
    defaults: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    assert conv(tensor, acts, **options).tolist() == naive_conv(tensor.integers(), acts, **{**defaults, **options})


def test_conv_of_one_position_is_the_dot_product() -> None:
    tensor = random_tensor(StlqFormat(), (7, 5, 3, 3), seed=6)
    acts = random_acts(tensor.format, (4, 5, 3, 3), seed=7)
    assert (conv(tensor, acts)[:, :, 0, 0] == dot(tensor, acts)).all()


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        (np.zeros((1, 4)), "activations are float64; allowed: integers"),
        (np.full((1, 4), 128), "activation is 128; allowed: -128 to 127"),
        (np.full((1, 4), -129), "activation is -129; allowed: -128 to 127"),
        (np.zeros((1, 5), int), r"activations have shape \(1, 5\); allowed: \(..., 4\)"),
        (np.array(3), r"activations have shape \(\); allowed: \(..., 4\)"),
        (np.zeros((1, 4), np.uint64), "activations are uint64; allowed"),
        (np.zeros((1, 4), bool), "activations are bool; allowed"),
    ],
)
def test_dot_refuses(acts: Any, message: str) -> None:
    tensor = random_tensor(StlqFormat(), (3, 4), seed=1)
    with pytest.raises(ValueError, match=message):
        dot(tensor, acts)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"stride": 0}, (1, 2, 5, 5), "stride is 0; allowed: a whole number, 1 or more, or one per kernel axis"),
        ({"padding": -1}, (1, 2, 5, 5), "padding is -1; allowed: a whole number, 0 or more"),
        ({"dilation": (1, 1, 1)}, (1, 2, 5, 5), r"dilation is \(1, 1, 1\); allowed"),
        ({"groups": 1.5}, (1, 2, 5, 5), "groups is 1.5; allowed"),
        ({"groups": 3}, (1, 6, 5, 5), "in 3 groups; allowed"),
        ({}, (1, 3, 5, 5), r"activations have shape \(1, 3, 5, 5\) for weights \(4, 2, 3, 3\)"),
        ({}, (2, 5, 5), r"activations have shape \(2, 5, 5\)"),
        ({}, (1, 2, 2, 5), r"the input has 2 positions and padding \(0, 0\); allowed: at least 3 together"),
    ],
)
def test_conv_refuses(options: dict[str, Any], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conv(random_tensor(StlqFormat(), (4, 2, 3, 3), seed=1), np.zeros(shape, int), **options)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("shift", [0, 1, 7, 20])
def test_requantize_equals_python_integers(fmt: StlqFormat, shift: int) -> None:
    rng = np.random.default_rng(9)
    sums = np.concatenate([rng.integers(-(1 << 30), 1 << 30, 500), rng.integers(-300, 300, 500)]).reshape(200, 5)
    multiplier, bias = rng.integers(0, 1 << 15, 5), rng.integers(-1000, 1000, 5)
    found = requantize(sums, multiplier=multiplier, shift=shift, bias=bias, fmt=fmt)
    half = (1 << shift) // 2
    for row, codes in zip(sums.tolist(), found.tolist(), strict=True):
        scaled = [(s + b) * m for s, b, m in zip(row, bias.tolist(), multiplier.tolist(), strict=True)]
        assert codes == [min(max((v + half) // (1 << shift), fmt.act_min), fmt.act_max) for v in scaled]


@pytest.mark.parametrize("seed", range(12))
def test_conv_transpose_equals_a_loop(seed: int) -> None:
    """Each input spreads over the outputs that its kernel reaches; padding cuts the edges off."""
    rng = np.random.default_rng(seed)
    groups, stride, dilation = (rng.integers(1, 4, 3)).tolist()
    kernel, size = rng.integers(1, 4, 2).tolist(), rng.integers(2, 5, 2).tolist()
    padding = [
        int(rng.integers(0, min(dilation * (k - 1) + 2, (n + 1) // 2))) for k, n in zip(kernel, size, strict=True)
    ]
    extra = [int(rng.integers(0, max(stride, dilation))) for _ in kernel]
    weights = rng.integers(-9, 10, (2 * groups, 3, *kernel))
    acts = rng.integers(-9, 10, (2, 3 * groups, *size))
    full = [(n - 1) * stride + dilation * (k - 1) + 1 + o for n, k, o in zip(size, kernel, extra, strict=True)]
    expected = np.zeros((2, 2 * groups, *full), np.int64)
    for y, x, i, j in np.ndindex(*size, *kernel):
        at = expected[:, :, y * stride + i * dilation, x * stride + j * dilation]
        for group in range(groups):
            outputs, inputs = slice(2 * group, 2 * group + 2), slice(3 * group, 3 * group + 3)
            at[:, outputs] += acts[:, inputs, y, x] @ weights[outputs, :, i, j].T
    cut = tuple(slice(p, n - p) for p, n in zip(padding, full, strict=True))
    expected = expected[(slice(None), slice(None), *cut)]
    options = {"stride": [stride] * 2, "padding": padding, "dilation": [dilation] * 2, "output_padding": extra}
    found = conv_transpose(weights, acts, groups=groups, **options)  # type: ignore[arg-type]
    assert found.tolist() == expected.tolist()


def test_activations_out_of_the_format_are_refused_by_convolutions() -> None:
    tensor = random_tensor(StlqFormat(act_bits=4), (2, 1, 1, 1), seed=1)
    options: dict[str, Any] = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1}
    for extreme in (-9, 8):
        acts = np.full((1, 1, 2, 2), extreme)
        for call in (lambda a: conv(tensor, a), lambda a: conv_transpose(tensor, a, output_padding=[0, 0], **options)):
            with pytest.raises(ValueError, match=rf"^activation is {extreme}; allowed: -8 to 7$"):
                call(acts)


@pytest.mark.parametrize("shift", range(1, 41))
def test_requantize_rounds_ties_up(shift: int) -> None:
    half = 1 << (shift - 1)
    ties = [(2 * n + 1) * half for n in range(-5, 5)]
    fmt = StlqFormat()
    assert requantize(ties, multiplier=1, shift=shift, fmt=fmt).tolist() == list(range(-4, 6))
    below = [tie - 1 for tie in ties]
    assert requantize(below, multiplier=1, shift=shift, fmt=fmt).tolist() == list(range(-5, 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multiplier": -1, "shift": 0}, "multiplier is -1; allowed: 0 or more"),
        ({"multiplier": 1.0, "shift": 0}, "multiplier are float64; allowed: integers"),
        ({"multiplier": 1, "shift": -1}, "shift is -1; allowed: a whole number from 0 to 62"),
        ({"multiplier": 1, "shift": 63}, "shift is 63; allowed"),
        ({"multiplier": 1, "shift": True}, "shift is True; allowed"),
        ({"multiplier": 1 << 60, "shift": 0}, r"sums up to 100 times \d+ overflow; allowed: below 2\^63"),
    ],
)
def test_requantize_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        requantize([100], fmt=StlqFormat(), **options)


@pytest.mark.parametrize("bits", [8, 15, 24])
def test_fixed_point_is_the_nearest_factor_of_its_width(bits: int) -> None:
    for factor in [*np.random.default_rng(10).uniform(1e-6, 2, 200), 1.0, 0.5, 2.0**-20, 1 - 2.0**-40, 2**bits - 1.0]:
        multiplier, shift = fixed_point(float(factor), bits)
        assert 0 < multiplier < 1 << bits
        assert abs(multiplier / 2**shift - factor) <= factor * 2.0**-bits
    for bad in (0.0, -1.0, 2.0**bits, float("nan")):
        with pytest.raises(ValueError, match=r"factor is .*; allowed"):
            fixed_point(bad, bits)


def test_random_tensors_use_every_code() -> None:
    tensor: StlqTensor = random_tensor(StlqFormat(bits=3), (20, 30), seed=1)
    assert set(np.unique(tensor.word1)) == set(np.unique(tensor.word2)) == set(tensor.format.codes)


def test_the_golden_of_groups_is_that_of_each_group() -> None:
    whole = replace(random_tensor(StlqFormat(), (6, 2), seed=3), groups=3)
    acts = random_acts(whole.format, (5, 6), seed=4)
    expected = [acts[:, 2 * g : 2 * g + 2] @ whole.integers()[2 * g : 2 * g + 2].T for g in range(3)]
    assert dot(whole, acts).tolist() == np.concatenate(expected, axis=1).tolist()


def test_a_window_by_hand() -> None:
    """Five positions and one more on both sides: taps at the edges lie outside."""
    window = sliding(5, taps=3, stride=1, dilation=1, padding=(1, 1))
    assert (window.margins(5), window.counts(5).tolist()) == ((1, 1), [2, 3, 3, 3, 2])
    inner = Window(origin=2, stride=1, dilation=1, taps=2, outputs=2)
    assert surround(np.arange(6).reshape(1, 1, 6), [inner], 0).tolist() == [[[2, 3, 4]]]
    far = Window(origin=-9, stride=1, dilation=2, taps=3, outputs=2)
    assert far.counts(5).tolist() == [0, 0]
    beyond = Window(origin=4, stride=3, dilation=1, taps=3, outputs=2)
    assert beyond.counts(5).tolist() == [1, 0]
    assert [exact_dtype(bound) for bound in (0, 1 << 24, 1 << 53)] == [np.float32, np.float64, np.int64]
