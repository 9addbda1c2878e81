"""A few damaged files of every kind; `python -m verif.campaign fuzz` tries tens of thousands."""

import time
from pathlib import Path

import numpy as np
import pytest

from verif.campaign import fuzz
from verif.campaign.damage import damaged

COUNT = 30


def test_damaged_files_are_refused_in_one_line_or_read(seed: int) -> None:
    result = fuzz.run(COUNT, seed)
    assert result["ok"], result
    assert [entry["kind"] for entry in result["found"]] == list(fuzz.KINDS)
    for entry in result["found"]:
        assert entry["accepted"] + entry["refused"] == COUNT
        assert entry["refused"] > COUNT // 2


def crash(kind: str, path: Path) -> None:
    raise KeyError(kind)


def hang(kind: str, path: Path) -> None:
    try:
        time.sleep(60)
    except Exception:
        return


def ramble(kind: str, path: Path) -> str:
    return "damaged:\nhere and there"


@pytest.mark.parametrize(
    ("reader", "finding"), [(crash, "KeyError: 'npy'"), (hang, "HangError: more than"), (ramble, "unclear: ")]
)
def test_a_bad_reader_is_found_out(reader, finding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    found = fuzz.try_kind("npy", 1, 1, reader=reader, prepare=fuzz.watch)
    assert [entry["found"].startswith(finding) for entry in found["findings"]] == [True]


def test_the_same_seed_damages_in_the_same_way() -> None:
    whole = bytes(range(200))
    one, same, other = (damaged(whole, np.random.default_rng([seed, 7])) for seed in (1, 1, 2))
    assert one == same
    assert one not in (whole, other)
