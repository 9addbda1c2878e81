"""The activation quantizer and the baselines' weight quantizers: levels, starts, and that their steps learn."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sw_ref.activations import quantize_activations
from sw_ref.format import StlqFormat
from sw_ref.train.activations import Activations
from sw_ref.train.baseline import Apot, Uniform
from sw_ref.train.layers import to_layout, to_outputs_first
from sw_ref.train.straight import exp2, log2
from verif.sw_ref.distributions import make


@pytest.mark.parametrize("act_signed", [False, True])
@pytest.mark.parametrize("act_bits", [2, 3, 6, 8, 16])
def test_codes_equal_the_numpy_quantizer(act_bits: int, act_signed: bool) -> None:
    fmt = StlqFormat(act_bits=act_bits, act_signed=act_signed)
    x, step = make("gauss", (4000,)), 0.125  # a power of two: the division is exact
    quantizer = Activations(fmt, step, "lsq")
    codes = quantizer.codes(torch.from_numpy(x)).numpy()
    assert np.array_equal(codes, quantize_activations(x, step, fmt))
    assert np.array_equal(quantizer(torch.from_numpy(x)).detach().numpy(), codes.astype(np.float32) * np.float32(step))


# PACT's clip does not come down by itself: where nothing is clipped nothing moves it.
@pytest.mark.parametrize(("start", "kind"), [(0.02, "lsq"), (4.0, "lsq"), (0.02, "pact")])
def test_steps_learn_from_either_side(start: float, kind: str) -> None:
    x = torch.from_numpy(np.abs(make("gauss", (2000,))))
    quantizer = Activations(StlqFormat(act_bits=4, act_signed=False), start, kind)
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.05)
    errors = []
    for _ in range(300):
        error = (quantizer(x) - x).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.2 * errors[0]
    assert 0.1 < float(quantizer.step.detach()) < 0.4


def test_step_stays_above_0() -> None:
    quantizer = Activations(StlqFormat(), 0.5, "lsq")
    with torch.no_grad():
        quantizer.log_step.sub_(30)
    assert float(quantizer.step.detach()) > 0
    assert torch.isfinite(quantizer(torch.ones(3))).all()


LEVELS = {
    3: [0, 1 / 4, 1 / 2, 1],
    4: [x / 1.25 for x in (0, 0.125, 0.25, 0.375, 0.5, 0.75, 1, 1.25)],
    5: sorted((a + b) / 1.5 for a in (0, 1, 1 / 4, 1 / 16) for b in (0, 1 / 2, 1 / 8, 1 / 32)),
}


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_apot_takes_the_nearest_level(bits: int) -> None:
    weight = torch.from_numpy(make("gauss", (40, 9)))
    quantizer = Apot(weight, bits)
    clip = float(exp2(quantizer.log_clip.detach()))
    levels = clip * torch.tensor([-x for x in LEVELS[bits][:0:-1]] + LEVELS[bits])
    assert len(levels) == 2**bits - 1
    nearest = levels[(weight[..., None] - levels).abs().argmin(-1)]
    assert torch.allclose(quantizer(weight), nearest, atol=1e-6)


def test_apot_has_three_to_five_bits() -> None:
    with pytest.raises(ValueError, match=r"bits is 2 for APoT; allowed: 3, 4, 5"):
        Apot(torch.ones(2, 2), 2)


@pytest.mark.parametrize("bits", [3, 4])
def test_uniform_takes_the_nearest_level(bits: int) -> None:
    weight = torch.from_numpy(make("laplace", (40, 9)))
    quantizer = Uniform(weight, bits)
    step = exp2(quantizer.log_step.detach())
    codes = torch.clamp(torch.floor(weight / step + 0.5), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert torch.equal(quantizer(weight), codes * step)


@pytest.mark.parametrize("make_quantizer", [lambda w: Uniform(w, 3), lambda w: Apot(w, 3), lambda w: Apot(w, 4)])
def test_baselines_start_near_the_least_error_and_learn(make_quantizer: Any) -> None:
    weight = torch.from_numpy(make("gauss", (60, 60)))
    quantizer = make_quantizer(weight)
    (parameter,) = quantizer.parameters()

    def error() -> Tensor:
        return (quantizer(weight) - weight).square().mean()

    best = float(error().detach())
    for factor in (-0.3, 0.3):
        with torch.no_grad():
            parameter += factor
            assert float(error()) > best
            parameter -= factor
    with torch.no_grad():
        parameter += 1.5
    optimizer = torch.optim.Adam([parameter], lr=0.05)
    for _ in range(150):
        loss = error()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(error().detach()) < 1.1 * best


@pytest.mark.parametrize("kind", [Uniform, Apot])
def test_zero_weights_stay_zero(kind: Any) -> None:
    weight = torch.zeros(4, 4)
    assert not kind(weight, 3)(weight).any()


@pytest.mark.parametrize("groups", [0, 1, 2])
@pytest.mark.parametrize("kind", [Uniform, Apot])
def test_each_channel_may_have_a_scale_of_its_own(kind: Any, groups: int) -> None:
    """As if each output channel were a layer, value by value and gradient by gradient (`groups`: transposed ones)."""
    channels = torch.from_numpy(make("laplace", (6, 4, 3, 3))) * torch.logspace(-2, 2, 6).reshape(-1, 1, 1, 1)
    channels[4] = 0
    weight, direction = to_layout(channels, groups), torch.from_numpy(make("gauss", (6, 4, 3, 3)))
    quantizer = kind(weight, 3, per_channel=True, transposed_groups=groups)
    (parameter,) = quantizer.parameters()
    out = to_outputs_first(quantizer(weight), groups)
    (out * direction).sum().backward()
    assert parameter.shape == (6,)
    # A channel of zeros has the median of the others.
    others = parameter.detach().exp2()[[0, 1, 2, 3, 5]]
    assert float(parameter.detach()[4].exp2()) == pytest.approx(float(others.median()), rel=1e-5)
    assert not out[4].any()
    for number in (0, 1, 2, 3, 5):
        own = channels[number]
        alone = kind(own[None], 3)
        (scale,) = alone.parameters()
        expected = alone(own[None])
        (expected * direction[number]).sum().backward()
        assert torch.equal(out[number], expected[0])
        assert torch.equal(parameter[number], scale)
        assert torch.allclose(parameter.grad[number], scale.grad, rtol=1e-5)


@pytest.mark.parametrize("function", [exp2, log2])
def test_a_power_has_the_same_bits_in_a_tensor_of_any_size(function: Any) -> None:
    values = torch.from_numpy(np.abs(make("gauss", (33,))))
    assert torch.equal(function(values), torch.stack([function(value) for value in values]))
