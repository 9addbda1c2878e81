"""Operators that move codes, by hand."""

from typing import Any

import numpy as np
import pytest

from sw_ref.network import Concat, Flatten, NetworkError, Pad, Permute, PixelShuffle, Resize, Slice
from verif.sw_ref.network.single import network_of, run_operator

TWO = [[[1, 2]], [[3, 4]]]
SQUARE = [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("options", "acts", "expected"),
    [
        (Concat(), [TWO], TWO),
        (Concat(), [TWO, [[[5, 6]]], TWO], [*TWO, [[5, 6]], *TWO]),
        (Resize(factor=(2, 3)), [TWO], [[[1, 1, 1, 2, 2, 2]] * 2, [[3, 3, 3, 4, 4, 4]] * 2]),
        (PixelShuffle(block=2), [[[[c]] for c in range(8)]], [[[0, 2], [4, 6]], [[1, 3], [5, 7]]]),
        (PixelShuffle(block=2, order="CRD"), [[[[c]] for c in range(8)]], [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
        (PixelShuffle(block=2), [[[[c, c + 10]] for c in range(4)]], [[[0, 1, 10, 11], [2, 3, 12, 13]]]),
        (Pad(padding=(0, 1, 1, 2)), [TWO], [[[9, 1, 2, 9, 9], [9] * 5], [[9, 3, 4, 9, 9], [9] * 5]]),
        (Pad(padding=(1, 1, 0, 2), mode="edge"), [TWO], [[[1, 1, 2, 2, 2]] * 2, [[3, 3, 4, 4, 4]] * 2]),
        (
            Pad(padding=(1, 2, 0, 1), mode="reflect"),
            [SQUARE],
            [[[6, 5, 4, 5, 6, 5], [3, 2, 1, 2, 3, 2], [6, 5, 4, 5, 6, 5]]],
        ),
        (Slice(start=(1, 0, 0), stop=(2, 1, 2)), [TWO], [[[3, 4]]]),
        (Slice(start=(0, 1, 1), stop=(1, 2, 3)), [SQUARE], [[[5, 6]]]),
        (Permute(order=(1, 0)), [TWO], [TWO[1], TWO[0]]),
        (Permute(order=(2, 0, 1)), [[[[7]], [[8]], [[9]]]], [[[9]], [[7]], [[8]]]),
        (Flatten(), [TWO], [[[1]], [[2]], [[3]], [[4]]]),
        (Flatten(), [SQUARE], [[[n]] for n in range(1, 7)]),
    ],
)
def test_by_hand(options: Any, acts: Any, expected: Any) -> None:
    assert run_operator(options, *acts, zeros=(9,) * len(acts)) == expected


@pytest.mark.parametrize("order", ["DCR", "CRD"])
def test_pixel_shuffle_is_onnx_depth_to_space(order: str) -> None:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    acts = np.arange(18 * 2 * 3).reshape(18, 2, 3)
    node = helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=3, mode=order)
    (expected,) = ReferenceEvaluator(node).run(None, {"x": acts[None].astype(np.float32)})
    assert run_operator(PixelShuffle(block=3, order=order), acts) == np.asarray(expected)[0].astype(int).tolist()


@pytest.mark.parametrize(
    ("options", "shapes", "message"),
    [
        (Concat(), [(1, 2, 3), (1, 3, 2)], r"inputs have shapes \[\(1, 2, 3\), \(1, 3, 2\)\]; allowed: the same rows"),
        (PixelShuffle(block=2), [(6, 1, 1)], "block is 2 for 6 channels; allowed: its square divides them"),
        (Pad(padding=(0, 0, 2, 0), mode="reflect"), [(1, 2, 2)], r"padding is \(0, 0, 2, 0\) by reflection; allowed: "),
        (Slice(stop=(1, 2, 3)), [(1, 2, 2)], r"slice is \(0, 0, 0\) to \(1, 2, 3\) of \(1, 2, 2\); allowed: within it"),
        (Slice(start=(1, 0, 0), stop=(1, 2, 2)), [(1, 2, 2)], r"slice is \(1, 0, 0\) to \(1, 2, 2\) of"),
        (Permute(order=(0, 2)), [(2, 1, 1)], r"order is \[0, 2\]; allowed: each channel from 0 to 1 once"),
        (Permute(order=(0, 0)), [(2, 1, 1)], r"order is \[0, 0\]; allowed: each channel from 0 to 1 once"),
    ],
)
def test_what_does_not_fit_is_refused(options: Any, shapes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        network_of(options, shapes)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Resize, {"factor": (0, 1)}, r"factor is \(0, 1\); allowed: 2 whole numbers from 1 to 4095"),
        (PixelShuffle, {"order": "RCD"}, "order is 'RCD'; allowed: 'DCR', 'CRD'"),
        (PixelShuffle, {"block": 0}, "block is 0; allowed: a whole number from 1 to 4095"),
        (Pad, {"padding": (1, 1, 1, 1), "mode": "wrap"}, "mode is 'wrap'; allowed: 'zero', 'edge', 'reflect'"),
        (Pad, {"padding": (1, 1)}, r"padding is \(1, 1\); allowed: 4 whole numbers"),
        (Permute, {"order": ()}, r"order is \(\); allowed: whole numbers from 0 to 65536"),
    ],
)
def test_options_out_of_range_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make(**options)


def test_scales_must_be_the_same() -> None:
    with pytest.raises(NetworkError, match=r"^node node: its tensors have \(step, zero\) \[\(0.5, 3\), \(0.5, 4\)\]"):
        network_of(Concat(), [(1, 1, 1)] * 2, zeros=(3, 4))
