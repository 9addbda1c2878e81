"""The page in a real browser: no fault, and what people do with it does what it says."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtl_gen.explore.page import page
from rtl_gen.explore.plots import unbeaten
from verif.rtl_gen.explore.browser import Browser, start
from verif.rtl_gen.explore.fronts import HOSTILE, hostile_front, make_front

PROGRAMS = ("chromium", "google-chrome", "chromium-browser")
FRONT = make_front(40)
POINTS = FRONT["points"]
PHONE = 390
PRELUDE = """
const texts = (where) => [...document.querySelectorAll(where)].map((found) => found.textContent);
const text = (where) => document.querySelector(where).textContent;
const middle = async (where) => {
  const found = document.querySelector(where);
  found.scrollIntoView({ block: "center" });
  // Until the page has heard of it.
  for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
  const box = found.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
};
"""

LABELS = ["Accuracy over LUTs \u00d7 cycles", "Accuracy over Inferences per second"]
LOOK = """[
  location.href, document.getElementById("count")?.value,
  ...[...document.querySelectorAll(".plot")].map((plot) => plot.ariaLabel),
]"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(shutil.which, PROGRAMS), None)
    if program is None:
        pytest.skip(f"there is none of {', '.join(PROGRAMS)}: the page was not opened in a browser")
    with start(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of FRONT."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page(FRONT))
    return path


@pytest.fixture
def opened(browser: Browser, path: Path) -> Iterator[Browser]:
    """The browser with the page of FRONT, filters and axes as at the start; in the end it must have found no fault."""
    browser.faults.clear()
    # To open it takes longer than most tests: a page stays if it looks as it did.
    browser.show()
    if browser.value(LOOK) != [path.as_uri(), f"{len(POINTS)} of {len(POINTS)} engines", *LABELS]:
        browser.open(path)
        browser.value(PRELUDE)
    yield browser
    assert browser.faults == []


def enter(browser: Browser, where: str, text: str) -> None:
    """Type into a field."""
    browser.value(f"document.querySelector('{where}').focus()")
    browser.write(text)


def choose(browser: Browser, label: str, option: str) -> None:
    """Choose from the list that has this label."""
    browser.value(f"""{{
        const found = [...document.querySelectorAll("label")].find((label) => label.innerText.startsWith("{label}"));
        const list = found.querySelector("select");
        list.value = [...list.options].find((option) => option.text === "{option}").value;
        list.dispatchEvent(new Event("change"));
    }}""")


def shown(browser: Browser) -> set[str]:
    """Ids of the engines that the first plot shows."""
    labels = browser.value("[...document.querySelectorAll('#plot-1 [role=option]')].map((g) => g.ariaLabel)")
    return {label.split(",")[0].removeprefix("Engine ") for label in labels}


def column(browser: Browser, name: str) -> list[str]:
    """The table's cells below a heading."""
    number = browser.value("texts('#table thead th')").index(name) + 1
    return browser.value(f"texts('#table tbody tr > :nth-child({number})')")


def ids(points: list[dict[str, Any]]) -> set[str]:
    return {str(point["id"]) for point in points}


def test_hover_shows_the_whole_configuration_and_the_command(opened: Browser) -> None:
    point = next(p for p in POINTS if p["front"])
    assert opened.value("document.getElementById('tip').hidden")
    opened.move(*opened.value(f"middle('#plot-1-{point['id']} .mark')"))
    tip = opened.value("document.getElementById('tip').innerText")
    assert tip.startswith(f"Engine {point['id']}: measured, on the front\n")
    for name, value in point["config"].items():
        assert f"{name}\n{str(value).lower()}\n" in tip
    assert "Agreement with float\nnot measured\n" in tip
    assert tip.endswith(point["build_command"])
    opened.move(5, 5)
    assert opened.value("document.getElementById('tip').hidden")


def test_the_line_joins_measured_engines_that_no_other_beats(opened: Browser) -> None:
    costs = [(p["luts"] * p["cycles"], p["accuracy"]) for p in POINTS if p["measured"]]
    rates = [(p["inferences_per_second"], p["accuracy"]) for p in POINTS if p["measured"]]
    for number, steps in ((1, unbeaten(costs, -1)), (2, unbeaten(rates, 1))):
        line = opened.value(f"document.querySelector('#plot-{number} .best').getAttribute('d')")
        assert line.count("H") == line.count("V") == len(steps) - 1 > 0


def test_the_keyboard_reaches_every_mark(opened: Browser) -> None:
    opened.value("document.querySelector('#view select').focus()")
    opened.press("Tab")
    opened.press("Home")
    order = sorted(POINTS, key=lambda p: (p["luts"] * p["cycles"], -p["accuracy"]))
    for point in order[:4]:
        assert opened.value("text('#tip strong')").startswith(f"Engine {point['id']}:")
        opened.press("ArrowRight")
    opened.press("End")
    opened.press("Enter")
    last = order[-1]
    assert opened.value("text('#details-title')").startswith(f"Engine {last['id']}:")
    assert opened.value("text('#details-body code')") == last["build_command"]
    opened.press("Escape")
    assert opened.value("document.getElementById('tip').hidden")


def test_the_layers_are_those_of_the_chosen_point(opened: Browser) -> None:
    point = next(p for p in POINTS if not p["measured"])
    opened.click(*opened.value(f"middle('#plot-1-{point['id']} .mark')"))
    assert opened.value("text('#details-title')") == f"Engine {point['id']}: estimate"
    figures = opened.value("document.querySelector('#details-body .facts').innerText").split("\n")
    assert f"\u2248 {point['luts']:,}" in figures
    assert f"{point['cycles']:,}" in figures
    assert figures[figures.index("DP16KD") :][1:] == ["not measured"]
    cells = opened.value("texts('#layer-bars tbody td')")
    total = sum(point["layer_cycles"])
    assert cells[0::2] == [f"{cycles:,} ({100 * cycles / total:.1f}%)" for cycles in point["layer_cycles"]]
    assert cells[1] == "not measured"
    assert cells[3] == f"{point['layer_sqnr_db'][1]:.2f}"
    assert cells[-1] == "exact"
    assert opened.value("texts('#timeline tbody .name')") == [*FRONT["layers"], "in no layer"]
    assert opened.value("texts('#timeline tbody td')")[-1] == f"{total:,} to {point['cycles']:,}"


def test_the_table_sorts_and_puts_last_what_was_not_measured(opened: Browser) -> None:
    opened.value("document.getElementById('more').click()")
    measured = sorted(p["mhz"] for p in POINTS if p["mhz"])
    missing = ["not measured"] * (len(POINTS) - len(measured))
    for expected, order in ((measured, "ascending"), (measured[::-1], "descending")):
        opened.value("[...document.querySelectorAll('#table th button')].find((b) => b.textContent === 'MHz').click()")
        assert opened.value("texts('[aria-sort]')") == ["MHz"]
        assert opened.value("document.querySelector('[aria-sort]').ariaSort") == order
        cells = column(opened, "MHz")
        assert cells[len(measured) :] == missing
        assert [float(cell.removeprefix("\u2248 ")) for cell in cells[: len(measured)]] == pytest.approx(
            expected, abs=0.051
        )


def test_the_command_is_copied(opened: Browser) -> None:
    opened.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.click(*opened.value("middle('#details-body button')"))
    copied = "new Promise((done) => setTimeout(done, 50)).then(() => navigator.clipboard.readText())"
    assert opened.value(copied) == opened.value("text('#details-body code')")
    assert opened.value("text('#details-body button')") == "Copied"


def test_a_phone_needs_no_sideways_scrolling_and_the_theme_follows(opened: Browser) -> None:
    grounds = []
    for dark in (False, True):
        opened.show(width=PHONE, dark=dark)
        assert opened.value("document.documentElement.scrollWidth") == PHONE
        grounds.append(opened.value("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]


def test_on_a_phone_the_box_does_not_cover_its_mark(opened: Browser) -> None:
    opened.show(width=PHONE)
    for mark in range(0, len(POINTS), 8):
        x, y = opened.value(f"middle('#plot-1-{mark} .mark')")
        opened.move(x, y)
        box = opened.value("document.getElementById('tip').getBoundingClientRect().toJSON()")
        assert box["width"] > 0
        assert not (box["left"] <= x <= box["right"] and box["top"] <= y <= box["bottom"])
        assert 0 <= box["left"] < box["right"] <= PHONE
        assert 0 <= box["top"] < box["bottom"] <= 900


def test_filters_keep_what_they_say(opened: Browser) -> None:
    assert shown(opened) == ids(POINTS)
    enter(opened, "#limit-luts", "4000")
    small = [p for p in POINTS if p["luts"] <= 4000]
    assert shown(opened) == ids(small)
    assert opened.value("text('#count')") == f"{len(small)} of {len(POINTS)} engines"
    assert len(column(opened, "Engine")) >= min(len(small), 25)
    assert set(column(opened, "Engine")) <= ids(small)
    choose(opened, "bits", "3")
    enter(opened, "#search", "pe=4 lanes=8")
    kept = [p for p in small if (p["config"]["bits"], p["config"]["pe"], p["config"]["lanes"]) == (3, 4, 8)]
    assert shown(opened) == ids(kept) != set()
    opened.value("document.getElementById('reset').click()")
    # What was not measured passes no limit.
    enter(opened, "#limit-rate", "0")
    assert shown(opened) == ids([p for p in POINTS if p["mhz"]])
    enter(opened, "#limit-rate", "1000")
    fast = [p for p in POINTS if p["mhz"] and p["inferences_per_second"] >= 1000]
    assert shown(opened) == ids(fast) != ids([p for p in POINTS if p["mhz"]])
    opened.value("document.getElementById('reset').click()")
    enter(opened, "#limit-accuracy", "91.5")
    assert shown(opened) == ids([p for p in POINTS if p["accuracy"] >= 0.915])
    opened.value("document.getElementById('reset').click()")
    choose(opened, "Engines", "on the front")
    assert shown(opened) == ids([p for p in POINTS if p["front"]])


def test_axes_can_be_chosen(opened: Browser) -> None:
    unmeasured = sum(p["mhz"] is None for p in POINTS)
    assert f"Not in this plot: {unmeasured}, without a number for Inferences per second" in opened.value(
        "text('#plot-2 .note')"
    )
    choose(opened, "Vertical axis", "Output SQNR (dB)")
    assert opened.value("text('#plot-1 .axis-label')") == "Output SQNR (dB)"
    opened.value("""{
        const list = document.querySelector("#plot-2 select");
        list.value = "luts";
        list.dispatchEvent(new Event("change"));
    }""")
    assert opened.value("text('#plot-2 .note')") == ""
    assert opened.value("document.querySelector('#plot-2 svg').ariaLabel") == "Output SQNR (dB) over LUTs"
    assert opened.value("document.querySelectorAll('#plot-2 [role=option]').length") == len(POINTS)


def test_without_labels_sqnr_counts(browser: Browser, tmp_path: Path) -> None:
    browser.faults.clear()
    front = make_front(8)
    for point in front["points"]:
        point |= {"accuracy": None, "agreement": 0.5}
    front["points"][3]["sqnr_db"] = "exact"
    (path := tmp_path / "page.html").write_text(page(front))
    browser.open(path)
    browser.value(PRELUDE)
    assert browser.value("text('#plot-1 .axis-label')") == "Output SQNR (dB)"
    assert "Not in this plot: 1, without a number" in browser.value("text('#plot-1 .note')")
    assert column(browser, "Output SQNR (dB)")[0] == "exact"
    least = sorted(p["sqnr_db"] for p in front["points"] if p["sqnr_db"] != "exact")[4]
    enter(browser, "#limit-sqnr", str(least))
    assert browser.value("text('#count')") == "4 of 8 engines"
    assert browser.faults == []


def test_hostile_names_and_no_measures_do_nothing(browser: Browser, tmp_path: Path) -> None:
    browser.faults.clear()
    front = hostile_front()
    for point in front["points"]:
        point |= {"accuracy": None, "sqnr_db": None}
    path = tmp_path / "hostile.html"
    path.write_text(page(front))
    browser.open(path)
    browser.value(PRELUDE)
    assert browser.value("typeof hacked") == "undefined"
    assert browser.value("document.title") == f"{HOSTILE[0]}: engines"
    assert browser.value("texts('#layer-bars .name')")[:4] == list(HOSTILE[:4])
    assert browser.value("document.querySelectorAll('script').length") == 2
    assert browser.value("text('#plot-1 .note')").startswith("Nothing to show. Not in this plot: 6,")
    assert set(column(browser, "Accuracy")) == {"not measured"}
    assert browser.faults == []


def test_a_fault_is_seen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "broken.html"
    path.write_text("<script>console.error('no')</script><script>none()</script><img src='https://127.0.0.1:9/x.png'>")
    browser.faults.clear()
    browser.open(path)
    faults = "\n".join(browser.faults)
    assert "'no'" in faults
    assert "none is not defined" in faults
    assert "request of https://127.0.0.1:9/x.png" in faults
