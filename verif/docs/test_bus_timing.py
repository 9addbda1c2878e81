"""The timing diagrams of runs on a bus are what the hardware does."""

from collections.abc import Sequence

import pytest

from hw.bus.config import Bus
from verif.docs.bus_waveform import Cycle, draw_run, record_run
from verif.docs.console import ROOT
from verif.docs.figures import RUNS

LAST_ANSWER = {Bus.WISHBONE: "memory ack", Bus.AXI: "memory B"}


@pytest.fixture(scope="module")
def runs() -> dict[Bus, list[Cycle]]:
    return {bus: record_run(bus) for bus in Bus}


def taken(cycles: Sequence[Cycle], row: str) -> list[int]:
    """The cycles in which something is transferred."""
    return [at for at, cycle in enumerate(cycles) if (offer := cycle[row]) is not None and offer.taken]


@pytest.mark.parametrize("name", RUNS)
def test_diagrams_are_what_the_simulator_shows(runs: dict[Bus, list[Cycle]], name: str) -> None:
    assert (ROOT / "docs/images" / name).read_text() == draw_run(runs[RUNS[name]]), "`make figures` draws it again"


@pytest.mark.parametrize(("bus", "requests", "answers"), [(Bus.WISHBONE, 10, 10), (Bus.AXI, 3, 8)])
def test_all_is_asked_for_once_and_the_interrupt_comes_last(
    runs: dict[Bus, list[Cycle]], bus: Bus, requests: int, answers: int
) -> None:
    """Eight words are read and two written; on AXI in bursts that end at multiples of four words."""
    cycles, wishbone = runs[bus], bus is Bus.WISHBONE
    assert len(taken(cycles, "memory stb" if wishbone else "memory AR")) == requests
    assert len(taken(cycles, "memory ack" if wishbone else "memory R")) == answers
    assert taken(cycles, "irq") == [len(cycles) - 1]
    assert taken(cycles, LAST_ANSWER[bus])[-1] < len(cycles) - 1
