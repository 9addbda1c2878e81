"""The page of `explore`: one HTML file that needs nothing else, no network access and no server.

It is HTML, CSS and JavaScript without a library. Plotly alone is larger than the page may be. Bokeh and Vega need about
1 MB, have no marks that a keyboard reaches, and Vega compiles text to code, which the page's own policy forbids.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from rtl_gen.errors import UsageError
from rtl_gen.explore.front_format import PER_LAYER, check_front
from sw_ref.messages import printable

LIMIT = 3_000_000
"""Bytes that a page has at most."""
SCRIPTS = ("values", "elements", "scale", "plot", "details", "layers", "filters", "table", "main")
"""The parts of the script, in the order in which they need each other."""


def page(front: Mapping[str, Any]) -> str:
    """The HTML page of what `explore` found; `front` as :func:`check_front` allows it.

    The same front gives the same text, in ASCII and below `LIMIT` bytes. Where a page would be larger, points off the
    front come without their layers, and the page says so.
    Raises :class:`UsageError` if a field is missing or wrong, or if even that page is too large.
    """
    check_front(front)
    for every_layer in (True, False):
        text = _fill(_embedded(_packed(front, every_layer)))
        if len(text) < LIMIT:
            return text
    count = len(front["points"])
    raise UsageError(f"the page of {count} points has {len(text):,} bytes; allowed: below {LIMIT:,}: give fewer points")


def _fill(data: str) -> str:
    style = _template("page.css")
    script = "\n".join(_template(f"{name}.js") for name in SCRIPTS)
    parts = {"style": style, "style_hash": _hash(style), "script": script, "script_hash": _hash(script), "data": data}
    # All at once: what is put in is not searched for places to fill.
    return re.sub("@([a-z_]+)@", lambda place: parts[place[1]], _template("page.html"))


def _template(name: str) -> str:
    return (files("rtl_gen.explore") / "template" / name).read_text(encoding="ascii")


def _hash(text: str) -> str:
    """What the page's policy calls a text that may run or style: no other may."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(values: Any) -> str:
    """JSON that no HTML parser takes for a tag or a comment, whatever text is in it."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _packed(front: Mapping[str, Any], every_layer: bool) -> dict[str, Any]:
    """`front` with readable texts, and once what all configurations have in common."""
    configs = [
        {printable(name): _readable(value) for name, value in point["config"].items()} for point in front["points"]
    ]
    shared = {
        name: value
        for name, value in configs[0].items()
        if all(name in config and config[name] == value for config in configs)
    }
    points = []
    for point, config in zip(front["points"], configs, strict=True):
        packed = {**point, "id": printable(str(point["id"]))}
        packed["config"] = {name: value for name, value in config.items() if name not in shared}
        packed["memories"] = {printable(name): count for name, count in point["memories"].items()}
        packed["layer_sqnr_db"] = [_rounded(value) for value in point["layer_sqnr_db"]]
        if not every_layer and not point["front"]:
            packed |= dict.fromkeys(PER_LAYER)
        points.append(packed)
    return {
        "network": printable(front["network"]),
        "command": front["command"],
        "logic": front["logic"],
        "versions": {printable(name): printable(version) for name, version in front["versions"].items()},
        "layers": [printable(name) for name in front["layers"]],
        "shared": shared,
        "points": points,
    }


def _rounded(value: Any) -> Any:
    """Decibels, to what the page shows of them."""
    return round(value, 2) if isinstance(value, float) else value


def _readable(value: Any) -> str:
    """A parameter's value as text: what an option takes."""
    if isinstance(value, str):
        return printable(value)
    return printable(json.dumps(value, ensure_ascii=False))
