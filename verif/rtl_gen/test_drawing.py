"""Pictures: any name can be drawn, and the same figure gives the same bytes."""

import re
import warnings

import pytest
from matplotlib.figure import Figure

from rtl_gen.drawing import label, saved

SHOWN = {
    "conv.1": "conv.1",
    "$a_$": "$a_$",
    r"a$\foo$": r"a$\foo$",
    r"\$x$": r"\$x$",
    "$": "$",
    "tab\there": r"tab\there",
    "nul\0": r"nul\x00",
    "\u5377\u7a4d": "\u5377\u7a4d",
    "long" * 5000: f"...g{'long' * 9}",
}


def figure_of_names() -> Figure:
    figure = Figure(layout="constrained")
    figure.add_subplot().set_yticks(range(len(SHOWN)), [label(name) for name in SHOWN])
    return figure


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_any_name_can_be_drawn_without_a_warning(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = [saved(figure_of_names(), kind, "salt") for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_a_name_is_drawn_as_it_is_or_so_that_it_can_be_read() -> None:
    drawn = saved(figure_of_names(), "svg", "salt").decode()
    # Each text is a comment beside its outlines.
    assert re.findall("<!-- (.*) -->", drawn)[-len(SHOWN) :] == list(SHOWN.values())
