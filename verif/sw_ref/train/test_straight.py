"""Gradients of the straight-through operators, against what their documentation says, element by element."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sw_ref.format import StlqFormat
from sw_ref.quantize.levels import log_dequantize, log_quantize
from sw_ref.train.logq import marks
from sw_ref.train.straight import LinearSteps, OneWord, TwoWords, linear_codes
from verif.sw_ref.train.nets import SEED, gradient

UNIT = torch.tensor(1.1)


def random(*shape: int, seed: int = SEED) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def log_q(x: Tensor, unit: float, fmt: StlqFormat, literal: bool) -> Tensor:
    values = x.numpy().astype(np.float64) if literal else x.numpy()
    scale = np.float32(unit)
    return torch.from_numpy(log_dequantize(log_quantize(values, scale, fmt, literal=literal), scale, fmt)).float()


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("residual_gradient", ["cancel", "through"])
@pytest.mark.parametrize("anneal", ["outside", "inside", "none"])
def test_two_words(anneal: str, residual_gradient: str, literal: bool) -> None:
    fmt = StlqFormat(bits=3, residual_shift=0 if literal else 2)
    weight, grad = random(9, 7).requires_grad_(), random(9, 7, seed=2)
    factor = torch.rand(9, 7, generator=torch.Generator().manual_seed(3))
    factor[:4] = 1
    factor.requires_grad_()
    fine = float(UNIT) * 2.0**-fmt.residual_shift
    both = torch.stack([marks(UNIT, fmt, literal), marks(torch.tensor(fine), fmt, literal)])
    out = TwoWords.apply(weight, factor, both, fmt, literal, (anneal, residual_gradient))
    first = log_q(weight.detach(), float(UNIT), fmt, literal)
    r1, c = weight.detach() - first, factor.detach()
    second = log_q(r1 * c, fine, fmt, literal) if anneal == "inside" else c * log_q(r1, fine, fmt, literal)
    assert torch.allclose(out, first + second, rtol=1e-6, atol=1e-7)
    out.backward(grad)
    assert torch.equal(gradient(weight), grad if residual_gradient == "cancel" else grad * (1 + c))
    slope = r1 if anneal == "inside" else log_q(r1, fine, fmt, literal)
    assert torch.allclose(gradient(factor), grad * slope, rtol=1e-5, atol=1e-6)


def test_one_word_passes_the_gradient_as_it_is() -> None:
    weight, grad = random(5, 4).requires_grad_(), random(5, 4, seed=2)
    OneWord.apply(weight, marks(UNIT, StlqFormat(), False), StlqFormat(), False).backward(grad)
    assert torch.equal(gradient(weight), grad)


@pytest.mark.parametrize("clip_only", [False, True])
@pytest.mark.parametrize("limits", [(0, 7), (-4, 3)])
def test_linear_steps(limits: tuple[int, int], clip_only: bool) -> None:
    low, high = limits
    step, grad = 0.3, random(200, seed=2)
    # The limits themselves count as clipped.
    x = torch.cat([random(196) * 2, torch.tensor([0.0, 0.15, 0.3 * high, 0.3 * low])])
    x.requires_grad_()
    learned = torch.tensor(step).log2().requires_grad_()
    LinearSteps.apply(x, learned, limits, clip_only).backward(grad)
    expected_x, expected_step = [], 0.0
    for value, g in zip(x.detach().div(step).tolist(), grad.tolist(), strict=True):
        inside = low < np.float32(value) < high
        code = min(max(np.floor(value + 0.5), low), high)
        expected_x.append(g if inside else 0.0)
        expected_step += g * (code if not inside else 0.0 if clip_only else code - value)
    assert gradient(x).tolist() == pytest.approx(expected_x, rel=1e-6)
    assert float(gradient(learned)) == pytest.approx(np.log(2) * step * expected_step, rel=1e-4)


def test_codes_are_rounded_half_up_and_clipped() -> None:
    x = torch.tensor([-9.0, -0.75, -0.25, 0.0, 0.24, 0.25, 0.75, 9.0])
    assert linear_codes(x, torch.tensor(-1.0), (-2, 1)).tolist() == [-2, -1, 0, 0, 0, 1, 1, 1]


def test_the_gradient_of_a_step_is_a_small_difference_of_large_sums() -> None:
    torch.manual_seed(2)  # the two sums are about 2,000 times their difference
    x, grad = torch.randn(8, 16, 96, 96), torch.randn(8, 16, 96, 96) + 1
    limits, step = (-128, 127), 2.0**-5
    learned = torch.tensor(-5.0).requires_grad_()
    LinearSteps.apply(x, learned, limits, False).backward(grad)
    wide = x.double() / step
    codes = (wide + 0.5).floor().clamp(*limits)
    counted = torch.where((wide > limits[0]) & (wide < limits[1]), wide, 0.0)
    exact = float((grad.double() * (codes - counted)).sum() * step * np.log(2))
    assert abs(float(gradient(learned)) - exact) < 3e-4 * abs(exact)


def test_a_second_derivative_of_the_steps_is_refused() -> None:
    x, log_step = random(5, 4).requires_grad_(), torch.tensor(-2.0, requires_grad=True)
    (first,) = torch.autograd.grad(
        LinearSteps.apply(x, log_step, (-8, 7), False).square().sum(), log_step, create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.backward()
