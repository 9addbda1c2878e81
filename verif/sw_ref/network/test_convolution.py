"""Convolutions by hand."""

from typing import Any

import numpy as np
import pytest

from sw_ref.network import Conv, ConvTranspose, Linear, NetworkError
from verif.sw_ref.network.single import network_of, requantizer, run, run_operator

ROW = [[[1, 2, 3]]]


@pytest.mark.parametrize(
    ("options", "weights", "acts", "zero", "expected"),
    [
        (Conv(), [[[[1, 2]]]], ROW, 0, [[[5, 8]]]),  # no flip
        (Conv(), [[[1, 2]]], ROW, 0, [[[5, 8]]]),  # one kernel axis: columns
        (Conv(padding=(0, 1, 0, 0)), [[[[1, 2]]]], ROW, 0, [[[2, 5, 8]]]),
        (Conv(padding=(0, 0, 0, 1)), [[[[1, 2]]]], ROW, 0, [[[5, 8, 3]]]),
        (Conv(padding=(0, 1, 0, 0)), [[[[1, 2]]]], ROW, 10, [[[12, 5, 8]]]),  # padding reads the zero point
        (Conv(padding=(1, 0, 0, 0)), [[[[1], [2]]]], ROW, 7, [[[9, 11, 13]]]),
        (Conv(padding=(0, 0, 1, 0)), [[[[1], [2]]]], ROW, 7, [[[15, 16, 17]]]),
        (Conv(stride=(1, 2)), [[[[1]]]], ROW, 0, [[[1, 3]]]),
        (Conv(dilation=(1, 2)), [[[[1, 2]]]], ROW, 0, [[[7]]]),
        (Conv(padding=(0, 3, 0, 3), dilation=(1, 4)), [[[[1, 2]]]], ROW, 0, [[[4, 6, 0, 1, 2]]]),
        (Conv(groups=2), [[[[1]]], [[[2]]]], [[[3]], [[4]]], 0, [[[3]], [[8]]]),
        (Conv(groups=2), [[[[1]]], [[[2]]], [[[4]]], [[[8]]]], [[[3]], [[4]]], 0, [[[3]], [[6]], [[16]], [[32]]]),
        (Conv(groups=2), [[[[1]], [[2]]], [[[1]], [[4]]]], [[[1]], [[2]], [[3]], [[4]]], 0, [[[5]], [[19]]]),
        (Linear(), [[1, 2], [4, 8]], [[[3, 5]], [[1, 0]]], 0, [[[5, 5]], [[20, 20]]]),
        # one code spreads the kernel
        (ConvTranspose(), [[[[1, 2]]]], ROW, 0, [[[1, 4, 7, 6]]]),
        (ConvTranspose(), [[[1, 2]]], ROW, 0, [[[1, 4, 7, 6]]]),
        (ConvTranspose(stride=(1, 2)), [[[[1, 2]]]], ROW, 0, [[[1, 2, 2, 4, 3, 6]]]),
        (ConvTranspose(stride=(1, 2)), [[[[1, 2, 4]]]], ROW, 0, [[[1, 2, 6, 4, 11, 6, 12]]]),
        (ConvTranspose(stride=(1, 2), padding=(0, 1, 0, 2)), [[[[1, 2, 4]]]], ROW, 0, [[[2, 6, 4, 11]]]),
        (ConvTranspose(stride=(1, 3)), [[[[1, 2]]]], ROW, 0, [[[1, 2, 0, 2, 4, 0, 3, 6]]]),
        (ConvTranspose(stride=(1, 3), output_padding=(0, 2)), [[[[1]]]], [[[5]]], 0, [[[5, 0, 0]]]),
        # what no code reaches reads the zero point, tap by tap
        (ConvTranspose(stride=(1, 3)), [[[[1, 2]]]], ROW, 10, [[[21, 12, 30, 22, 14, 30, 23, 16]]]),
        (ConvTranspose(dilation=(1, 2)), [[[[1, 2]]]], ROW, 0, [[[1, 2, 5, 4, 6]]]),
        (ConvTranspose(stride=(1, 2), dilation=(1, 2)), [[[[1, 2]]]], ROW, 0, [[[1, 0, 4, 0, 7, 0, 6]]]),
        (ConvTranspose(stride=(2, 1)), [[[[1], [2], [4]]]], [[[1], [2]]], 0, [[[1], [2], [6], [4], [8]]]),
        (ConvTranspose(groups=2), [[[[1]]], [[[2]]]], [[[3]], [[4]]], 0, [[[3]], [[8]]]),
    ],
)
def test_by_hand(options: Any, weights: Any, acts: Any, zero: int, expected: Any) -> None:
    assert run_operator(options, acts, weights=weights, zeros=(zero,)) == expected


def test_a_tensor_is_added() -> None:
    parts = requantizer(2, add_multiplier=[1, 2])
    network = network_of(Conv(), [(1, 1, 2), (2, 1, 2)], zeros=(0, 5), weights=[[[[1]]], [[[2]]]], parts=parts)
    assert run(network, [[[10, 20]]], [[[6, 7]], [[4, 5]]]) == [[[11, 22]], [[18, 40]]]


def test_phases_of_a_transposed_convolution_share_all_taps() -> None:
    options = ConvTranspose(stride=(2, 3), padding=(1, 0, 0, 2), dilation=(1, 2))
    phases = list(options.phases((1, 4, 5), (1, 1, 3, 4)))
    assert [phase.first for phase in phases] == [(y, x) for y in range(2) for x in range(3)]
    taps = [(u, v) for phase in phases for u in range(3)[phase.taps[0]] for v in range(4)[phase.taps[1]]]
    assert sorted(taps) == [(u, v) for u in range(3) for v in range(4)]


def test_largest_sums_are_exact() -> None:
    weights = np.full((1, 3000), 16)
    parts = requantizer(bias=-16 * 255 * 3000 + 9)
    assert run(network_of(Linear(), [(3000, 1, 1)], weights=weights, parts=parts), [[[255]]] * 3000) == [[[9]]]


@pytest.mark.parametrize(
    ("options", "weights", "shape", "message"),
    [
        (Conv(groups=2), (4, 1, 1, 1), (3, 2, 2), r"groups is 2 for weights \(4, 1, 1, 1\) and 3 channels; allowed: "),
        (Conv(groups=2), (3, 1, 1, 1), (2, 2, 2), r"groups is 2 for weights \(3, 1, 1, 1\) and 2 channels; allowed: "),
        (Linear(), (3, 4), (2, 1, 1), r"groups is 1 for weights \(3, 4\) and 2 channels; allowed: "),
        (Conv(), (1, 1, 3, 3), (1, 2, 5), r"the input has 2 positions and padding \(0, 0\); allowed: at least 3"),
        (
            ConvTranspose(padding=(1, 1, 0, 0)),
            (1, 1, 1, 1),
            (1, 1, 1),
            r"padding is \(1, 1, 0, 0\), which leaves \[0, 0\]",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(options: Any, weights: Any, shape: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        network_of(options, [shape], weights=np.ones(weights, int))


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Conv, {"stride": (0, 1)}, r"stride is \(0, 1\); allowed: 2 whole numbers from 1 to 4095"),
        (Conv, {"stride": 2}, "stride is 2; allowed: 2 whole numbers"),
        (Conv, {"stride": (1, 1, 1)}, r"stride is \(1, 1, 1\); allowed: 2 whole numbers"),
        (Conv, {"padding": (0, 0, -1, 0)}, r"padding is \(0, 0, -1, 0\); allowed: 4 whole numbers from 0 to 4095"),
        (Conv, {"dilation": (1, 4096)}, r"dilation is \(1, 4096\); allowed: 2 whole numbers from 1 to 4095"),
        (Conv, {"groups": 0}, "groups is 0; allowed: a whole number from 1 to 65536"),
        (Conv, {"groups": True}, "groups is True; allowed"),
        (ConvTranspose, {"output_padding": (0, 1.0)}, r"output_padding is \(0, 1.0\); allowed"),
    ],
)
def test_options_out_of_range_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make(**options)


def test_weights_must_be_there_and_suit_the_operator() -> None:
    with pytest.raises(
        NetworkError, match=r"^node node: has weights of shape \(1, 1, 1, 1\); allowed for linear: 2 axes$"
    ):
        network_of(Linear(), [(1, 1, 1)], weights=np.ones((1, 1, 1, 1), int))
