"""The number format against brute force and its documented messages."""

import re

import pytest

from sw_ref.format import Parameter, StlqFormat, parameter, parameters_of


@pytest.mark.parametrize("bits", range(2, 6))
def test_terms_are_the_levels_of_the_paper_as_integers(bits: int) -> None:
    fmt = StlqFormat(bits=bits)
    levels = 2 ** (bits - 1)
    assert list(fmt.codes) == list(range(-levels, levels))
    for code in fmt.codes:
        value = (code > 0) - (code < 0)
        assert fmt.term(code) == (value * 2 ** (levels - abs(code)) if code else 0)


@pytest.mark.parametrize("shift", range(5))
def test_the_second_word_of_a_weight_is_finer_by_the_shift(shift: int) -> None:
    fmt = StlqFormat(bits=3, residual_shift=shift)
    for first in fmt.codes:
        assert fmt.weight(first) == fmt.term(first) * 2**shift
        for second in fmt.codes:
            assert fmt.weight(first, second) == fmt.term(first) * 2**shift + fmt.term(second)


def test_a_parameter_is_a_field_with_its_rule() -> None:
    ranged = parameter(3, low=2, high=5, unit="bits", help="width")
    assert ranged.default == 3
    assert ranged.metadata == {"parameter": Parameter(values=range(2, 6), unit="bits", help="width")}
    chosen, flag = parameter(4, only=(1, 4), help="how many"), parameter(True, help="signed")
    assert chosen.metadata == {"parameter": Parameter(values=(1, 4), unit="", help="how many")}
    assert flag.metadata == {"parameter": Parameter(values=None, unit="", help="signed")}
    assert parameter(0, high=3, help="from 0").metadata["parameter"].values == range(4)


@pytest.mark.parametrize("bits", range(2, 6))
@pytest.mark.parametrize("shift", range(5))
def test_weight_max_is_reached_and_never_passed(bits: int, shift: int) -> None:
    fmt = StlqFormat(bits=bits, residual_shift=shift)
    weights = {abs(fmt.weight(a, b)) for a in fmt.codes for b in fmt.codes}
    assert max(weights) == fmt.weight_max


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("bits", "act_bits", "depth"), [(2, 2, 1), (3, 8, 4096), (5, 16, 1 << 20), (4, 3, 7)])
def test_acc_bits_is_the_smallest_width_that_holds_the_extremes(
    bits: int, act_bits: int, depth: int, signed: bool
) -> None:
    fmt = StlqFormat(bits=bits, act_bits=act_bits, act_signed=signed)
    weights = [fmt.weight(a, b) for a in fmt.codes for b in fmt.codes]
    sums = [depth * w * a for w in weights for a in (fmt.act_min, fmt.act_max)]
    width = fmt.acc_bits(depth)
    assert -(1 << (width - 1)) <= min(sums)
    assert max(sums) < 1 << (width - 1)
    assert not (-(1 << (width - 2)) <= min(sums) and max(sums) < 1 << (width - 2))


@pytest.mark.parametrize(
    ("act_bits", "signed", "low", "high"), [(2, True, -2, 1), (8, False, 0, 255), (16, True, -32768, 32767)]
)
def test_activation_ranges(act_bits: int, signed: bool, low: int, high: int) -> None:
    fmt = StlqFormat(act_bits=act_bits, act_signed=signed)
    assert (fmt.act_min, fmt.act_max) == (low, high)


@pytest.mark.parametrize("name", list(parameters_of(StlqFormat)))
def test_every_parameter_is_checked_by_name(name: str) -> None:
    rule = parameters_of(StlqFormat)[name]
    bad = [None, "3", 2.5] + ([1, 0] if rule.values is None else [rule.values[0] - 1, rule.values[-1] + 1, True])
    for value in bad:
        with pytest.raises(ValueError, match=f"{name} is .*; allowed: ") as error:
            StlqFormat(**{name: value})
        assert repr(value) in str(error.value)


def test_a_range_is_described_without_walking_through_it() -> None:
    assert Parameter(values=range(1, 10**20 + 1), unit="", help="").allowed == f"a whole number from 1 to {10**20}"
    assert Parameter(values=(2, 4, 8), unit="", help="").allowed == "2, 4 or 8"


def test_dictionary_round_trip_and_refusal() -> None:
    fmt = StlqFormat(bits=4, act_bits=5, act_signed=False, residual_shift=1)
    assert StlqFormat.from_dict(fmt.to_dict()) == fmt
    names = sorted(fmt.to_dict())
    said = {
        "None": None,
        "[]": {},
        "['bits']": {"bits": 3},
        "7": 7,
        str(sorted([*names, "x"])): {**fmt.to_dict(), "x": 1},
    }
    for found, bad in said.items():
        with pytest.raises(ValueError, match=f"^{re.escape(f'format has {found}; allowed: exactly {names}')}$"):
            StlqFormat.from_dict(bad)


@pytest.mark.parametrize("code", [-5, 4, 100])
def test_codes_out_of_range_are_refused(code: int) -> None:
    with pytest.raises(ValueError, match=f"code is {code}; allowed: a whole number from -4 to 3"):
        StlqFormat(bits=3).term(code)
