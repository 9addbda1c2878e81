"""Sums over sliding windows: exact in every type, cut into parts of any size."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref import windows
from sw_ref.windows import Window, correlate, exact_dtype, sliding


def naive(
    acts: NDArray[Any], weights: NDArray[Any], axes: tuple[Window, ...], groups: int, fill: int
) -> NDArray[np.object_]:
    """The definition, with Python's integers."""
    outputs, inputs, *kernel = weights.shape
    sums = np.zeros((len(acts), outputs, *(w.outputs for w in axes)), object)
    for n, o, *at in np.ndindex(*sums.shape):
        first = o // (outputs // groups) * inputs
        for i, *tap in product(range(inputs), *map(range, kernel)):
            place = [w.origin + w.stride * p + w.dilation * t for w, p, t in zip(axes, at, tap, strict=True)]
            inside = all(0 <= p < size for p, size in zip(place, acts.shape[2:], strict=True))
            value = int(acts[(n, first + i, *place)]) if inside else fill
            sums[(n, o, *at)] += int(weights[(o, i, *tap)]) * value
    return sums


@pytest.mark.parametrize("chunk", [1, 7, 60, 500, 1 << 20])
@pytest.mark.parametrize(("groups", "inputs", "outputs"), [(1, 3, 5), (2, 2, 4), (3, 1, 6)])
def test_parts_of_any_size_give_the_same_sums(
    monkeypatch: pytest.MonkeyPatch, chunk: int, groups: int, inputs: int, outputs: int
) -> None:
    monkeypatch.setattr(windows, "CHUNK", chunk)
    rng = np.random.default_rng(groups)
    acts = rng.integers(0, 256, (3, groups * inputs, 6, 7))
    weights = rng.integers(-40, 41, (outputs, inputs, 3, 2))
    axes = (
        Window(origin=-2, stride=2, dilation=1, taps=3, outputs=4),
        Window(origin=1, stride=1, dilation=3, taps=2, outputs=5),
    )
    found = correlate(acts, weights, axes, groups=groups, fill=9)
    assert found.tolist() == naive(acts, weights, axes, groups, 9).tolist()


@pytest.mark.parametrize(
    ("origin", "outputs"), [(-9, 1), (-3, 3), (0, 1), (2, 3), (5, 1), (7, 4)], ids=lambda value: str(value)
)
def test_windows_may_lie_outside_the_input(origin: int, outputs: int) -> None:
    acts = np.arange(1, 6).reshape(1, 1, 5)
    for inputs in (1, 2):  # each of the two ways to sum
        axes = (Window(origin=origin, stride=2, dilation=2, taps=2, outputs=outputs),)
        weights = np.arange(1, 1 + 2 * inputs).reshape(1, inputs, 2)
        batch = np.repeat(acts, inputs, axis=1)
        assert correlate(batch, weights, axes, fill=7).tolist() == naive(batch, weights, axes, 1, 7).tolist()


@pytest.mark.parametrize(
    ("bound", "dtype"),
    [
        (0, np.float32),
        ((1 << 24) - 1, np.float32),
        (1 << 24, np.float64),
        ((1 << 53) - 1, np.float64),
        (1 << 53, np.int64),
        ((1 << 63) - 1, np.int64),
    ],
)
def test_the_type_holds_every_sum(bound: int, dtype: Any) -> None:
    assert exact_dtype(bound) is dtype
    # The largest sum, by an odd number: one more than what the next narrower type holds.
    weights = np.array([[[bound // 2], [bound - bound // 2]]])
    found = correlate(np.ones((1, 2, 1), int), weights, (Window(origin=0, stride=1, dilation=1, taps=1, outputs=1),))
    assert (found.dtype, int(found[0, 0, 0])) == (dtype, bound)


def test_sums_beyond_64_bits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^sums reach 9223372036854775808; allowed: below 2\^63$"):
        exact_dtype(1 << 63)


def test_counts_are_those_of_the_definition() -> None:
    for origin, stride, dilation, taps, outputs, size in product(
        (-5, -1, 0, 3), (1, 2, 3), (1, 2, 4), (1, 3), (1, 4), (1, 5)
    ):
        window = Window(origin=origin, stride=stride, dilation=dilation, taps=taps, outputs=outputs)
        expected = [sum(0 <= origin + stride * p + dilation * t < size for t in range(taps)) for p in range(outputs)]
        assert window.counts(size).tolist() == expected, window


def test_sliding_windows_fill_the_room() -> None:
    window = sliding(7, taps=3, stride=2, dilation=2, padding=(1, 2))
    assert window == Window(origin=-1, stride=2, dilation=2, taps=3, outputs=3)
    assert (window.end, window.margins(7)) == (8, (1, 1))
    with pytest.raises(ValueError, match=r"^the input has 1 positions and padding \(0, 1\); allowed: at least 3"):
        sliding(1, taps=3, stride=1, dilation=1, padding=(0, 1))
