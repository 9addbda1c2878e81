"""Which integers are multipliers, their parts, and the nearest one."""

import numpy as np
import pytest

from sw_ref.network.multiplier import (
    ADD_MULTIPLIERS,
    MULTIPLIERS,
    Terms,
    are_allowed,
    decompose,
    nearest,
    nearest_add,
    with_added,
)


def test_multipliers_are_these() -> None:
    positive = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129]
    assert list(MULTIPLIERS) == [-m for m in reversed(positive)] + [0, *positive]
    assert set(ADD_MULTIPLIERS) == {m << e for m in MULTIPLIERS for e in range(24)}
    assert max(ADD_MULTIPLIERS) == 129 << 23 < 1 << 31


def test_parts_make_the_number_again() -> None:
    for add, numbers in ((False, MULTIPLIERS), (True, ADD_MULTIPLIERS)):
        for number in numbers:
            terms = decompose(number, add=add)
            assert terms.value == number
            assert terms.d in range(8)
            assert terms.s in (-1, 0, 1)
            assert terms.e in range(24 if add else 1)
    assert decompose(1) == Terms(sign=1, d=0, s=0)
    assert decompose(-2) == Terms(sign=-1, d=0, s=1)
    assert decompose(7 << 20, add=True) == Terms(sign=1, d=3, s=-1, e=20)


@pytest.mark.parametrize(("number", "add"), [(6, False), (-130, False), (256, False), (11, True), (129 << 24, True)])
def test_other_numbers_are_refused(number: int, add: bool) -> None:
    assert not are_allowed([number], add=add).any()
    name = "add_multiplier" if add else "multiplier"
    with pytest.raises(ValueError, match=rf"^{name} is {number}; allowed: 0 or \+-\(2\^d \+ s\)"):
        decompose(number, add=add)


def test_nearest_is_nearest() -> None:
    pairs = [(m, s) for m in MULTIPLIERS for s in range(48)]
    for factor in (0.0, 1.0, -1.0, 1 / 9, -0.7, 5.9, 6.1, 11.0, 100.0, 1e9, 1e-9, 2.0**-47, 2.0**-60, 0.046875):
        multiplier, shift = nearest(factor)
        best = min(abs(m / 2**s - factor) for m, s in pairs)
        assert abs(multiplier / 2**shift - factor) == best
        assert abs(multiplier) == min(abs(m) for m, s in pairs if m / 2**s == multiplier / 2**shift)
    assert nearest(6.0) == (5, 0)  # 7 is as near
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"factor is {bad}; allowed: a finite number"):
            nearest(bad)
        with pytest.raises(ValueError, match=f"factor is {bad}; allowed: a finite number"):
            nearest_add(bad, 3)


@pytest.mark.parametrize("shift", [0, 5, 20, 47])
def test_nearest_add_is_nearest(shift: int) -> None:
    for factor in (0.0, 1.0, -1.0, 1 / 9, -0.7, 11.0, 1e9, 1e-9):
        found = nearest_add(factor, shift)
        assert found in ADD_MULTIPLIERS
        wanted = factor * 2.0**shift
        assert abs(found - wanted) == min(abs(number - wanted) for number in ADD_MULTIPLIERS)


def test_multipliers_that_fit_what_is_added() -> None:
    multiplier, shift = np.array([3, 1, 9]), np.array([4, 0, 8])
    made = with_added(multiplier, shift, 0.625)
    assert [part.tolist() for part in made] == [[3, 8, 9], [4, 3, 8], [10, 5, 160]]
    assert are_allowed(made[0]).all()
    assert are_allowed(made[2], add=True).all()
    # 11/16 is none at any shift: one of the two nearest.
    assert [part.tolist() for part in with_added(np.array([1]), np.array([4]), 11 / 16)] == [[1], [4], [10]]
    # Beside 3 a sum at shift 24 loses a bit, one at shift 40 all.
    made = with_added(np.array([8, 8]), np.array([24, 40]), 3.0)
    assert [part.tolist() for part in made] == [[4, 0], [23, 23], [3 << 23, 3 << 23]]
    with pytest.raises(ValueError, match=r"^a sum needs the factor 1e\+12 at shift 0; allowed: 0 or \(2\^d \+ s\) "):
        with_added(np.array([1]), np.array([0]), 1e12)
