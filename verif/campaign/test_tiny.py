"""The verdict on whole networks, from what runs may give; `python -m verif.campaign tiny` runs eight networks."""

from typing import Any

import numpy as np
import pytest

from benchmarks.networks.cycles import engine
from rtl_gen.inference import Task, Verdict
from verif.campaign import tiny
from verif.rtl_gen.compiler.networks import random_network


@pytest.fixture(scope="module")
def task() -> Task:
    network = random_network(engine(4), np.random.default_rng(1))
    return Task.of(network, tiny.shared_engine(engine(4), [network]))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({}, (True, 0, 0)),
        ({"mismatches": 2}, (False, 2, 0)),
        ({"astray": 1}, (False, 1, 0)),
        ({"stopped": 1}, (False, 1, 0)),
        ({"late": 3}, (False, 0, 3)),
        ({"images": 1}, (False, 0, 0)),
    ],
)
def test_a_network_is_right_only_with_all_codes_and_cycles(
    task: Task, wrong: dict[str, int], expected: tuple[bool, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(task: Task, simulate: Any, codes: dict[str, Any], stalls: Any, verdict: Verdict) -> None:
        assert [len(images) for images in codes.values()] == [2]
        assert stalls.percent == 0
        verdict.codes = 7
        for name in ("mismatches", "astray", "stopped"):
            setattr(verdict, name, wrong.get(name, 0))
        late = [cycles + (index < wrong.get("late", 0)) for index, cycles in enumerate(task.cycles)]
        verdict.cycles = [task.cycles, late][: wrong.get("images", 2)]

    monkeypatch.setattr(tiny, "run_images", run)
    images = np.zeros((2, *task.network.tensors["in"].shape))
    found = tiny.check("small", task, images, None)  # type: ignore[arg-type]
    assert (found["ok"], found["mismatches"], found["late_layers"]) == expected
    assert (found["codes"], found["layers"], found["cycles"]) == (7, len(task.layers), sum(task.cycles))


def test_an_engine_holds_each_of_its_networks() -> None:
    networks = [random_network(engine(4), np.random.default_rng(seed)) for seed in (1, 2)]
    config = tiny.shared_engine(engine(4), networks)
    for network in networks:
        assert Task.of(network, config).compiled.memory_words <= config.memory_words
    assert config.memory_words == max(Task.of(network, config).compiled.memory_words for network in networks)
