"""Depthwise layers through an engine with a window: every code of every tensor, and every cycle."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hw.engine.columns import Columns
from hw.engine.config import EngineConfig
from hw.engine.encoding import Error
from hw.engine.engine import Engine
from hw.engine.verilog import engine_verilog
from verif.hw.engine.test_engine import CONFIG as PLAIN
from verif.hw.engine.test_engine import infer, late
from verif.hw.faults import driven
from verif.rtl_gen.compiler.networks import depthwise_network

CONFIG = replace(PLAIN, depthwise=True)
SLOW = replace(CONFIG, memory_ports=1, requant_lanes=1, array=replace(CONFIG.array, pipeline=4, choices=1))
WINDOWS = [(1, 0), (1, 1), (1, 0)]
"""Of each depthwise layer: whether it has a window; whether every other column has sums."""
FAULTS = {
    "sums in all columns": driven(Columns, "whole", lambda was, at: 1),
    "a window that begins a word late": driven(Engine, "windowed_7", lambda was, at: at.windowed_7 & was),
}

verilog = cache(engine_verilog)


@pytest.mark.parametrize(
    ("config", "stalls", "windows"),
    # With one lane, what is added takes the requantizer longer than nine beats: a window would not save anything.
    [(CONFIG, 0, WINDOWS), (CONFIG, 30, WINDOWS), (SLOW, 0, [(0, 0), *WINDOWS[1:]])],
    ids=["default", "stalls", "slow"],
)
def test_every_tensor_and_every_cycle(
    tmp_path: Path, config: EngineConfig, stalls: int, windows: list[tuple[int, int]]
) -> None:
    rng = np.random.default_rng(1)
    network = depthwise_network(config, rng)
    jobs, _, result, wrong = infer(verilog(config), tmp_path, network, rng, config, stalls=stalls)
    assert [(job.fields["window"], job.fields["pairs"]) for job in jobs if job.layer[-1] in "bcd"] == windows
    assert wrong == 0
    assert result.stopped == 0
    assert [error for _, error in result.ends] == [Error.NONE]
    assert stalls or not late(result, jobs, config)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_engine_is_rejected(tmp_path: Path, name: str) -> None:
    with FAULTS[name].planted():
        broken = engine_verilog(CONFIG)
    assert broken != verilog(CONFIG)
    rng = np.random.default_rng(1)
    try:
        jobs, _, result, wrong = infer(broken, tmp_path, depthwise_network(CONFIG, rng), rng, CONFIG)
    except ValueError:
        return  # the run does not end, or writes what is undefined
    assert wrong > 0 or late(result, jobs, CONFIG)
