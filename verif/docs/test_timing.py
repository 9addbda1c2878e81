"""The timing diagrams of the documents are what the hardware does."""

from pathlib import Path

import pytest

from rtl_gen.generate import generate
from rtl_gen.testbench import Stalls
from verif.docs.console import ROOT
from verif.docs.figures import DIAGRAMS
from verif.docs.waveform import CONFIG, STREAMS, Drawing, record


def drawing(tmp_path: Path, stalls: Stalls) -> Drawing:
    return Drawing(record(generate(CONFIG, tmp_path), tmp_path, stalls))


@pytest.mark.parametrize("name", DIAGRAMS)
def test_diagrams_are_what_the_simulator_shows(name: str, tmp_path: Path) -> None:
    svg = drawing(tmp_path, DIAGRAMS[name]).svg()
    assert (ROOT / "docs/images" / name).read_text() == svg, "`make figures` draws it again"


def test_a_beat_moves_every_cycle_and_sums_follow_after_the_latency(tmp_path: Path) -> None:
    free = drawing(tmp_path, Stalls())
    moves = {stream: free.moves(stream) for stream in STREAMS}
    assert moves["tiles"] == list(range(8))
    # The second tile has two words: its activation is held, so the third must wait for a cycle.
    assert moves["acts"] == [0, 1, 3, 4, 5, 7]
    assert moves["sums"] == [3 + CONFIG.latency_cycles, 7 + CONFIG.latency_cycles]


def test_waiting_payloads_hold(tmp_path: Path) -> None:
    stalled = drawing(tmp_path, DIAGRAMS["timing-stalls.svg"])
    waits = 0
    for now, after in zip(stalled.cycles, stalled.cycles[1:], strict=False):
        for stream in STREAMS:
            if now[f"{stream}__valid"] and not now[f"{stream}__ready"]:
                waits += 1
                assert after[f"{stream}__valid"]
                assert after[f"{stream}__payload"] == now[f"{stream}__payload"]
    assert waits >= 3
    assert [len(stalled.moves(stream)) for stream in STREAMS] == [8, 6, 2]
