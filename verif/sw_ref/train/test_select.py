"""Selection tensors: exact counts, one threshold or one budget over the whole network, scales searched for them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sw_ref.cost import cost
from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tiling import Selection, Tiling
from sw_ref.train.methods import METHODS, Method, find_method
from sw_ref.train.select import Layer, select
from verif.sw_ref.distributions import SEED, make
from verif.sw_ref.train.nets import FMT, prepared

SHAPES = {"one": (40, 24, 3, 3), "two": (16, 1, 5), "three": (33, 70)}
POSITIONS = {"one": 64, "two": 7, "three": 1}


def layers(method: Method, tile: tuple[int, int] = (8, 8), granularity: str = "tile") -> dict[str, Layer]:
    random = np.random.default_rng(SEED)
    return {
        name: Layer(
            weight=make("laplace", shape, seed=number),
            tiles=Tiling.of(shape, tile),
            blocks=Tiling.of(shape, tile, method.granularity or granularity),
            positions=POSITIONS[name],
            fisher=random.random(shape, np.float32) if method.budget == "cycles" else None,
        )
        for number, (name, shape) in enumerate(SHAPES.items())
    }


def budget(found: dict[str, Layer], ratio: float) -> int:
    return sum(Selection(ratio=ratio).count(layer.tiles.count) * layer.positions for layer in found.values())


def spent(found: dict[str, Layer]) -> float:
    return sum(layer.second_beats(layer.flags) for layer in found.values())


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.15, 0.5, 1.0])
def test_per_layer_counts_are_exact_and_flags_those_of_quantize(ratio: float, per_channel: bool) -> None:
    method = replace(METHODS["stlq"], per_channel=per_channel)
    found = layers(method)
    select(found, FMT, method, ratio)
    for layer in found.values():
        expected = quantize_tensor(layer.weight, FMT, tile=(8, 8), ratio=ratio, per_channel=per_channel)
        assert np.array_equal(layer.flags, expected.two_word)
        assert np.array_equal(layer.scale, expected.scale)
        assert int(layer.flags.sum()) == int(ratio * layer.tiles.count + 0.5)


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.15, 0.5])
def test_one_budget_for_the_network(ratio: float) -> None:
    method = METHODS["stlq-cycles"]
    found = layers(method)
    select(found, FMT, method, ratio)
    # Nothing that would still fit is left out, and nothing chosen is worth less per beat than what would fit for it.
    left = budget(found, ratio) - spent(found)
    assert left >= 0
    for layer in found.values():
        assert layer.flags.all() or left < layer.block_costs.min() or not (layer.gains[~layer.flags] > 0).any()
        if 0 < layer.flags.sum() < layer.flags.size:
            assert layer.gains[layer.flags].min() >= layer.gains[~layer.flags].max()


def test_gains_are_fisher_times_what_the_second_word_takes_off() -> None:
    method = METHODS["stlq-cycles"]
    found = layers(method)
    select(found, FMT, method, 0.3)
    for layer in found.values():
        scale = layer.scale
        one = quantize_tensor(layer.weight, FMT, tile=(8, 8), ratio=0, scale=scale).dequantize().astype(float)
        two = quantize_tensor(layer.weight, FMT, tile=(8, 8), ratio=1, scale=scale).dequantize().astype(float)
        assert layer.fisher is not None
        saved = layer.fisher * (np.square(layer.weight - one) - np.square(layer.weight - two))
        assert np.allclose(layer.gains, layer.blocks.sums(saved), rtol=1e-4)


def test_layers_that_matter_get_the_words() -> None:
    method = METHODS["stlq-cycles"]
    found = layers(method)
    assert found["two"].fisher is not None
    found["two"].fisher *= 1e6
    select(found, FMT, method, 0.15)
    assert found["two"].flags.all()


@pytest.mark.parametrize("ratio", [0.05, 0.15, 0.5])
def test_one_threshold_for_the_filters_of_the_network(ratio: float) -> None:
    method = METHODS["filter-threshold"]
    found = layers(method)
    select(found, FMT, method, ratio)
    chosen = np.concatenate([layer.norms[layer.flags] for layer in found.values()])
    others = np.concatenate([layer.norms[~layer.flags] for layer in found.values()])
    assert chosen.min() > others.max()
    assert 0 < spent(found) <= budget(found, ratio)
    assert found["one"].flags.shape == (40, 1, 1, 1)


def test_cycles_are_those_of_the_exported_tiles() -> None:
    _, quantization = prepared("no-v", ratio=0.3)
    expected = 0
    for name, words in quantization.words():
        found = quantization._found[name]
        tensor = quantize_tensor(found.weight, FMT, tile=(8, 4), ratio=0.3, per_channel=True)
        assert np.array_equal(words.selection.numpy(), tensor.two_word)
        groups = {"depthwise": 20, "grouped": 2, "up": 3}.get(name, 1)
        expected += cost(replace(tensor, groups=groups), uses=found.positions).beats
    assert quantization.weight_cycles() == expected


def test_cycles_of_the_methods() -> None:
    # Of tiles of 2 x 2 no group ends inside one: each costs the same.
    beats = {name: prepared(name, tile=(2, 2))[1].weight_cycles() for name in METHODS}
    one = beats["one-word"]
    assert beats["two-word"] == 2 * one
    assert {beats[name] for name in ("float", "lsq3", "lsq4", "apot3", "deepshift")} == {one}
    assert {beats[name] for name in ("ptq", "stlq", "stlq-literal", "no-v")} == {beats["stlq"]}
    for name in ("filter-threshold", "stlq-cycles"):
        assert one < beats[name] <= beats["stlq"]


def test_positions() -> None:
    _, quantization = prepared()
    found = {name: layer.positions for name, layer in quantization._found.items()}
    # A transposed convolution uses each weight once per input position; the user's layer runs on 7 rows.
    assert found == {"stem": 64, "depthwise": 16, "grouped": 16, "up": 16, "line": 64, "own": 7, "last": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": "words"}, "budget is 'words'; allowed: layer, threshold, cycles"),
        ({"anneal": "both"}, "anneal is 'both'; allowed: outside, inside, none"),
        ({"reorder": True}, "budget is 'layer'; allowed with reorder: 'cycles'"),
        ({"anneal_end": 0}, "anneal_end is 0; allowed: above 0, up to 1"),
        ({"scale": "mean"}, "scale is 'mean'; allowed: search, max, power_of_two"),
    ],
)
def test_bad_methods_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(METHODS["stlq"], **options)


def test_a_name_changes_choices_of_a_method() -> None:
    name = "lsq3+anneal_end=0.25+per_channel=true+ratio=0.5+bits=4+order=ranked"
    changes: dict[str, Any] = {"anneal_end": 0.25, "per_channel": True, "ratio": 0.5, "bits": 4, "order": "ranked"}
    assert find_method(name) == replace(METHODS["lsq3"], name=name, **changes)
    assert METHODS["lsq3"].anneal_end != 0.25


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("magic+order=ranked", "method is 'magic'; allowed: two-word, stlq"),
        ("stlq+speed=9", "method changes 'speed'; allowed: weights, bits"),
        ("stlq+name=me", "method changes 'name'; allowed: weights, bits"),
        ("stlq+anneal_end=soon", r"anneal_end is 'soon'; allowed: a number"),
        ("stlq+per_channel", r"per_channel is ''; allowed: true, false"),
        ("lsq3+bits=3.5", r"bits is '3.5'; allowed: a whole number"),
        (None, r"method is None; allowed: two-word, stlq"),
        ("stlq+ratio=5", "ratio is 5.0; allowed"),
        ("stlq+granularity=row", "granularity is 'row'; allowed: "),
        ("stlq+bits=4", "bits is 4; allowed for words weights: None"),
        ("lsq3+bits=9", "bits is 9; allowed for uniform weights: 2 to 8"),
        ("lsq3+bits=0", "bits is 0; allowed for uniform weights: 2 to 8"),
        ("apot3+bits=2", "bits is 2; allowed for apot weights: 3 to 5"),
        ("stlq+anneal=both", "anneal is 'both'; allowed: outside, inside, none"),
    ],
)
def test_bad_changes_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        find_method(name)


def test_method_formats() -> None:
    assert METHODS["stlq"].format(StlqFormat(residual_shift=3)).residual_shift == 3
    assert METHODS["deepshift"].format(StlqFormat(residual_shift=3)).residual_shift == 0
