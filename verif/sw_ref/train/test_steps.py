"""What a training loop is told and does, in numbers worked out by hand: penalty, steps, cycles, groups, digest."""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from sw_ref.format import StlqFormat
from sw_ref.tiling import Tiling
from sw_ref.train.activations import Activations
from sw_ref.train.baseline import Uniform
from sw_ref.train.methods import METHODS, Method
from sw_ref.train.quantization import Quantization
from sw_ref.train.select import Layer
from sw_ref.train.weights import Start, Words, anneal

FMT, STLQ = StlqFormat(), METHODS["stlq"]
ONE = np.ones((), np.float32)
FLAGS = {"0": [[True, False], [False, False]], "2": [[False, True]]}
NORMS = {"0": [[5.0, 2.0], [1.0, 1.5]], "2": [[0.5, 4.0]]}
POSITIONS = {"0": 7, "2": 1}


def model() -> nn.Sequential:
    """Linear layers of 4 x 4 and 2 x 4 weights, in tiles of 2 x 2; a third one stays float."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(2, 3))


def quantized(method: Method = STLQ, tile: tuple[int, int] = (2, 2), net: nn.Module | None = None) -> Quantization:
    net = model() if net is None else net
    layers = {}
    for name, flags in FLAGS.items():
        module: Any = net.get_submodule(name)
        weight = module.weight.detach().numpy().copy()
        tiles, blocks = Tiling.of(weight.shape, tile), Tiling.of(weight.shape, (2, 2))
        layers[name] = Layer(weight=weight, tiles=tiles, blocks=blocks, positions=POSITIONS[name])
        if method.weights == "words":
            start = Start(tiling=blocks, scale=ONE, selection=np.array(flags), norms=np.array(NORMS[name]))
            quantizer: nn.Module = Words(start, fmt=FMT, method=method)
        else:
            quantizer = Uniform(module.weight, 3)
        parametrize.register_parametrization(module, "weight", quantizer)
    net.get_submodule("2").act_quantizer = Activations(FMT, 0.5, "lsq")
    return Quantization(net, method=method, fmt=FMT, tile=tile, lambda_v=0.5, layers=layers)


# exp(norm - largest norm that is free): 2, 1, 1.5 in the first layer, 0.5 in the second.
FIRST, SECOND = [[0.0, 1.0], [np.exp(-1.0), np.exp(-0.5)]], [[1.0, 0.0]]


def values(found: list[Any]) -> list[list[list[float]]]:
    return [v.detach().tolist() for v in found]


def test_v_starts_at_its_norms() -> None:
    first, second = values(quantized().annealed())
    assert first == [pytest.approx(row) for row in FIRST]
    assert second == SECOND


def test_penalty_and_norm() -> None:
    found = quantized()
    square = 1 + np.exp(-2) + np.exp(-1) + 1
    assert float(found.penalty().detach()) == pytest.approx(0.5 * square)
    assert found.v_norm() == pytest.approx(np.sqrt(square))
    found.penalty().backward()
    for v in found.annealed():
        assert v.grad is not None
        assert torch.allclose(v.grad, v.detach())
    none = quantized(METHODS["no-v"])
    assert (none.annealed(), none.penalty().item(), none.penalty().shape, none.v_norm()) == ([], 0.0, (), 0.0)
    assert none.penalty().device == torch.device("cpu")
    none.model.to("meta")
    assert none.penalty().device == torch.device("meta")


@pytest.mark.parametrize("progress", [0.1, 0.25, 0.4])
def test_a_step_holds_v_below_what_is_left(progress: float) -> None:
    """1 - progress / 0.5 at most, with its sign; what was moved up comes down to where it was."""
    found = quantized()
    first, second = found.annealed()
    with torch.no_grad():
        first.mul_(torch.tensor([[1.0, -1.0], [1.5, 0.01]]))
        second.fill_(3)
    found.step(progress)
    limit = 1 - 2 * progress
    small = 0.01 * np.exp(-0.5)
    expected = [[0, -min(1, limit)], [min(np.exp(-1), limit), small]]
    assert first.detach().tolist() == [pytest.approx(row, rel=1e-5) for row in expected]
    assert second.detach().tolist() == [pytest.approx([min(1, limit), 0], rel=1e-5)]
    # The limit never rises again.
    with torch.no_grad():
        first.fill_(1)
    found.step(progress)
    assert first.detach().tolist() == [pytest.approx(np.abs(row), rel=1e-5) for row in np.array(expected)]


def test_steps_end_at_zero_and_truncate_what_is_small() -> None:
    found = quantized()
    first, second = found.annealed()
    with torch.no_grad():
        first[0, 1], first[1, 0] = 0.001, 0.00101
    found.step(0.1)
    assert first.detach()[0, 1] == 0
    assert first.detach()[1, 0] == pytest.approx(0.00101)
    # Of the four elements where C is 0 one is gone.
    assert found.share_left() == pytest.approx(3 / 4)
    found.step(0.5)
    assert (first.any(), second.any(), found.share_left()) == (False, False, 0.0)
    for progress in (0.5, 1, 1.0, 0):
        found.step(progress)
    for wrong in (-0.1, 1.01, float("nan")):
        with pytest.raises(ValueError, match=rf"^progress is {wrong!r}; allowed: a number from 0 to 1$"):
            found.step(wrong)


def test_share_left_without_v() -> None:
    assert quantized(METHODS["no-v"]).share_left() == 0.0
    assert quantized().share_left() == 1.0


def test_annealing_without_v_does_nothing() -> None:
    anneal([], 0.5)
    anneal([quantizer for _, quantizer in quantized(METHODS["no-v"]).words()], 0.5)


def test_cycles() -> None:
    """Beats of all tiles, and one more for each with two words, at every position."""
    assert quantized().weight_cycles() == 7 * (4 + 1) + 1 * (2 + 1)
    # Blocks that are no tiles count by their share: 1 of 4 blocks is 1/4 of a tile, 1 of 2 is 1/2.
    assert quantized(tile=(4, 4)).weight_cycles() == 7 + 1 + np.ceil(7 / 4 + 1 / 2)
    assert quantized(METHODS["lsq3"]).weight_cycles() == 7 * 4 + 2


def test_cycles_are_not_rounded_up_by_rounding_errors() -> None:
    found = quantized(tile=(4, 4))
    found._found["0"].positions, found._found["2"].positions = 1 << 20, 0
    assert found.weight_cycles() == (1 << 20) * 5 // 4
    found._found["0"].positions = 3
    assert found.weight_cycles() == 3 + 1
    found._found["0"].positions = 5
    assert found.weight_cycles() == 5 + 2


def test_parameter_groups() -> None:
    found = quantized()
    own, steps, v = found.parameter_groups(lr=0.1, weight_decay=0.2, v_lr=0.3)
    assert {k: x for k, x in own.items() if k != "params"} == {"lr": 0.1, "weight_decay": 0.2}
    assert {k: x for k, x in steps.items() if k != "params"} == {"lr": 0.1, "weight_decay": 0.0}
    assert {k: x for k, x in v.items() if k != "params"} == {"lr": 0.3, "weight_decay": 0.0}
    named = {id(p): name for name, p in found.model.named_parameters()}
    assert [named[id(p)] for p in steps["params"]] == ["2.act_quantizer.log_step"]
    assert [named[id(p)] for p in v["params"]] == [f"{n}.parametrizations.weight.0.v" for n in FLAGS]
    assert len(own["params"]) + len(steps["params"]) + len(v["params"]) == len(named)
    (own, steps, v) = found.parameter_groups(lr=0.1)
    assert (own["weight_decay"], v["lr"]) == (0.0, 0.1)
    # Of learned levels the clips are steps, too; a group without parameters is none.
    baseline = quantized(METHODS["lsq3"])
    own, steps = baseline.parameter_groups(lr=0.1, v_lr=0.3)
    named = {id(p): name for name, p in baseline.model.named_parameters()}
    assert [named[id(p)].split(".")[:2] for p in steps["params"]] == [
        ["0", "parametrizations"], ["2", "act_quantizer"], ["2", "parametrizations"],
    ]  # fmt: skip


def test_a_parametrization_of_something_else_is_none_of_ours() -> None:
    """A layer whose weight stays float, but not its bias."""
    net = model()
    parametrize.register_parametrization(net.get_submodule("0"), "bias", nn.Identity())
    layers = {"0": quantized()._found["0"]}
    found = Quantization(net, method=METHODS["float"], fmt=FMT, tile=(2, 2), lambda_v=0, layers=layers)
    assert list(found.words()) == []
    (own,) = found.parameter_groups(lr=0.1)
    assert len(own["params"]) == len(list(net.parameters()))


def test_words_and_float_weights() -> None:
    found = quantized()
    assert [name for name, _ in found.words()] == ["0", "2"]
    assert all(isinstance(quantizer, Words) for _, quantizer in found.words())
    assert found.float_weights == ["3.weight"]
    assert list(quantized(METHODS["lsq3"]).words()) == []
    # A layer whose name begins as another one's.
    net = nn.Sequential(*model(), *(nn.Identity() for _ in range(16)), nn.Linear(3, 3))
    assert quantized(net=net).float_weights == ["3.weight", "20.weight"]
    bare = Quantization(model(), method=METHODS["float"], fmt=FMT, tile=(2, 2), lambda_v=0, layers={})
    assert (list(bare.words()), bare.float_weights) == ([], ["0.weight", "2.weight", "3.weight"])


def test_a_copy_has_the_same_view() -> None:
    found, other = quantized(), quantized()
    view = found.on(other.model)
    assert view.model is other.model
    assert (view.method, view.fmt, view.tile, view.lambda_v) == (STLQ, FMT, (2, 2), 0.5)
    assert view.layers["0"] is other.layers["0"]
    view.step(0.5)
    assert not view.annealed()[0].any()
    assert found.annealed()[0].any()
    assert view.weight_cycles() == found.weight_cycles()


def test_digest_of_the_selection() -> None:
    text = b"0 (2, 2) \x01\x00\x00\x002 (1, 2) \x00\x01"
    assert quantized().selection_digest() == hashlib.sha256(text).hexdigest()


def test_what_is_not_finite_is_named() -> None:
    found = quantized()
    found.check_finite()
    bias: Any = found.model.get_submodule("2").bias
    bias.grad = torch.tensor([0.0, float("inf")])
    with pytest.raises(ValueError, match=r"^2\.bias's gradient holds NaN or infinity; allowed: finite numbers$"):
        found.check_finite()
    bias.grad = torch.zeros(2)
    found.check_finite()
    with torch.no_grad():
        bias[0] = float("nan")
    with pytest.raises(ValueError, match=r"^2\.bias holds NaN or infinity; allowed: finite numbers$"):
        found.check_finite()
