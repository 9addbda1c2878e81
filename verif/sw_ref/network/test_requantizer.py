"""From sums to codes: by hand, at the extremes, and refusals."""

from typing import Any

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.network import Add, Linear, NetworkError, Requantizer
from verif.sw_ref.network.single import network_of, requantizer, run


@pytest.mark.parametrize(
    ("parts", "zero_out", "code"),
    [
        # S = 100
        ({}, 0, 100),
        ({"bias": -30}, 0, 70),
        ({"multiplier": 3}, 0, 255),
        ({"multiplier": 3, "shift": 3}, 0, 38),  # 37.5 goes up
        ({"multiplier": -3, "shift": 3}, 50, 13),  # -37.5 goes up, too: -37
        ({"multiplier": 1, "shift": 3}, 0, 13),  # 12.5
        ({"multiplier": 1, "shift": 3, "bias": -1}, 0, 12),  # 12.375
        ({"multiplier": 0, "shift": 1, "bias": 999}, 7, 7),
        ({"multiplier": 0}, 7, 7),
        ({"multiplier": -129, "shift": 7}, 255, 154),  # -100.78 becomes -101
        ({"shift": 47}, 1, 1),
        ({"shift": 47, "bias": (1 << 47) - 1}, 1, 2),
        ({"shift": 47, "bias": -(1 << 47)}, 1, 0),
        ({"shift": 46, "bias": -(1 << 47), "multiplier": -129}, 0, 255),
        ({"low": 110}, 0, 110),
        ({"high": 90}, 0, 90),
        ({"low": 0, "high": 0}, 9, 0),
        ({"bias": -101}, 0, 0),
        ({"bias": 156}, 0, 255),
    ],
)
def test_codes_by_hand(parts: dict[str, Any], zero_out: int, code: int) -> None:
    network = network_of(Linear(), [(2, 1, 1)], weights=[[1, 4]], zero_out=zero_out, parts=requantizer(**parts))
    assert run(network, [[[40]], [[15]]]) == [[[code]]]


def test_a_table_follows_the_clipping() -> None:
    table = np.arange(255, -1, -1).astype(np.uint8)
    parts = requantizer(low=20, high=90, table=table)
    network = network_of(Linear(), [(1, 1, 4)], weights=[[1]], zero_out=5, parts=parts)
    assert run(network, [[[0, 15, 80, 255]]]) == [[[235, 235, 170, 165]]]


def test_each_channel_has_its_own_parameters() -> None:
    parts = requantizer(bias=[0, 10, -5], multiplier=[1, 3, -1], shift=[0, 1, 2])
    network = network_of(Linear(), [(1, 1, 1)], weights=[[1], [2], [4]], zero_out=100, parts=parts)
    # 20, (20 + 10) * 3 / 2 = 75 with 2 * 10 + 10 = 30: 45, -(40 - 5) / 4 = -8.75: -9
    assert run(network, [[[10]]]) == [[[110]], [[145]], [[91]]]


@pytest.mark.parametrize(
    ("add_multiplier", "r", "code"),
    [(8, 30, 120), (8, 10, 100), (-12, 20, 85), (0, 255, 100), (129 << 23, 11, 255), (129 << 23, 9, 0), (3, 11, 100)],
)
def test_the_added_tensor_counts_from_its_zero_point(add_multiplier: int, r: int, code: int) -> None:
    parts = requantizer(multiplier=8, shift=3, add_multiplier=add_multiplier)
    network = network_of(Add(), [(1, 1, 1)] * 2, zeros=(0, 10), parts=parts)
    assert run(network, [[[100]]], [[[r]]]) == [[[code]]]


def test_wide_codes_have_wide_tables() -> None:
    fmt = StlqFormat(act_bits=9, act_signed=False, residual_shift=0)
    table = np.arange(512).astype(np.uint16)[::-1].copy()
    parts = requantizer(high=511, table=table)
    assert run(network_of(Linear(), [(1, 1, 2)], weights=[[1]], parts=parts, fmt=fmt), [[[0, 300]]]) == [[[511, 211]]]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"multiplier": 6}, r"multiplier is 6; allowed: 0 or \+-\(2\^d \+ s\), d = 0 to 7, s = -1, 0 or 1$"),
        ({"multiplier": -130}, "multiplier is -130; allowed"),
        ({"add_multiplier": 11}, r"add_multiplier is 11; allowed: .* times 2\^e, e = 0 to 23$"),
        ({"shift": 48}, "shift is 48; allowed: 0 to 47"),
        ({"bias": 1 << 47}, "bias is 140737488355328; allowed: -140737488355328 to 140737488355327"),
        ({"bias": -(1 << 47) - 1}, "bias is -140737488355329; allowed"),
        ({"multiplier": [1, 1]}, r"multiplier has shape \(2,\); allowed: \(1,\) or rows of it"),
        ({"shift": [[1]]}, r"shift has shape \(1, 1\); allowed: \(1,\)"),
        ({"add_multiplier": [1, 2]}, r"add_multiplier has shape \(2,\); allowed: \(1,\)"),
        ({"bias": [[1]]}, r"bias has shape \(1, 1\); allowed: \(C,\)"),
        ({"bias": []}, r"bias has shape \(0,\); allowed: \(C,\)"),
    ],
)
def test_parameters_out_of_range_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        requantizer(**parts)


@pytest.mark.parametrize("part", ["bias", "multiplier", "shift"])
def test_parameters_of_another_type_are_refused(part: str) -> None:
    arrays = {**requantizer().arrays(), part: np.zeros(1, np.int16)}
    with pytest.raises(ValueError, match=f"^{part} is int16; allowed: "):
        Requantizer(**arrays, high=255)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"high": 256}, "high is 256; allowed: 0 to 255"),
        ({"low": -1}, "low is -1; allowed: 0 to 255"),
        ({"low": True}, "low is True; allowed: 0 to 255"),
        ({"high": 1.5}, "high is 1.5; allowed: 0 to 255"),
        ({"low": 9, "high": 8}, "low is 9; allowed: up to high, 8"),
        ({"table": np.zeros(255, np.uint8)}, r"table is uint8 \(255,\); allowed: uint8 \(256,\)"),
        ({"table": np.zeros(256, np.uint16)}, r"table is uint16 \(256,\); allowed: uint8 \(256,\)"),
        ({"bias": [0, 0], "multiplier": [1, 1], "shift": [0, 0]}, r"multiplier has shape \(2,\); allowed: \(1,\)"),
        ({"multiplier": [[1]], "shift": [[0]]}, r"multiplier has shape \(1, 1\); allowed: \(1,\)"),
        ({"add_multiplier": 1}, "has 1 input; allowed: two with an add_multiplier, one without"),
    ],
)
def test_parameters_that_do_not_suit_the_node_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(NetworkError, match=f"^node node: {message}$"):
        network_of(Linear(), [(1, 1, 1)], weights=[[1]], parts=requantizer(**parts))


def test_a_table_beyond_the_codes_is_refused() -> None:
    fmt = StlqFormat(act_bits=4, act_signed=False, residual_shift=0)
    parts = requantizer(high=15, table=np.full(16, 16, np.uint8))
    with pytest.raises(NetworkError, match=r"^node node: table holds 16; allowed: up to 15$"):
        network_of(Linear(), [(1, 1, 1)], weights=[[1]], parts=parts, fmt=fmt)


def test_what_could_overflow_is_refused() -> None:
    fmt = StlqFormat(bits=5, act_bits=16, act_signed=False, residual_shift=4)
    channels = 1 << 15
    weights = np.full((1, channels), fmt.weight_max)
    # 2^15 * 2^16 * 557,056 is about 2^50, times 129 about 2^57: fits.
    network_of(Linear(), [(channels, 1, 1)], weights=weights, parts=requantizer(multiplier=129, high=65535), fmt=fmt)
    parts = requantizer(1, bias=-(1 << 47), multiplier=129, high=65535)
    with pytest.raises(ValueError, match=r"channel 0: values reach .*; allowed: below 2\^62"):
        parts.check_range(np.array([0]), np.array([1 << 56]), 0)
