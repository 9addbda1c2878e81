"""Which blocks get the beats, and in which order channels stand, worked out by hand on layers of a few blocks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_dequantize, quantize_words
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.tiling import Tiling
from sw_ref.train.methods import METHODS, Method
from sw_ref.train.reorder import _same, reorder
from sw_ref.train.select import Layer, choose, select

CYCLES, THRESHOLD = METHODS["stlq-cycles"], METHODS["filter-threshold"]


def layer(worth: list[float], positions: int, tiles: int | None = None) -> Layer:
    """A layer of blocks of one weight with these gains and norms; in `tiles` tiles (default: as many as blocks)."""
    shape = (1, len(worth))
    made = Layer(
        weight=np.ones(shape, np.float32),
        tiles=Tiling(shape, (1, len(worth) // (tiles or len(worth)))),
        blocks=Tiling(shape, (1, 1)),
        positions=positions,
    )
    made.gains = made.norms = np.array([worth])
    return made


def flags(layers: dict[str, Layer]) -> list[list[int]]:
    return [found.flags.astype(int).reshape(-1).tolist() for found in layers.values()]


def test_a_block_costs_its_share_of_the_tiles_at_every_position() -> None:
    assert layer([1, 1, 1, 1], 6).block_costs.tolist() == [[6] * 4]
    assert layer([1, 1, 1, 1], 6, tiles=2).block_costs.tolist() == [[3] * 4]


def test_second_words_of_tiles_cost_a_beat_each_at_every_position() -> None:
    assert layer([1, 2, 3], positions=5).second_beats(np.array([[True, False, True]])) == 10


def test_what_is_worth_most_per_beat_comes_first_and_smaller_ones_may_still_fit() -> None:
    """Gains per beat 4, 3, 0, -1 at 2 beats each, and 5, 2 at 3; the budget is half of 4 * 2 + half of 2 * 3: 7."""
    layers = {"a": layer([8, 6, 0, -2], 2), "b": layer([15, 6], 3)}
    choose(layers, 0.5, CYCLES)
    # 5 per beat takes 3 of 7 beats, 4 and 3 take 2 each.
    assert flags(layers) == [[1, 1, 0, 0], [1, 0]]
    assert [found.flags.shape for found in layers.values()] == [(1, 4), (1, 2)]
    # 8 beats: one is left over, as nothing is that small.
    layers = {"a": layer([8, 1, 0, -2], 2), "b": layer([15, 9], 3), "c": layer([1, 1], 1)}
    choose(layers, 0.5, CYCLES)
    assert flags(layers) == [[1, 0, 0, 0], [1, 1], [0, 0]]
    layers["c"].gains = np.array([[2.5, 1]])
    choose(layers, 0.5, CYCLES)
    # Of 8 beats 3, 2 and 3.  With 2 beats at 4 per beat and 3 at 5, 3 are left: 3 per beat fits once.
    assert flags(layers) == [[1, 0, 0, 0], [1, 1], [0, 0]]
    choose(layers, 0.25, CYCLES)
    # 2 + 3 + 1 beats (halves round up): 3 at 5 per beat, 2 at 4, and what needs 3 no longer fits, but 1 does.
    assert flags(layers) == [[1, 0, 0, 0], [1, 0], [1, 0]]


def test_what_gains_nothing_gets_no_word_whatever_is_left() -> None:
    layers = {"a": layer([1, 0, -1], 1)}
    choose(layers, 1, CYCLES)
    assert flags(layers) == [[1, 0, 0]]


def test_a_threshold_ends_where_the_beats_do() -> None:
    """By norm, not by gain per beat; what comes behind the first that does not fit stays below the threshold."""
    layers = {"a": layer([9, 8, 1, 0.5], 4), "b": layer([7, 2], 1)}
    choose(layers, 0.25, THRESHOLD)
    # 1 of 4 tiles at 4 positions, 1 of 2 at 1: 5 beats.  The second norm needs 4 of the 1 that is left.
    assert flags(layers) == [[1, 0, 0, 0], [0, 0]]
    layers["a"].norms = np.array([[9, 1, 1, 0.5]])
    choose(layers, 0.25, THRESHOLD)
    assert flags(layers) == [[1, 0, 0, 0], [1, 0]]


def test_equals_come_in_their_order() -> None:
    layers = {"a": layer([1, 1], 1), "b": layer([1, 1], 1)}
    choose(layers, 0.75, CYCLES)
    assert flags(layers) == [[1, 1], [1, 1]]
    choose(layers, 0.25, CYCLES)
    assert flags(layers) == [[1, 1], [0, 0]]


def measured(method: Method, ratio: float, fmt: StlqFormat | None = None, **changes: Any) -> Layer:
    shape = (4, 6)
    weight = np.random.default_rng(3).laplace(size=shape).astype(np.float32)
    tiles = Tiling.of(shape, (2, 3))
    made = Layer(weight=weight, tiles=tiles, blocks=tiles, positions=1, **changes)
    made.measure(fmt or StlqFormat(), method, ratio)
    return made


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_measured_layer(per_channel: bool) -> None:
    """Norms of the residuals at the scale that was found; what second words save, weighted by the loss's curvature."""
    fisher = np.random.default_rng(4).random((4, 6), np.float32)
    found = measured(replace(CYCLES, per_channel=per_channel), 0.5, fisher=fisher)
    assert found.scale.shape == ((4,) if per_channel else ())
    fmt, unit = StlqFormat(), np.broadcast_to(found.scale, 4)[:, None]
    first, second = quantize_words(found.weight, unit, fmt, None)
    one = found.weight - log_dequantize(first, unit, fmt)
    two = one - log_dequantize(second, unit / 4, fmt)
    assert found.norms == pytest.approx(np.sqrt(found.blocks.sums(np.square(one, dtype=np.float64))))
    assert found.saved == pytest.approx(fisher * (np.square(one) - np.square(two)), rel=1e-4, abs=1e-7)
    assert found.saved.dtype == np.float64
    assert np.array_equal(found.gains, found.blocks.sums(found.saved))
    # Half of the blocks, those with the largest residuals.
    assert found.flags.sum() == 2
    assert found.norms[found.flags].min() > found.norms[~found.flags].max()


@pytest.mark.parametrize("scale", ["search", "power_of_two", "max"])
def test_a_literal_layer_is_measured_literally(scale: str) -> None:
    method, fmt = replace(METHODS["stlq-literal"], scale=scale), StlqFormat(residual_shift=0)
    found = measured(method, 0.5, fmt=fmt)
    expected = quantize_tensor(found.weight, fmt, tile=(2, 3), ratio=0.5, scale=scale, literal=True)
    assert found.scale.tolist() == expected.scale.tolist()
    assert np.array_equal(found.flags, expected.two_word)
    if scale == "search":
        other = quantize_tensor(found.weight, fmt, tile=(2, 3), ratio=0.5, scale=scale)
        assert other.scale.tolist() != expected.scale.tolist()


def test_without_the_curvature_nothing_is_saved() -> None:
    found = measured(METHODS["stlq"], 0.5)
    assert (found.fisher, found.saved.size, found.gains.size) == (None, 0, 0)


def test_scales_are_searched_for_the_share_that_a_layer_won() -> None:
    """With one budget for all a layer that matters gets more than its own share, and the scale that goes with it."""
    layers = {
        name: measured(CYCLES, 0.0, fisher=np.full((4, 6), number, np.float32))
        for name, number in (("a", 1.0), ("b", 1e-6))
    }
    select(layers, StlqFormat(), CYCLES, 0.5)
    assert flags(layers) == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert layers["a"].scale.tolist() == measured(CYCLES, 1.0).scale.tolist()
    assert layers["b"].scale.tolist() == measured(CYCLES, 0.0).scale.tolist()
    assert layers["a"].scale.tolist() != layers["b"].scale.tolist()
    select(layers, StlqFormat(), METHODS["stlq"], 0.5)
    assert [found.flags.sum() for found in layers.values()] == [2, 2]


def chain(kind: type[nn.Module] = nn.Conv2d, depthwise: bool = False) -> tuple[nn.Sequential, dict[str, Layer]]:
    """Convolutions of 2 to 4 to 2 channels with a norm between, and what each weight's second word saves."""
    torch.manual_seed(5)
    middle = kind(4, 4, 1, groups=4) if depthwise else nn.Identity()
    net = nn.Sequential(kind(2, 4, 1), nn.BatchNorm2d(4), middle, nn.ReLU(), kind(4, 2, 1))
    for tensor in (net.get_parameter("1.weight"), net.get_parameter("1.bias")):
        nn.init.uniform_(tensor, 0.5, 1.0)
    layers = {}
    for name, module in net.named_children():
        if isinstance(module, kind):
            weight = outputs_first(net, f"{name}.weight", net.get_parameter(f"{name}.weight").detach().numpy()).copy()
            tiles = Tiling.of(weight.shape, (2, 2) if name == "0" else (4, 4))
            layers[name] = Layer(weight=weight, tiles=tiles, blocks=tiles, positions=1)
            layers[name].fisher = np.arange(weight.size, dtype=np.float32).reshape(weight.shape)
            layers[name].saved = np.zeros(weight.shape)
    return net.eval(), layers


def outputs_first(net: nn.Module, name: str, value: NDArray[Any]) -> NDArray[Any]:
    """A parameter with its output channels first; of a depthwise layer they are, whatever its kind."""
    module = net.get_submodule(name.rpartition(".")[0])
    turned = isinstance(module, nn.ConvTranspose2d) and module.groups == 1 and value.ndim > 1
    return value.swapaxes(0, 1) if turned else value


def permuted(saved: list[float], net: nn.Sequential, layers: dict[str, Layer]) -> tuple[list[str], list[int]]:
    """What `reorder` moves if each output channel of the first layer saves that much, and the new order."""
    layers["0"].saved = np.array(saved)[:, None, None, None] * np.ones((4, 2, 1, 1))
    inputs, bias = torch.rand(3, 2, 2, 2), net.get_parameter("0.bias")
    before, expected = bias.detach().tolist(), net(inputs)
    # One beat: for one of the two tiles of the first layer.
    moved = reorder(net, layers, inputs, CYCLES, 0.4)
    assert torch.allclose(net(inputs), expected, atol=1e-6)
    return moved, [before.index(value) for value in bias.tolist()]


def state(net: nn.Module) -> dict[str, NDArray[Any]]:
    return {name: outputs_first(net, name, value.numpy().copy()) for name, value in net.state_dict().items()}


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("depthwise", [False, True])
def test_what_saves_most_comes_first_and_all_that_is_between_follows(kind: type[nn.Module], depthwise: bool) -> None:
    net, layers = chain(kind, depthwise)
    before, fisher = state(net), {name: found.fisher for name, found in layers.items()}
    weights = {name: found.weight for name, found in layers.items()}
    moved, order = permuted([1, 5, 2, 7], net, layers)
    assert (moved, order) == (["0"], [3, 1, 2, 0])
    for name, value in state(net).items():
        reads, old = name.startswith("4."), before[name]
        if reads:
            assert np.array_equal(value, old[:, order] if old.ndim > 1 else old), name
        else:
            assert np.array_equal(value, old[order] if old.ndim else old), name
    for name, found in layers.items():
        axis = (slice(None), order) if name == "4" else (order,)
        assert np.array_equal(found.weight, weights[name][axis])
        assert np.array_equal(found.fisher, fisher[name][axis])  # type: ignore[index]
        assert all(getattr(found, field).flags.c_contiguous for field in ("weight", "fisher", "saved"))
    assert layers["0"].saved[:, 0, 0, 0].tolist() == [7, 5, 2, 1]


def test_linear_layers_are_moved_as_well() -> None:
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    layers = {}
    for name, shape, tile in (("0", (4, 2), (2, 2)), ("2", (2, 4), (4, 4))):
        tiles = Tiling.of(shape, tile)
        layers[name] = Layer(weight=np.ones(shape, np.float32), tiles=tiles, blocks=tiles, positions=1)
        layers[name].fisher, layers[name].saved = np.ones(shape, np.float32), np.zeros(shape)
    layers["0"].saved = np.array([[1, 1], [5, 5], [2, 2], [7, 7]], float)
    assert reorder(net, layers, torch.rand(3, 2), CYCLES, 0.4) == ["0"]
    assert layers["0"].saved[:, 0].tolist() == [7, 5, 2, 1]


def test_a_layer_that_keeps_its_order_does_not_end_the_search() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Softmax(1), nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    layers = {}
    for name, shape, tile in (("0", (2, 2), (2, 2)), ("2", (4, 2), (2, 2)), ("4", (2, 4), (4, 4))):
        tiles = Tiling.of(shape, tile)
        layers[name] = Layer(weight=np.ones(shape, np.float32), tiles=tiles, blocks=tiles, positions=1)
        layers[name].fisher, layers[name].saved = np.ones(shape, np.float32), np.zeros(shape)
    layers["2"].saved = np.array([[1, 1], [5, 5], [2, 2], [7, 7]], float)
    assert reorder(net, layers, torch.rand(3, 2), CYCLES, 0.4) == ["2"]


def test_what_is_not_known_to_treat_channels_alike_ends_the_way() -> None:
    net, layers = chain()
    net[3] = nn.Softmax(1)
    assert permuted([1, 5, 2, 7], net, layers) == ([], [0, 1, 2, 3])


def test_outputs_are_the_same_but_for_the_order_of_sums() -> None:
    one = torch.tensor([1.0, -8.0])
    assert _same([one, torch.tensor([1]), torch.zeros(0)], [one.clone(), torch.tensor([1]), torch.zeros(0)])
    assert not _same([torch.tensor([1, 2])], [torch.tensor([2, 1])])
    for off, same in ((0.0, True), (7.9e-4, True), (8.2e-4, False), (-8.2e-4, False)):
        assert _same([one], [one + torch.tensor([off, 0.0])]) is same
    assert not _same([one], [one[None]])
    with pytest.raises(ValueError, match="zip"):
        _same([one], [])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_outputs_that_are_not_finite_show_no_order(bad: float) -> None:
    """An infinite output would make the tolerance infinite, too: any other output would be within it."""
    assert not _same([torch.tensor([bad, 1.0])], [torch.tensor([bad, 1.0])])
    assert not _same([torch.tensor([bad, 1.0])], [torch.tensor([bad, 9.0])])


def test_an_order_that_saves_nothing_stays() -> None:
    for saved in ([7, 5, 2, 1], [5, 7, 1, 2], [1, 1, 1, 1], [0, 0, 0, 0]):
        net, layers = chain()
        before = state(net)
        moved, order = permuted(list(map(float, saved)), net, layers)
        assert (moved, order) == ([], [0, 1, 2, 3])
        assert all(np.array_equal(value, before[name]) for name, value in state(net).items())
        assert layers["0"].saved[:, 0, 0, 0].tolist() == saved


def test_who_reads_has_a_say_by_its_positions() -> None:
    """What a channel is worth: what it saves where it is made and where it is read, each per beat."""
    net, layers = chain()
    layers["4"].saved = np.array([[4, 0, 0, 0], [5, 0, 0, 0]], float)[:, :, None, None]
    layers["4"].positions = 2
    # Twice 1, 3, 0, 4 where they are made, and for the first one 9 / 2 where it is read.
    assert permuted([1, 3, 0, 4], net, layers) == (["0"], [3, 0, 1, 2])
