"""The page's text: it holds all that it needs, and whatever the names are they add nothing to it."""

import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import pytest

from rtl_gen.errors import UsageError
from rtl_gen.explore import page as page_module
from rtl_gen.explore.page import page
from verif.rtl_gen.explore.fronts import HOSTILE, hostile_front, make_front


class Parsed(HTMLParser):
    """The tags with their attributes, and the texts of the raw ones, as an HTML parser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.raw: list[str] = []
        self._inside = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        self._inside = tag in ("script", "style")
        if self._inside:
            self.raw.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[-1] += data

    @property
    def data(self) -> dict[str, Any]:
        """What the page knows of the front."""
        _, data, _ = self.raw
        return json.loads(data)


def test_the_page_loads_nothing() -> None:
    text = page(make_front())
    assert re.findall(r"https?://[^\"'\s]*", text) == ["http://www.w3.org/2000/svg"]  # a name, which nobody loads
    assert not re.search(r"url\(|@import|\bimport\b|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|\beval\(", text)
    tags = Parsed(text).tags
    links = [value for _, attrs in tags for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
    assert links == ["data:,"]
    assert not [name for _, attrs in tags for name, _ in attrs if name.startswith("on") or name == "style"]


def test_the_policy_allows_the_pages_own_script_and_style_only() -> None:
    parsed = Parsed(page(make_front()))
    style, _, script = parsed.raw
    (policy,) = [dict(attrs)["content"] or "" for tag, attrs in parsed.tags if "http-equiv" in dict(attrs)]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'{page_module._hash(style)}'",
        "script-src": f"'{page_module._hash(script)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_hostile_names_stay_names() -> None:
    parsed = Parsed(page(hostile_front()))
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in Parsed(page(make_front())).tags]
    assert parsed.data["layers"][:4] == list(HOSTILE[:4])
    # What could hide or reorder a text is shown as escapes.
    assert parsed.data["layers"][4] == r"\x1b[2J\u202e\u2028\ud800"
    assert parsed.data["network"] == HOSTILE[0]


def test_the_page_knows_the_front() -> None:
    front = make_front()
    data = Parsed(page(front)).data
    for key in ("network", "command", "versions", "layers"):
        assert data[key] == front[key]
    for known, point in zip(data["points"], front["points"], strict=True):
        config = {name: json.dumps(value).strip('"') for name, value in point["config"].items()}
        assert {**data["shared"], **known["config"]} == config
        start, *middle, end = point["layer_sqnr_db"]
        rounded = [start, *(round(value, 2) for value in middle), end]
        changed = {"id": str(point["id"]), "config": known["config"], "layer_sqnr_db": rounded}
        assert known == {**point, **changed}
    assert set(data["shared"]) == {"act_bits", "act_signed", "residual_shift", "depth", "preset"}
    # Nobody measured these: they are no numbers.
    assert {point["agreement"] for point in data["points"]} == {None}


def test_the_same_front_gives_the_same_ascii() -> None:
    front = hostile_front()
    before = deepcopy(front)
    assert page(front) == page(before)
    assert page(front).isascii()
    assert front == before


def test_a_large_front_keeps_the_layers_of_its_front(monkeypatch: pytest.MonkeyPatch) -> None:
    front = make_front(60)
    full, limit = len(page(front)), len(page(front)) - 1
    monkeypatch.setattr(page_module, "LIMIT", limit)
    text = page(front)
    assert len(text) < limit < full
    known = {point["id"]: point["layer_cycles"] for point in Parsed(text).data["points"]}
    assert known == {str(p["id"]): p["layer_cycles"] if p["front"] else None for p in front["points"]}
    monkeypatch.setattr(page_module, "LIMIT", 20_000)
    with pytest.raises(UsageError, match=r"the page of 60 points has [\d,]+ bytes; allowed: below 20,000"):
        page(front)


def test_two_thousand_points_are_below_the_limit() -> None:
    few, many = len(page(make_front(10))), len(page(make_front(60)))
    assert few + (many - few) / 50 * 1990 < 3_000_000 == page_module.LIMIT


COLOURS = re.compile(r"--(\w+): (#[0-9a-f]{6});")
TEXTS = [(ink, ground) for ink in ("ink", "muted") for ground in ("ground", "panel")]
SHAPES = [(ink, ground) for ink in ("plain", "best", "edge") for ground in ("ground", "panel")]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast_is_that_of_wcag_aa(theme: int) -> None:
    found = COLOURS.findall(page_module._template("page.css"))
    colours = dict(found[theme * len(found) // 2 :][: len(found) // 2])
    assert set(colours) == {"ground", "panel", "ink", "muted", "line", "edge", "plain", "best"}
    for pairs, least in ((TEXTS, 4.5), (SHAPES, 3)):
        for ink, ground in pairs:
            high, low = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= least, (ink, ground)
