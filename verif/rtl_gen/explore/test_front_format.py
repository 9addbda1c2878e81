"""What `explore` writes is checked: a missing or wrong field is one line that names it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from rtl_gen.errors import UsageError
from rtl_gen.explore.front_format import FIELDS, POINT_FIELDS, check_front
from rtl_gen.explore.page import page
from verif.rtl_gen.explore.fronts import make_front

NAN, INFINITE = float("nan"), float("inf")
WRONG = [
    ("schema", 2, "front.schema is 2; allowed: 1"),
    ("schema", True, "front.schema is True; allowed: 1"),
    ("network", None, "front.network is None; allowed: text"),
    ("command", "stlq\nrm", r"front.command is 'stlq\nrm'; allowed: text on one line"),
    ("logic", "transistors", "front.logic is 'transistors'; allowed: 'LUTs' or 'gates'"),
    ("versions", {"stlq": 2}, "front.versions is {'stlq': 2}; allowed: an object of texts"),
    ("layers", "conv", "front.layers is 'conv'; allowed: a list, each item text"),
    ("points", [], "front.points is []; allowed: a list of at least one point"),
]
WRONG_IN_POINT = [
    ("id", 1.5, "points[1].id is 1.5; allowed: text or a whole number"),
    ("id", 0, "points[1].id is 0, which another point has; allowed: an id of its own"),
    ("front", 1, "points[1].front is 1; allowed: true or false"),
    ("config", {"pe": NAN}, "points[1].config is {'pe': nan}; allowed: an object of finite values"),
    ("luts", -1, "points[1].luts is -1; allowed: a whole number from 0"),
    ("luts", True, "points[1].luts is True; allowed: a whole number from 0"),
    ("memories", {"BRAM": 0.5}, "points[1].memories is {'BRAM': 0.5}; allowed: an object of whole numbers from 0"),
    ("mhz", 0, "points[1].mhz is 0; allowed: a number above 0, or null"),
    ("cycles", None, "points[1].cycles is None; allowed: a whole number from 0"),
    ("accuracy", 93.5, "points[1].accuracy is 93.5; allowed: a number from 0 to 1, or null"),
    ("agreement", "1", "points[1].agreement is '1'; allowed: a number from 0 to 1, or null"),
    ("sqnr_db", INFINITE, "points[1].sqnr_db is inf; allowed: a number, 'exact' or null"),
    ("layer_cycles", [1, 2], "points[1].layer_cycles has 2 items; allowed: one for each of 3 layers"),
    (
        "layer_sqnr_db",
        [1, 2, NAN],
        "points[1].layer_sqnr_db is [1, 2, nan]; allowed: a list, each item a number, 'exact' or null",
    ),
    ("build_command", "stlq\u202e", "points[1].build_command is 'stlq\\u202e'; allowed: text on one line"),
]


def front() -> dict[str, Any]:
    return make_front(2, layers=("a", "b", "c"))


def refusal(values: Any) -> str:
    with pytest.raises(UsageError) as raised:
        page(values)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_sound_front_passes() -> None:
    check_front(front())


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_field_is_named(name: str, value: Any, message: str) -> None:
    assert refusal(front() | {name: value}) == message


@pytest.mark.parametrize(("name", "value", "message"), WRONG_IN_POINT)
def test_a_wrong_field_of_a_point_is_named(name: str, value: Any, message: str) -> None:
    values = front()
    values["points"][1][name] = value
    assert refusal(values) == message


def _point(values: dict[str, Any]) -> dict[str, Any]:
    return values["points"][1]


@pytest.mark.parametrize(
    ("where", "fields", "of"), [("front", FIELDS, lambda values: values), ("points[1]", POINT_FIELDS, _point)]
)
def test_every_field_must_be_there_and_no_other(
    where: str, fields: dict[str, Any], of: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    for name in fields:
        values = front()
        del of(values)[name]
        assert refusal(values) == f"{where} lacks {name}; allowed: exactly {', '.join(fields)}"
    values = front()
    of(values)["colour\n"] = "red"
    assert re.match(rf"{re.escape(where)} has the unknown colour\\n; allowed: exactly ", refusal(values))


@pytest.mark.parametrize("value", [None, [], "{}"])
def test_what_is_no_object_is_refused(value: Any) -> None:
    assert refusal(value) == f"front is {value!r}; allowed: an object"
    assert refusal(front() | {"points": [value]}) == f"points[0] is {value!r}; allowed: an object"
