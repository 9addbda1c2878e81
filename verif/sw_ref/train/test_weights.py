"""The weight quantizer: equal to quantize_tensor to the last bit, C fixed, v complementary and falling to exactly 0."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tiling import GRANULARITIES, Tiling
from sw_ref.train.layers import to_layout
from sw_ref.train.methods import METHODS
from sw_ref.train.select import Layer, select
from sw_ref.train.weights import EPSILON, Start, Words, anneal, expand
from verif.sw_ref.distributions import make
from verif.sw_ref.train.nets import gradient

SHAPES = [(64, 48), (13, 7), (1, 1), (12, 9, 5), (20, 1, 3, 3), (9, 10, 3, 2)]
STLQ = METHODS["stlq"]
LITERAL = METHODS["stlq-literal"]


def words(
    weight: NDArray[np.float32], method: Any = STLQ, ratio: float = 0.3, granularity: str = "tile", bits: int = 3
) -> Words:
    fmt = method.format(StlqFormat(bits=bits))
    tiling = Tiling.of(weight.shape, (8, 4), granularity)
    layer = Layer(weight=weight, tiles=Tiling.of(weight.shape, (8, 4)), blocks=tiling, positions=1)
    select({"layer": layer}, fmt, method, ratio)
    start = Start(tiling=tiling, scale=layer.scale, selection=layer.flags, norms=layer.norms)
    return Words(start, fmt=fmt, method=method)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("per_channel", [False, True])
def test_without_v_equal_to_the_numpy_quantizer(
    per_channel: bool, shape: tuple[int, ...], granularity: str, ratio: float
) -> None:
    weight = make("laplace", shape)
    quantizer = words(weight, replace(METHODS["no-v"], per_channel=per_channel), ratio, granularity)
    options: dict[str, Any] = {"tile": (8, 4), "ratio": ratio, "granularity": granularity, "per_channel": per_channel}
    expected = quantize_tensor(weight, StlqFormat(bits=3), **options)
    assert np.array_equal(quantizer(torch.from_numpy(weight)).numpy(), expected.dequantize())
    assert np.array_equal(quantizer.scale.numpy(), expected.scale)


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["gauss", "outliers", "sparse", "binary"])
def test_literal_equal_to_the_numpy_quantizer(kind: str, bits: int) -> None:
    weight = make(kind, (30, 21))
    quantizer = words(weight, replace(LITERAL, anneal="none"), bits=bits)
    fmt = StlqFormat(bits=bits, residual_shift=0)
    expected = quantize_tensor(weight, fmt, tile=(8, 4), ratio=0.3, literal=True)
    assert np.array_equal(quantizer(torch.from_numpy(weight)).numpy(), expected.dequantize())


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_expand_as_in_numpy(shape: tuple[int, ...]) -> None:
    for granularity in GRANULARITIES:
        tiling = Tiling.of(shape, (8, 4), granularity)
        values = np.arange(tiling.count, dtype=np.float32).reshape(tiling.grid)
        assert np.array_equal(expand(torch.from_numpy(values), tiling).numpy(), tiling.expand(values))


@pytest.mark.parametrize("method", [STLQ, LITERAL, replace(STLQ, anneal="inside"), replace(STLQ, order="ranked")])
@pytest.mark.parametrize("granularity", ["tile", "element", "filter"])
def test_v_is_complementary_and_falls_to_zero(granularity: str, method: Any) -> None:
    weight = make("gauss", (40, 24, 3))
    quantizer = words(weight, method, granularity=granularity)
    v, selection, random = quantizer.v, quantizer.selection.clone(), torch.Generator().manual_seed(7)
    assert v is not None
    free = ~selection
    # The start: exp(|r1| - max|r1|) where C is 0.
    assert v.detach().max() == 1
    assert torch.equal(v.detach() != 0, free)
    before, nonzero = v.detach().abs().clone(), []
    for step in range(1, 21):
        with torch.no_grad():
            v += torch.randn(v.shape, generator=random) * 0.2  # an optimizer that pulls in all directions
        anneal([quantizer], step / 20)
        now = v.detach().abs()
        assert (now <= before).all()
        assert not now[selection].any()
        assert ((now == 0) | (now >= EPSILON)).all()
        assert torch.equal(quantizer.selection, selection)
        before = now.clone()
        nonzero.append(int(torch.count_nonzero(now)))
        if step / 20 >= method.anneal_end:
            assert nonzero[-1] == 0
    assert nonzero[0] > 0
    assert nonzero[-1] == 0


def test_v_starts_from_the_norms_of_the_residuals() -> None:
    weight = make("gauss", (40, 24))
    quantizer = words(weight, STLQ)
    one = quantize_tensor(weight, StlqFormat(bits=3), ratio=0, scale=quantizer.scale.numpy()).dequantize()
    norms = np.sqrt(quantizer.tiling.sums(np.square(weight - one, dtype=np.float64)))
    free = ~quantizer.selection.numpy()
    assert quantizer.v is not None
    assert np.allclose(quantizer.v.detach().numpy(), np.exp(norms - norms[free].max()) * free, rtol=1e-5)


def test_v_keeps_its_sign_while_it_falls() -> None:
    quantizer = words(make("gauss", (40, 24)), STLQ)
    v = quantizer.v
    assert v is not None
    with torch.no_grad():
        v[::2] *= -1
    signs = v.detach().sign()
    anneal([quantizer], 0.2)
    left = v.detach() != 0
    assert set(signs[left].tolist()) == {-1, 1}
    assert torch.equal(v.detach().sign()[left], signs[left])
    assert float(v.detach().abs().max()) == pytest.approx(1 - 0.2 / STLQ.anneal_end, rel=1e-6)


def test_ranked_order_ends_small_residuals_first() -> None:
    quantizer = words(make("gauss", (64, 64)), replace(STLQ, order="ranked"))
    start, free = quantizer.limit, ~quantizer.selection
    assert start is not None
    assert quantizer.v is not None
    start = start.clone()
    anneal([quantizer], 0.25)
    ended = (quantizer.v == 0) & free
    assert 0 < int(ended.sum()) < int(free.sum())
    assert float(start[ended].max()) <= float(start[free & ~ended].min())


def test_with_v_of_one_a_layer_has_two_words_everywhere() -> None:
    weight = make("gauss", (32, 16))
    quantizer = words(weight, STLQ)
    assert quantizer.v is not None
    with torch.no_grad():
        quantizer.v.copy_(~quantizer.selection)
    both = quantize_tensor(weight, StlqFormat(bits=3), tile=(8, 4), ratio=1, scale=quantizer.scale.numpy())
    assert np.array_equal(quantizer(torch.from_numpy(weight)).detach().numpy(), both.dequantize())


def test_gradient_of_v_is_summed_over_the_block() -> None:
    weight = make("gauss", (13, 7))
    quantizer = words(weight, STLQ)
    assert quantizer.v is not None
    out = quantizer(torch.from_numpy(weight))
    out.sum().backward()
    fine = quantizer.scale * 0.25
    one = quantize_tensor(weight, StlqFormat(bits=3), ratio=0, scale=quantizer.scale.numpy()).dequantize()
    slope = quantize_tensor(weight - one, StlqFormat(bits=3), ratio=0, scale=fine.numpy()).dequantize()
    expected = quantizer.tiling.sums(slope.astype(np.float64))
    assert np.allclose(gradient(quantizer.v).numpy(), expected, atol=1e-5)


def test_all_zero_weights_stay_zero() -> None:
    for method in (STLQ, LITERAL, METHODS["one-word"]):
        quantizer = words(np.zeros((9, 9), np.float32), method)
        assert not quantizer(torch.zeros(9, 9)).any()


def test_only_with_v_is_there_anything_to_anneal() -> None:
    weight = make("gauss", (12, 8))
    assert set(words(weight, STLQ).state_dict()) == {"v", "scale", "marks", "selection", "limit", "deadline"}
    for quantizer in (words(weight, METHODS["no-v"]), words(weight, STLQ, ratio=1.0)):
        assert set(quantizer.state_dict()) == {"scale", "marks", "selection"}


@pytest.mark.parametrize("groups", [1, 2])
def test_scales_by_channel_of_a_transposed_convolution(groups: int) -> None:
    """Such a layer has its inputs first: each U stands where its output channel is."""
    weight = make("gauss", (6, 4, 3, 3))
    method = replace(METHODS["no-v"], per_channel=True)
    plain = words(weight, method)
    start = Start(
        tiling=plain.tiling, scale=plain.scale.numpy(), selection=plain.selection.numpy(),
        norms=np.zeros(plain.tiling.grid),
    )  # fmt: skip
    turned = Words(start, fmt=plain.fmt, method=method, transposed_groups=groups)
    given = torch.from_numpy(weight)
    assert torch.equal(turned(to_layout(given, groups)), to_layout(plain(given), groups))
