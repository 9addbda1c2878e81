"""What `explore` found, as a dictionary: its fields, and what is allowed in each."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rtl_gen.errors import UsageError
from sw_ref.messages import printable

SCHEMA = 1


@dataclass(frozen=True)
class Rule:
    """The values that a field may have, and how an error calls them."""

    allowed: str
    accepts: Callable[[Any], bool]

    def or_null(self) -> "Rule":
        """The same, or null: not measured."""
        return Rule(f"{self.allowed}, or null", lambda value: value is None or self.accepts(value))

    def each(self) -> "Rule":
        """A list of such values."""
        return Rule(f"a list, each item {self.allowed}", lambda v: isinstance(v, list) and all(map(self.accepts, v)))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_named(value: Any, item: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value) and all(map(item, value.values()))


def _is_plain(value: Any) -> bool:
    """What JSON has, without numbers that are none."""
    if isinstance(value, dict):
        return _is_named(value, _is_plain)
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool) or _is_number(value)


TEXT = Rule("text", lambda value: isinstance(value, str))
# A line feed in a copied command would start it before anybody has read it.
COMMAND = Rule("text on one line", lambda value: isinstance(value, str) and printable(value) == value)
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
COUNT = Rule("a whole number from 0", _is_count)
DECIBELS = Rule("a number, 'exact' or null", lambda value: value is None or value == "exact" or _is_number(value))
SHARE = Rule("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
POSITIVE = Rule("a number above 0", lambda value: _is_number(value) and value > 0)

FIELDS = {
    "schema": Rule(str(SCHEMA), lambda value: _is_count(value) and value == SCHEMA),
    "network": TEXT,
    "command": COMMAND,
    "logic": Rule("'LUTs' or 'gates'", lambda value: value in ("LUTs", "gates")),
    "versions": Rule("an object of texts", lambda value: _is_named(value, TEXT.accepts)),
    "layers": TEXT.each(),
    "points": Rule("a list of at least one point", lambda value: isinstance(value, list) and value != []),
}
POINT_FIELDS = {
    "id": Rule("text or a whole number", lambda value: isinstance(value, str) or _is_count(value)),
    "front": FLAG,
    "measured": FLAG,
    "config": Rule("an object of finite values", lambda value: isinstance(value, dict) and _is_plain(value)),
    "luts": COUNT,
    "memories": Rule("an object of whole numbers from 0", lambda value: _is_named(value, _is_count)),
    "mhz": POSITIVE.or_null(),
    "cycles": COUNT,
    "accuracy": SHARE.or_null(),
    "agreement": SHARE.or_null(),
    "sqnr_db": DECIBELS,
    "inferences_per_second": POSITIVE.or_null(),
    "layer_cycles": COUNT.each(),
    "layer_sqnr_db": DECIBELS.each(),
    "build_command": COMMAND,
}
PER_LAYER = ("layer_cycles", "layer_sqnr_db")


def check_front(front: Any) -> None:
    """Raises :class:`UsageError` unless `front` is what `explore` writes, in schema 1.

    Every field of `FIELDS`, and of `POINT_FIELDS` in each point, must be there, and no other. Ids are unique. Lists
    per layer have an item for each layer. Accuracy and agreement are shares. Null means that nobody measured it, and
    an SQNR of "exact" that there is no error. A point without a memory's name has no count of it, which is not 0.
    """
    _check_fields("front", front, FIELDS)
    layers, ids = len(front["layers"]), set()
    for number, point in enumerate(front["points"]):
        where = f"points[{number}]"
        _check_fields(where, point, POINT_FIELDS)
        for name in PER_LAYER:
            if len(point[name]) != layers:
                raise UsageError(
                    f"{where}.{name} has {len(point[name])} items; allowed: one for each of {layers} layers"
                )
        if str(point["id"]) in ids:
            raise UsageError(f"{where}.id is {point['id']!r}, which another point has; allowed: an id of its own")
        ids.add(str(point["id"]))


def _check_fields(where: str, values: Any, rules: Mapping[str, Rule]) -> None:
    if not isinstance(values, dict):
        raise UsageError(f"{where} is {values!r:.80}; allowed: an object")
    for what, wrong in (("lacks", set(rules) - set(values)), ("has the unknown", set(values) - set(rules))):
        if wrong:
            raise UsageError(f"{where} {what} {_listed(wrong)}; allowed: exactly {', '.join(rules)}")
    for name, rule in rules.items():
        if not rule.accepts(values[name]):
            raise UsageError(f"{where}.{name} is {values[name]!r:.80}; allowed: {rule.allowed}")


def _listed(names: Sequence[Any] | set[Any]) -> str:
    return ", ".join(sorted(printable(str(name)) for name in names))
