"""The parameters of a channel: the formula of networks, by the shifts and terms that an engine has."""

import numpy as np
import pytest

from rtl_gen.compiler.channels import Formula, Scale


def value(scale: Scale, offset: dict[str, int], total: int) -> int:
    """What an engine computes before clipping, where nothing is added."""
    term, *added = scale
    assert not any(other["extra"] for other in added)
    first, second = total << term["shift"], total * term["extra"]
    first, second = (~x if term[name] else x for x, name in ((first, "negative"), (second, "extra_negative")))
    return (first + second + offset["offset"]) >> offset["shift"]


@pytest.mark.parametrize("multiplier", [0, 1, -1, 5, -7, 129])
def test_the_formula(multiplier: int) -> None:
    rng = np.random.default_rng(1)
    for shift in (0, 1, 9, 31):
        bias, zero = int(rng.integers(-999, 999)), int(rng.integers(256))
        scale, offset = Formula(bias=bias, multiplier=multiplier, shift=shift, zero=zero).parameters()
        for total in (-(1 << 20), -1, 0, 7, 12345):
            right = ((total + bias) * multiplier + (1 << shift >> 1) >> shift) + zero
            assert value(scale, offset, total) == right


@pytest.mark.parametrize("multiplier", [1, -3, 65])
def test_far_shifts(multiplier: int) -> None:
    """Where rounding goes up between two sums, and elsewhere: each sum gives what the long shift gives."""
    seen = set()
    for shift in (32, 36, 47):
        edge = -(-(1 << shift - 1) // multiplier)
        for bias in (edge - 50, edge, 3 * edge + 20, edge // 3, 0):
            formula = Formula(bias=bias, multiplier=multiplier, shift=shift, zero=9)
            far = formula.far_parameters((-100, 100))
            assert far
            scale, offset = far
            found = [value(scale, offset, total) for total in range(-100, 101)]
            half = 1 << shift >> 1
            assert found == [((s + bias) * multiplier + half >> shift) + 9 for s in range(-100, 101)]
            seen.add(len(set(found)))
    assert seen == {1, 2}


def test_a_channel_of_one_code_needs_no_room_for_its_shift() -> None:
    """Without weights: its zero point, shifted by 31, would not fit; its code does."""
    scale, offset = Formula(bias=-5, multiplier=31, shift=31, zero=250).far_parameters((0, 0)) or ((), {})
    assert value(scale, offset, 0) == 250
    assert (offset["shift"], abs(offset["offset"]) < 256) == (0, True)
    assert Formula(multiplier=1, shift=31, add_multiplier=1).far_parameters((0, 0)) is None


def test_shifts_that_no_engine_has() -> None:
    with pytest.raises(ValueError, match="shift is 32; allowed in an engine: 0 to 31"):
        Formula(multiplier=1, shift=32).parameters()
    assert Formula(multiplier=1, shift=33).far_parameters((-(1 << 40), 1 << 40)) is None
