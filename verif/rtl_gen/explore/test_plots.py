"""The plots as SVG: what they show, whatever the names are."""

import importlib.util
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.explore.plots import BEST, PLAIN, front_plots, layer_plot, unbeaten
from verif.rtl_gen.explore.fronts import make_front

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("$\\frac{", "</text><script>", "\u5377\u7a4d\x00", "long" * 50)


def texts(drawn: bytes) -> list[str]:
    """The texts of a picture, which must be sound XML."""
    return ["".join(found.itertext()).strip() for found in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def marks(drawn: bytes) -> dict[str, int]:
    """How many marks of points have which fill."""
    axes = next(group for group in ElementTree.fromstring(drawn).iter(f"{SVG}g") if group.get("id") == "axes_1")
    groups = [group for group in axes.iter(f"{SVG}g") if (group.get("id") or "").startswith("PathCollection")]
    fills = [use.get("style", "").split(";")[0] for group in groups for use in group.iter(f"{SVG}use")]
    return Counter(fill.removeprefix("fill: ") for fill in fills)


def test_every_point_is_drawn() -> None:
    front = make_front(30)
    by_cost, by_rate = front_plots(front).values()
    measured = [point for point in front["points"] if point["measured"]]
    best = sum(point["front"] for point in measured)
    clocked = sum(point["mhz"] is not None for point in front["points"])
    known = {BEST: best, PLAIN: len(measured) - best}
    assert marks(by_cost) == {**known, "none": 30 - len(measured)}
    assert marks(by_rate) == {**known, "none": clocked - len(measured)}
    assert {"accuracy (%)", "measured, on the front", "measured", "estimate"} < set(texts(by_cost))


def test_gates_are_not_called_luts() -> None:
    front = make_front(4) | {"logic": "gates"}
    by_cost = texts(front_plots(front)["front-by-cost.svg"])
    assert "gates x cycles per inference" in by_cost
    assert not any("LUT" in text for text in by_cost)


@pytest.mark.parametrize(
    ("luts", "label", "ticks"),
    [
        ((1000, 3000), "LUTs x cycles per inference", [f"{1 + step / 4:g} M" for step in range(9)]),
        ((1000, 4500), "LUTs x cycles per inference (logarithmic)", ["1 M", "1.5 M", "2 M", "3 M"]),
        ((1000, 30000), "LUTs x cycles per inference (logarithmic)", ["1 M", "2 M", "5 M", "10 M", "20 M"]),
    ],
)
def test_a_logarithmic_axis_says_so_and_has_marks(luts: tuple[int, int], label: str, ticks: list[str]) -> None:
    front = make_front(2)
    for point, size in zip(front["points"], luts, strict=True):
        point |= {"luts": size, "cycles": 1000}
    shown = texts(front_plots(front)["front-by-cost.svg"])
    assert label in shown
    assert [text for text in shown if text.endswith(" M")] == ticks


def test_the_line_joins_what_no_other_beats() -> None:
    places = [(3.0, 5.0), (1.0, 2.0), (2.0, 4.0), (2.5, 4.0), (1.0, 1.0), (4.0, 4.5)]
    assert unbeaten(places, -1) == [(1.0, 2.0), (2.0, 4.0), (3.0, 5.0)]
    assert unbeaten(places, 1) == [(4.0, 4.5), (3.0, 5.0)]
    assert unbeaten([], 1) == []


def test_what_nobody_measured_has_no_plot() -> None:
    front = make_front(4)
    for point in front["points"]:
        point |= {"accuracy": None, "inferences_per_second": None}
    drawn = front_plots(front)
    assert list(drawn) == ["front-by-cost.svg"]
    assert "output SQNR (dB)" in texts(drawn["front-by-cost.svg"])


def test_layers_keep_their_names() -> None:
    front = make_front(2, layers=NAMES)
    drawn, escaped = layer_plot(front, 1), "\u5377\u7a4d\\x00"
    short = "..." + ("long" * 50)[-37:]
    assert [text for text in texts(drawn) if text in (*NAMES, short, escaped)] == [*NAMES[:2], escaped, short]
    assert texts(drawn).count("not measured") == texts(drawn).count("exact") == 1
    assert b"<script>" not in drawn
    assert layer_plot(front, "1") == drawn
    with pytest.raises(UsageError, match="point is '2'; allowed: an id of the front's points"):
        layer_plot(front, "2")


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckError, match="matplotlib is not installed; to install it: pip install matplotlib"):
        front_plots(make_front(2))
