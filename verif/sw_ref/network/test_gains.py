"""Gains: where channels may have them, how they go on, and how weights meet them."""

import numpy as np
import pytest

from sw_ref.network import Add, AveragePool, Concat, Conv, Flatten, Linear, MaxPool, Permute, PixelShuffle, Slice
from sw_ref.network.gains import Gains, Link, columns, keeps_scale

SHAPES = dict.fromkeys("xabcd", (4, 2, 3)) | {"y": (2, 1, 1)}
LAYER, HEAD = Conv(), Linear()


def link(options, inputs, output, *, scales=True):
    return Link(
        options=options,
        inputs=tuple(inputs),
        output=output,
        weighted=isinstance(options, (Conv, Linear)),
        scales=scales,
    )


CASES = {
    "read by a layer": ([link(LAYER, "x", "a"), link(HEAD, "a", "y")], "a"),
    "behind a pool": ([link(LAYER, "x", "a"), link(MaxPool(kernel=(1, 1)), "a", "b"), link(HEAD, "b", "y")], "a"),
    "of two": ([link(LAYER, "x", "a"), link(LAYER, "a", "b"), link(Concat(), "ab", "c"), link(HEAD, "c", "y")], "ab"),
    "leaves": ([link(LAYER, "x", "y")], ""),
    "clipped": ([link(LAYER, "x", "a", scales=False), link(HEAD, "a", "y")], ""),
    "clipped later": (
        [link(LAYER, "x", "a"), link(AveragePool(kernel=(1, 1)), "a", "b", scales=False), link(HEAD, "b", "y")],
        "",
    ),
    "added": ([link(LAYER, "x", "a"), link(LAYER, "xa", "b"), link(HEAD, "b", "y")], ""),
    "in a sum": ([link(LAYER, "x", "a"), link(Add(), "xa", "b"), link(HEAD, "b", "y")], ""),
    "of positions": ([link(LAYER, "x", "a"), link(PixelShuffle(), "a", "b"), link(HEAD, "b", "y")], ""),
    "leaves behind a pool": ([link(LAYER, "x", "a"), link(MaxPool(kernel=(1, 1)), "a", "y")], ""),
}


@pytest.mark.parametrize("case", CASES)
def test_only_what_ends_in_weights_may_have_gains(case: str) -> None:
    links, free = CASES[case]
    gains = Gains(links, ["y"], SHAPES)
    assert "".join(one.output for one in links if gains.free(one.output)) == free


@pytest.mark.parametrize(
    ("options", "inputs", "wanted"),
    [
        (MaxPool(kernel=(1, 1)), "a", [1, 2, 3, 4]),
        (Concat(), "ax", [1, 2, 3, 4, 1, 1, 1, 1]),
        (Slice(start=(1, 0, 0), stop=(3, 2, 3)), "a", [2, 3]),
        (Permute(order=(3, 0, 2, 1)), "a", [4, 1, 3, 2]),
        (Flatten(), "a", [1] * 6 + [2] * 6 + [3] * 6 + [4] * 6),
    ],
)
def test_gains_go_on_with_their_channels(options, inputs, wanted) -> None:
    gains = Gains([link(LAYER, "x", "a"), link(options, inputs, "b"), link(HEAD, "b", "y")], ["y"], SHAPES)
    gains.leave("a", np.array([1.0, 2.0, 3.0, 4.0]))
    gains.follow("b")
    assert gains.of("b").tolist() == wanted
    assert gains.of("x").tolist() == [1, 1, 1, 1]


def test_weights_meet_the_gains_of_their_own_group() -> None:
    seen = columns(np.array([1.0, 2.0, 3.0, 4.0]), (6, 2, 3, 3), 2)
    assert seen.shape == (6, 2, 1, 1)
    assert seen[:, :, 0, 0].tolist() == [[1, 2]] * 3 + [[3, 4]] * 3


def test_a_clip_keeps_scales_at_0_alone() -> None:
    assert keeps_scale(0, np.inf)
    assert keeps_scale(-np.inf, np.inf)
    assert not keeps_scale(0, 6)
