"""One layer quantized: scales on the grid, tiles where they save output error, whole shares of tiles."""

from dataclasses import replace

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.quantize.compensate import Spread
from sw_ref.quantize.layer import Grid, LayerQuantizer, Part
from sw_ref.tiling import Selection

FMT = StlqFormat(bits=3, act_signed=False)
GRID = Grid(base=0.013, mantissas=(1.0, 1.25, 1.5, 1.75))


def layer(ratio=0.25, shape=(16, 8, 3, 3), groups=1, scale=None, seed=0):
    """A quantizer and the one part of a convolution whose inputs are correlated; `scale`: of each column's inputs."""
    random = np.random.default_rng(seed)
    size = shape[1] * shape[2] * shape[3]
    inputs = random.normal(size=(groups, size, 400)) + random.normal(size=(groups, 1, 400))
    if scale is not None:
        inputs *= scale[None, :, None]
    weight = random.normal(size=shape)
    places = np.arange(weight.size).reshape(groups, shape[0] // groups, size)
    part = Part(
        places=places,
        target=weight.reshape(-1)[places],
        spread=Spread.of(inputs @ inputs.transpose(0, 2, 1) / 400),
    )
    return LayerQuantizer(shape=shape, fmt=FMT, tile=(8, 4), grid=GRID, selection=Selection(ratio=ratio)), part, weight


def output_error(tensor, part, weight):
    off = (tensor.dequantize() - weight).reshape(-1)[part.places]
    return float(np.einsum("grn,gnm,grm->", off, part.spread.moments, off))


def test_scales_are_on_the_grid():
    quantizer, part, _ = layer()
    unit = quantizer.quantize([part]).scale.astype(np.float64) * 2.0 ** -(FMT.levels + FMT.residual_shift) / GRID.base
    mantissa = unit / 2.0 ** np.floor(np.log2(unit))
    assert set(np.round(mantissa, 5)) <= {1.0, 1.25, 1.5, 1.75}


@pytest.mark.parametrize(("ratio", "count"), [(0.0, 0), (0.25, 9), (1.0, 36)])
def test_share_of_tiles(ratio, count):
    quantizer, part, _ = layer(ratio)
    assert quantizer.quantize([part]).two_word.sum() == count


def test_more_second_words_are_better():
    found = []
    for ratio in (0.0, 0.25, 1.0):
        quantizer, part, weight = layer(ratio)
        found.append(output_error(quantizer.quantize([part]), part, weight))
    assert found[0] > found[1] > 4 * found[2]


def test_tiles_are_where_they_save_output_error():
    # Inputs 4 to 7 are a hundred times larger: tiles of their weights, all in the second column, get the words.
    loud = np.repeat(np.where(np.arange(8) >= 4, 100.0, 1.0), 9)
    quantizer, part, _ = layer(0.5, scale=loud)
    assert quantizer.quantize([part]).two_word.reshape(2, 2, -1).sum(axis=(0, 2)).tolist() == [0, 18]


def test_groups_and_several_parts_are_the_same_layers_side_by_side():
    quantizer, part, _ = layer(1.0, shape=(16, 1, 3, 3), groups=16)
    tensor = quantizer.quantize([part])
    assert tensor.shape == (16, 1, 3, 3)
    rows = [
        Part(
            places=part.places.transpose(1, 0, 2)[..., some].transpose(1, 0, 2),
            target=part.target[..., some],
            spread=Spread.of(np.eye(len(some))[None].repeat(16, 0)),
        )
        for some in (np.arange(4), np.arange(4, 9))
    ]
    assert quantizer.quantize(rows).two_word.all()


@pytest.mark.parametrize("groups", [1, 2])
def test_rows_are_compensated_a_few_at_a_time(monkeypatch, groups):
    quantizer, part, _ = layer(groups=groups)
    whole = quantizer.best_units([part], np.zeros(quantizer.shape, bool))
    monkeypatch.setattr("sw_ref.quantize.layer.AT_A_TIME", 3 * 72 * groups * quantizer.grid.finalists)
    assert np.array_equal(quantizer.best_units([part], np.zeros(quantizer.shape, bool)), whole)


def test_scales_are_tried_on_some_parts_only():
    quantizer, part, _ = layer()
    other = replace(part, target=5 * part.target, tried=False)
    two_word = np.zeros(quantizer.shape, bool)
    louder = replace(other, tried=True)
    alone, beside, both = (quantizer.best_units(parts, two_word) for parts in ([part], [part, other], [part, louder]))
    assert not np.array_equal(both, alone)
    assert not np.array_equal(both, beside)


def test_same_bytes():
    first, second = (quantizer.quantize([part]) for quantizer, part, _ in (layer(), layer()))
    assert all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("word1", "word2", "two_word", "scale")
    )


def test_channels_of_zeros():
    quantizer, part, _ = layer()
    empty = Part(places=part.places, target=np.zeros_like(part.target), spread=part.spread)
    tensor = quantizer.quantize([empty])
    assert not tensor.word1.any()
    assert np.isfinite(tensor.scale).all()


def test_gains_are_never_negative():
    quantizer, part, weight = layer(shape=(4, 4, 1, 1), seed=3)
    unit = np.full(4, np.abs(weight).max() * 2.0**-FMT.levels)
    gains = quantizer.gains([part], unit, np.zeros(weight.shape, bool))
    assert gains.min() >= 0
