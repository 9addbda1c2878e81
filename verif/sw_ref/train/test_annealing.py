"""The fall of v: when each of its elements is 0, what it starts from, and the state and operator of a quantizer."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sw_ref.tiling import Tiling
from sw_ref.train.methods import Method
from sw_ref.train.weights import Start, Words, anneal, deadlines, initial_v
from verif.sw_ref.train.test_steps import FMT, ONE, STLQ


def test_a_quantizer_without_v_is_no_hindrance_to_others() -> None:
    """All of whose blocks have two words: it stands first, and has no v."""
    tiling, norms = Tiling.of((2, 2), (2, 2)), np.array([[1.0]])
    starts = (Start(tiling=tiling, scale=ONE, selection=np.array([[flag]]), norms=norms) for flag in (True, False))
    full, other = (Words(start, fmt=FMT, method=STLQ) for start in starts)
    assert full.v is None
    anneal([full, other], 0.25)
    assert other.v is not None
    assert other.v.item() == pytest.approx(0.5)


def test_ranked_deadlines() -> None:
    """Each element falls during a quarter of the annealing; the smallest residual first, the largest at its end."""
    norms, free = np.array([[3.0, 1.0, 9.0], [2.0, 4.0, 2.0]]), np.array([[True, True, False], [True, True, True]])
    assert deadlines(norms, free, STLQ).tolist() == [[0.5] * 3] * 2
    ranked = replace(STLQ, order="ranked", anneal_end=0.8)
    expected = [[0.8 * (0.25 + 0.75 * rank) for rank in row] for row in ([0.8, 0.2, 1.0], [0.4, 1.0, 0.6])]
    found = deadlines(norms, free, ranked)
    assert found.dtype == np.float32
    assert found.tolist() == [pytest.approx(row) for row in expected]
    start = Start(tiling=Tiling.of((2, 3), (1, 1)), scale=ONE, selection=~free, norms=norms)
    words = Words(start, fmt=FMT, method=ranked)
    anneal([words], 0.2)
    assert words.v is not None
    # exp(norm - 4), or what is left of a quarter of 0.8 before the deadline.
    starts = np.exp(norms - 4) * free
    left = np.clip((np.array(expected) - 0.2) / 0.2, 0, None)
    expected_v = np.minimum(starts, left)
    assert words.v.detach().numpy() == pytest.approx(np.where(expected_v > 0.001, expected_v, 0))


def test_equal_residuals_fall_in_their_order() -> None:
    """However a processor sorts: the same network gives the same training everywhere."""
    norms = (np.arange(400) // 3 % 5).astype(np.float64)
    found = deadlines(norms, np.ones(400, bool), replace(STLQ, order="ranked"))
    for norm in range(5):
        assert found[norms == norm].tolist() == sorted(found[norms == norm].tolist())


def test_v_starts_from_free_blocks_alone() -> None:
    found = initial_v(np.array([9.0, 3.0, 1.0]), np.array([False, True, True]))
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([0, 1, np.exp(-2)])


def test_every_method_uses_its_own_operator() -> None:
    """One word where nothing has two and nothing falls; otherwise what its anneal says, in its gradient, too."""
    weight = torch.linspace(-1, 1, 16).reshape(4, 4)
    tiling, some = Tiling.of((4, 4), (2, 2)), np.array([[True, False], [False, False]])

    def made(method: Method, selection: Any) -> Words:
        norms = np.array([[1.0, 2.0], [3.0, 4.0]])
        return Words(Start(tiling=tiling, scale=ONE, selection=selection, norms=norms), fmt=FMT, method=method)

    plain = replace(STLQ, anneal="none")
    assert made(plain, np.zeros((2, 2), bool)).one_word
    assert not made(plain, some).one_word
    assert not made(STLQ, np.zeros((2, 2), bool)).one_word
    assert made(STLQ, np.ones((2, 2), bool)).v is None
    outputs = []
    for changes in ({}, {"anneal": "inside"}, {"anneal": "none"}):
        words = made(replace(STLQ, **changes), some)
        outputs.append(words(weight).detach())
    assert not torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    two = made(plain, some)(weight)
    one = made(plain, np.zeros((2, 2), bool))(weight)
    differs = two != one
    assert differs[:2, :2].any()
    assert not differs[2:].any()
    assert not differs[:, 2:].any()
    # Without v the gradient passes as it is, and nothing is asked for C.
    alone = weight.clone().requires_grad_()
    made(plain, some)(alone).sum().backward()
    assert alone.grad is not None
    assert torch.equal(alone.grad, torch.ones(4, 4))
    through = made(replace(STLQ, residual_gradient="through"), some)
    passed = weight.clone().requires_grad_()
    through(passed).sum().backward()
    assert passed.grad is not None
    factor = through.factor().detach()
    assert torch.equal(passed.grad, 1 + factor)


def test_buffers_of_a_quantizer() -> None:
    """All state is in parameters and buffers: what a checkpoint holds."""
    start = Start(
        tiling=Tiling.of((4, 2), (2, 2)), scale=np.full(4, 2, np.float32),
        selection=np.array([[True], [False]]), norms=np.array([[1.0], [2.0]]),
    )  # fmt: skip
    words = Words(start, fmt=FMT, method=STLQ)
    state = words.state_dict()
    assert sorted(state) == ["deadline", "limit", "marks", "scale", "selection", "v"]
    assert state["scale"].tolist() == [2.0] * 4
    assert state["selection"].tolist() == [[True], [False]]
    assert state["v"].tolist() == state["limit"].tolist() == [[0.0], [1.0]]
    assert state["deadline"].tolist() == [[0.5], [0.5]]
    assert (words.granularity, words.transposed_groups, words.fmt, words.method) == ("tile", 0, FMT, STLQ)
    # v moves, and what it was does not.
    with torch.no_grad():
        words.v.fill_(7)  # type: ignore[union-attr]
    assert words.state_dict()["limit"].tolist() == [[0.0], [1.0]]
    found: Tensor = words.marks
    assert found.shape[0] == 2
