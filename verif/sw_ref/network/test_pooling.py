"""Pooling and addition by hand."""

from typing import Any

import numpy as np
import pytest

from sw_ref.network import Add, AveragePool, MaxPool
from verif.sw_ref.network.single import network_of, requantizer, run, run_operator

ACTS = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (MaxPool(kernel=(2, 2)), [[[5, 6], [8, 9]]]),
        (MaxPool(kernel=(2, 3)), [[[6], [9]]]),
        (MaxPool(kernel=(2, 2), stride=(2, 1)), [[[5, 6]]]),
        (MaxPool(kernel=(2, 2), dilation=(2, 2)), [[[9]]]),
        # the zero point, 200, is larger than all codes: padding must not win
        (MaxPool(kernel=(2, 2), stride=(2, 2), padding=(1, 1, 0, 0)), [[[1, 3], [7, 9]]]),
        (MaxPool(kernel=(2, 2), stride=(2, 2), padding=(0, 0, 1, 1)), [[[5, 6], [8, 9]]]),
    ],
)
def test_max_pool(options: MaxPool, expected: Any) -> None:
    assert run_operator(options, ACTS, zeros=(200,)) == expected


@pytest.mark.parametrize(
    ("options", "zero", "expected"),
    [
        (AveragePool(kernel=(2, 2)), 0, [[[12, 16], [24, 28]]]),
        (AveragePool(kernel=(3, 3)), 0, [[[45]]]),
        (AveragePool(kernel=(1, 2), stride=(2, 1), dilation=(1, 2)), 0, [[[4], [16]]]),
        (AveragePool(kernel=(2, 2), stride=(2, 2), padding=(1, 1, 0, 0)), 10, [[[31, 25], [31, 28]]]),
    ],
)
def test_average_pool_sums_with_the_zero_point_outside(options: AveragePool, zero: int, expected: Any) -> None:
    assert run_operator(options, ACTS, zeros=(zero,)) == expected


def test_average_pool_divides_by_a_multiplier() -> None:
    # 1 / 4 of the sum, about the zero point 10: bias -40
    parts = requantizer(bias=-40, shift=2)
    network = network_of(AveragePool(kernel=(2, 2)), [(1, 2, 2)], zeros=(10,), zero_out=10, parts=parts)
    assert run(network, [[[9, 12], [13, 10]]]) == [[[11]]]
    assert run(network, [[[255, 255], [255, 255]]]) == [[[255]]]


def test_padding_that_does_not_count_has_rows_of_multipliers() -> None:
    options = AveragePool(kernel=(3, 3), padding=(1, 1, 1, 1), count_padding=False)
    # 1 / 9, 1 / 6 and 1 / 4 of the sum, times 9 / 16: exact
    parts = requantizer(bias=-90, multiplier=[[1], [3], [9]], shift=[[4], [5], [6]])
    network = network_of(options, [(1, 3, 3)], zeros=(10,), zero_out=20, parts=parts)
    acts = [[[26, 26, 26]] * 3]
    assert run(network, acts) == [[[29, 29, 29]] * 3]  # 16 above the zero point, times 9 / 16
    assert [counts.tolist() for counts in options.counts((1, 3, 3))] == [[2, 3, 2]] * 2
    assert np.asarray(options.rows((1, 3, 3))).tolist() == [[2, 1, 2], [1, 0, 1], [2, 1, 2]]
    with pytest.raises(ValueError, match=r"^node node: multiplier has shape \(1,\); allowed: \(3, 1\)$"):
        network_of(options, [(1, 3, 3)])


def test_rows_follow_the_numbers_that_occur() -> None:
    options = AveragePool(kernel=(1, 4), stride=(1, 2), padding=(0, 3, 0, 0), count_padding=False)
    assert [counts.tolist() for counts in options.counts((1, 1, 4))] == [[1], [1, 3]]
    assert np.asarray(options.rows((1, 1, 4))).tolist() == [[1, 0]]
    assert options.row_count((1, 1, 4)) == 2


@pytest.mark.parametrize("make", [MaxPool, AveragePool])
def test_a_window_without_input_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"^padding is \(2, 0, 0, 0\): a window lies outside the input; allowed: less"):
        network_of(make(kernel=(2, 2), padding=(2, 0, 0, 0)), [(1, 3, 3)])
    with pytest.raises(ValueError, match=r"^kernel is \(0, 1\); allowed: 2 whole numbers from 1 to 4095$"):
        make(kernel=(0, 1))


def test_add() -> None:
    parts = requantizer(2, bias=[-3, 0], multiplier=[1, 2], add_multiplier=[1, -1], shift=1)
    network = network_of(Add(), [(2, 1, 2)] * 2, zeros=(3, 4), zero_out=9, parts=parts)
    # ((10 - 3) + (6 - 4) + 1) >> 1 = 5; ((5 - 3) + (1 - 4) + 1) >> 1 = 0; (20 - 2 + 1) >> 1 = 9; (6 + 4 + 1) >> 1 = 5
    assert run(network, [[[10, 5]], [[10, 3]]], [[[6, 1]], [[6, 0]]]) == [[[14, 9]], [[18, 14]]]


def test_add_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"^node node: adds x1 of shape \(2, 1, 3\); allowed: that of y$"):
        network_of(Add(), [(2, 1, 2), (2, 1, 3)])
