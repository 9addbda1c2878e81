"""Which weights of a file are quantized, and with which groups: what is asked for, left out, or refused."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl_gen.errors import UsageError
from rtl_gen.weight_choice import choose, with_groups
from rtl_gen.weights import Weight


def weight(name: str, axes: int = 2, **options: Any) -> Weight:
    return Weight(name, axes, lambda: np.ones((1,) * axes), **options)


def options(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"tensor": [], "exclude": [], "groups": [], "weights": Path("w.npz")} | given)


def names(found: tuple[list[Weight], list[str]]) -> tuple[list[str], list[str]]:
    return [w.name for w in found[0]], found[1]


NETWORK = [
    weight("a"),
    weight("b", 4),
    weight("bias", 1),
    weight("odd", 2, refusal="of odd kind"),
    weight("table", 0, refusal="no layer multiplies by it", constant=True),
]


def test_all_weights_are_taken_and_the_others_named() -> None:
    assert names(choose(NETWORK, options())) == (
        ["a", "b"],
        ["left out: odd: of odd kind", "left out, biases and other constants: bias, table"],
    )
    assert names(choose(NETWORK[:2], options())) == (["a", "b"], [])


def test_asked_for_by_name() -> None:
    assert names(choose(NETWORK, options(tensor=["b", "bias", "b"]))) == (["b", "bias"], [])
    for name, message in (
        ("none", "--tensor is 'none'; allowed: a, b, bias, odd, table"),
        ("odd", "--tensor is 'odd': of odd kind; allowed: the weight of a layer"),
    ):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(tensor=["a", name]))
        assert str(error.value) == message
    for others, message in (
        ({"exclude": ["b"]}, "--exclude is given with --tensor; allowed: one of them"),
        ({"groups": ["b=2"]}, "--groups is 'b=2'; allowed with --tensor: NAME of a"),
    ):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(tensor=["a"], **others))
        assert str(error.value) == message
    assert names(choose([weight("x=y")], options(tensor=["x=y"], groups=["x=y=2"]))) == (["x=y"], [])
    with pytest.raises(UsageError, match=r"^--tensor is 'a'; allowed: none, the file has no tensors$"):
        choose([], options(tensor=["a"]))


def test_left_out_by_patterns() -> None:
    assert names(choose(NETWORK, options(exclude=["b*", "odd"]))) == (
        ["a"],
        ["left out, as asked: b, bias, odd", "left out, biases and other constants: table"],
    )
    # Large and small letters differ.
    for pattern in ("x*", "A"):
        with pytest.raises(UsageError) as error:
            choose(NETWORK, options(exclude=["a", pattern]))
        assert str(error.value) == (
            f"--exclude is '{pattern}'; allowed: a pattern that matches one of a, b, bias, odd, table"
        )


def test_one_array_alone_is_a_weight_whatever_its_axes_are() -> None:
    """What is wrong with it is for the quantizer to say."""
    assert names(choose([weight("w", 1)], options())) == (["w"], [])
    assert names(choose([weight("w", 1), weight("b", 1)], options(exclude=["b"]))) == (
        ["w"],
        ["left out, as asked: b"],
    )


def test_no_weight_at_all() -> None:
    for found, given, message in (
        ([], {}, "among 0; allowed: at least one"),
        (NETWORK[2:4], {}, "among 2; allowed: at least one; odd: of odd kind"),
        (NETWORK[3:4], {}, "among 1; allowed: at least one; odd: of odd kind"),
        (
            NETWORK[1:],
            {"exclude": ["b"]},
            "among 2; allowed: at least one; odd: of odd kind; left out, as asked: b, bias",
        ),
    ):
        if given:
            given = {"exclude": ["b*"]}
        with pytest.raises(UsageError) as error:
            choose(found, options(**given))
        assert str(error.value) == f"weights file w.npz has no tensor of 2 to 4 axes {message}"


def test_groups() -> None:
    """Those that the user gives, beside what the file says of others."""
    said = [weight("dw", 4, groups=6), weight("kept", 4, groups=3)]
    found = with_groups([*NETWORK, *said, weight("x=y")], ["a=2", "dw=6", "x=y=10"])
    assert {w.name: w.groups for w in found if w.groups} == {"a": 2, "dw": 6, "kept": 3, "x=y": 10}
    assert [w.name for w in with_groups(NETWORK, [])] == [w.name for w in NETWORK]
    with pytest.raises(UsageError, match=r"^--groups is 'a=1'; allowed: one number for a, which has one already$"):
        with_groups([weight("a")], ["a=2", "a=1"])


@pytest.mark.parametrize(
    "option", ["c=2", "a", "a=", "a=0", "a=9999999999999999999", "a=-1", "a=1.5", "a=\u0663", "=2", "a=x"]
)
def test_groups_that_are_none(option: str) -> None:
    with pytest.raises(UsageError) as error:
        with_groups(NETWORK[:2], [option])
    assert str(error.value) == f"--groups is {option!r}; allowed: NAME=N with N from 1 and NAME of a, b"


def test_groups_other_than_the_file_says() -> None:
    with pytest.raises(UsageError, match=r"^--groups is 'dw=3'; allowed: 6, as the file says$"):
        with_groups([weight("dw", 4, groups=6)], ["dw=3"])
