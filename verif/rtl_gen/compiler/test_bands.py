"""First layers with large kernels: gathered where that is cheaper, and right; an input is filled only where it must."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hw.engine.encoding import Kind
from rtl_gen.compiler.bands import candidates
from rtl_gen.compiler.cycles import predict_end
from rtl_gen.compiler.first import choose
from rtl_gen.compiler.lower import compile_network
from sw_ref.network import Conv, Network
from sw_ref.windows import Window
from verif.rtl_gen.compiler.networks import convolution_network
from verif.rtl_gen.compiler.test_lowering import check, engine


def network_of(lanes: int, channels: int, size: tuple[int, int], outputs: int, options: Conv, kernel: int) -> Network:
    rng = np.random.default_rng(3)
    return convolution_network(engine(lanes), rng, (channels, *size), (outputs, channels, kernel, kernel), options)


RESNET = Conv(stride=(2, 2), padding=(3, 3, 3, 3))


@pytest.mark.parametrize(
    ("lanes", "channels", "size", "outputs", "options", "kernel", "wanted"),
    [
        # (words of a strip, codes of its rest, strips that share a word, tiles)
        pytest.param(16, 3, (16, 16), 200, RESNET, 7, (1, 5, 3, 10), id="147 codes in 10 words of 16"),
        pytest.param(8, 3, (17, 21), 100, replace(RESNET, padding=(3, 2, 3, 1)), 7, (3, 0, 0, 21), id="uneven"),
        pytest.param(4, 3, (12, 16), 32, Conv(padding=(2, 2, 2, 2)), 5, (4, 0, 0, 20), id="stride 1"),
        pytest.param(
            8, 1, (20, 20), 64, Conv(stride=(3, 2), padding=(2, 2, 2, 2), dilation=(1, 2)), 9, (1, 1, 3, 12),
            id="folded, with gaps between columns",
        ),
    ],
)  # fmt: skip
def test_strips_are_what_the_layer_reads(lanes, channels, size, outputs, options, kernel, wanted) -> None:
    config, network = engine(lanes), network_of(lanes, channels, size, outputs, options, kernel)
    bands = choose(network, "in", config, gather=True).bands
    assert bands is not None
    assert (bands.whole, bands.rest, bands.shared, bands.tiles) == wanted
    compiled = check(config, network, 5)
    # Without the room for strips the layer reads the input itself, and takes longer.
    small = replace(config, memory_words=compiled.memory_words - 1)
    plain = check(small, network, 5)
    assert plain.memory_words < compiled.memory_words
    assert predict_end(config, compiled.jobs) < predict_end(small, plain.jobs)


def test_each_weight_is_in_one_place_whatever_the_kernel_and_its_stride() -> None:
    """Kernels of fewer rows than their stride among them."""
    tried = 0
    for taps, stride, across, channels, lanes in product(
        range(1, 6), range(1, 5), range(1, 5), (1, 2, 3), (1, 3, 4, 8)
    ):
        rows, columns = (Window(origin=0, stride=stride, dilation=1, taps=count, outputs=4) for count in (taps, across))
        values = np.arange(1, 1 + channels * taps * across, dtype=np.int8).reshape(1, channels, taps, across)
        for bands in candidates((rows, columns), channels, lanes):
            words = bands.weights(values)
            assert sorted(words[words != 0]) == sorted(values.flat), (taps, stride, across, channels, lanes)
            tried += 1
    assert tried > 900


def test_an_engine_too_small_for_both_is_told_the_smaller_need() -> None:
    """Strips may need less memory than the input that is folded alone."""
    config, options = engine(4), Conv(stride=(3, 2), dilation=(1, 3), padding=(2, 2, 2, 2))
    network = convolution_network(config, np.random.default_rng(3), (3, 14, 12), (100, 3, 2, 6), options)
    found = compile_network(network, config)
    small = compile_network(network, replace(config, memory_words=found.memory_words - 1))
    assert choose(network, "in", config, gather=True).bands is not None
    assert small.memory_words == found.memory_words


def test_strips_do_not_pay_for_few_outputs() -> None:
    network = network_of(16, 3, (16, 16), 16, RESNET, 7)
    assert choose(network, "in", engine(16), gather=True).bands is None


@pytest.mark.parametrize(("rows", "filled"), [(16, []), (17, [5])])
def test_an_input_is_filled_where_words_stick_out(rows, filled) -> None:
    """Two rows share their words: the last one of 17 is alone in its words, of which there are five."""
    config, options = engine(8), Conv(stride=(2, 1), padding=(1, 1, 1, 1))
    network = convolution_network(config, np.random.default_rng(4), (3, rows, 5), (8, 3, 3, 3), options)
    assert choose(network, "in", config, gather=True).folding[0] == (2, 1)
    compiled = check(config, network, 6)
    fills = [job for job in compiled.jobs if job.kind == Kind.FILL and job.layer == "input in"]
    assert [(job.fields["trips_x"] + 1) * (job.fields["trips_y"] + 1) for job in fills] == filled
