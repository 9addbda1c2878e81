"""Large networks: what is held, padded and multiplied stays within bounds that their size does not move."""

import math

import numpy as np
import pytest

from rtl_gen.frontend import problem
from rtl_gen.frontend.calibrate import sampled
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.problem import blocks_of, gather, pieces_of
from rtl_gen.frontend.walk import most_held, walk
from sw_ref.network import Conv, ConvTranspose
from sw_ref.quantize import moments
from verif.rtl_gen.frontend.models import node


def forked(make):
    """x (4, 6, 5) is read by two layers, their sum is pooled: at most x and three tensors of its size are held."""
    nodes = [
        node("Conv", ["x", "a"], ["s"]),
        node("Sigmoid", ["s"], ["t"]),
        node("Conv", ["x", "b"], ["u"]),
        node("Tanh", ["u"], ["v"]),
        node("Add", ["t", "v"], ["w"]),
        node("GlobalAveragePool", ["w"], ["y"]),
    ]
    random = np.random.default_rng(0)
    return import_onnx(make(nodes, {name: random.normal(size=(4, 4, 1, 1)).astype(np.float32) for name in "ab"}))


def test_a_walk_holds_what_is_still_read(make):
    network = forked(make)
    inputs = {"x": np.random.default_rng(1).normal(size=(3, 4, 6, 5)).astype(np.float32)}
    wanted = Runner(network).tensors(inputs, network.shapes)
    values, held = dict(inputs), []
    for step in walk(network, values):
        np.testing.assert_allclose(values[step.output], wanted[step.output], rtol=1e-5, atol=1e-6)
        held.append(sum(array[0].size for array in values.values()))
    assert max(held) == most_held(network) == 3 * 120
    assert values == {}


def test_samples_are_those_of_all_inputs_at_once(make, monkeypatch):
    network = forked(make)
    inputs = {"x": np.random.default_rng(1).normal(size=(7, 4, 6, 5)).astype(np.float32)}
    monkeypatch.setattr("rtl_gen.frontend.calibrate.SAMPLES", 50)
    whole = sampled(Runner(network), inputs, 7)
    monkeypatch.setattr("rtl_gen.frontend.calibrate.AT_A_TIME", 2 * sum(map(math.prod, network.shapes.values())))
    parts = sampled(Runner(network), inputs, 7)
    assert {name: len(values) for name, values in parts.items()} == dict.fromkeys(network.shapes, 52) | {"y": 30}
    assert all(np.allclose(parts[name], values, atol=1e-6) for name, values in whole.items())


def piece(groups, channels):
    """A 3 x 3 convolution's rows of weights, and its inputs: 8 pictures of 16 x 16."""
    weight = np.ones((channels, channels // groups, 3, 3), np.float32)
    (found,) = pieces_of(Conv(padding=(1, 1, 1, 1), groups=groups), (channels, 16, 16), weight.shape)
    return found, weight, np.random.default_rng(0).normal(size=(8, channels, 16, 16)).astype(np.float32)


@pytest.mark.parametrize(
    ("bounds", "groups", "count"),
    [
        ({"WORK": 300 * 72**2}, 1, 300),
        ({"COLUMNS": 300 * 72}, 1, 300),
        ({"COLUMNS": 300 * 72}, 8, 300),  # groups of 9 inputs each
        ({"WORK": 300 * 9**2}, 8, 300),
        ({"WORK": 1}, 1, 4 * 72),  # but four positions for each input
        ({}, 1, 8 * 256),
    ],
)
def test_statistics_take_no_more_than_their_bounds(monkeypatch, bounds, groups, count):
    for name, bound in bounds.items():
        monkeypatch.setattr(problem, name, bound)
    found, weight, acts = piece(groups, 8)
    assert gather(acts, acts, found, weight).count == count


@pytest.mark.parametrize(
    ("channels", "taps", "groups", "count", "width"),
    [
        (8192, 1, 1, 1, 8192),  # the most that stay together
        (8193, 1, 1, 5, 1664),
        (25088, 1, 1, 13, 1984),  # the first linear layer of vgg19
        (1024, 9, 1, 4, 256),
        (100, 121, 1, 6, 17),  # too few for whole tiles
        (1000, 25, 1, 8, 128),
        (8, 49**2, 1, 8, 1),  # a channel alone is more than a block
        (1, 8192, 1, 1, 1),  # the largest kernel
        (2048, 1, 16, 1, 2048),  # the statistics of all groups count
        (2049, 1, 16, 2, 1088),
        (1, 209, 1536, 1, 1),  # the largest depthwise kernel of so many channels
    ],
)
def test_blocks_of_channels(channels, taps, groups, count, width):
    blocks = blocks_of(channels, taps, groups)
    assert (len(blocks), blocks[0].stop) == (count, width)
    assert [number for some in blocks for number in range(some.start, some.stop)] == list(range(channels))


@pytest.mark.parametrize("options", [Conv(groups=2), ConvTranspose(groups=2, stride=(2, 2))])
def test_blocks_read_their_own_inputs(monkeypatch, options):
    """Statistics of blocks are those of the whole layer, along its diagonal."""
    random, shape = np.random.default_rng(0), (12, 5, 4)
    weight = random.normal(size=(4, 6, 3, 3)).astype(np.float32)
    acts, floats = random.normal(size=(2, 7, *shape)).astype(np.float32)
    whole = list(pieces_of(options, shape, weight.shape))
    monkeypatch.setattr(problem, "WHOLE", 26)  # 18 for each of two groups
    monkeypatch.setattr(problem, "BLOCK", 18)
    blocks = list(pieces_of(options, shape, weight.shape))
    assert len(blocks) == 3 * len(whole)
    assert [block.tried for block in blocks] == [True] * len(blocks)
    for number, one in enumerate(whole):
        wanted = gather(acts, floats, one, weight)
        taps = wanted.size // 6
        for block in blocks[3 * number : 3 * number + 3]:
            some = slice(block.channels.start * taps, block.channels.stop * taps)
            made = gather(acts, floats, block, weight)
            assert np.array_equal(block.places, one.places[..., some])
            np.testing.assert_allclose(made.spread, wanted.spread[:, some, some], rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(made.means, np.array(wanted.means)[..., some], rtol=1e-5, atol=1e-5)


def test_each_picture_is_padded_about_once(monkeypatch):
    """Chunks of columns pad the pictures that they read, not all of them: at the end of a chunk one again."""
    padded, surround = [], moments.surround
    monkeypatch.setattr(moments, "surround", lambda acts, *rest: padded.append(len(acts)) or surround(acts, *rest))
    monkeypatch.setattr(problem, "CHUNK", 100 * 72)
    found, weight, acts = piece(1, 8)
    gather(acts, acts, found, weight)
    assert len(padded) == 21
    assert sum(padded) <= len(padded) + 8
