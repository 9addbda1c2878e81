"""A few random networks on one random engine; `python -m verif.campaign networks` runs hundreds."""

from dataclasses import replace

import numpy as np
import pytest

from rtl_gen.compile import engine_text
from rtl_gen.compiler.lower import sizes_for
from rtl_gen.engine_build import EngineBuild
from rtl_gen.engine_simulator import engine_simulation
from rtl_gen.inference import Task
from rtl_gen.manifest import verilog_name
from verif.campaign import depthwise, networks
from verif.campaign.record import ROOT
from verif.sw_ref.network.random_network import random_network

ENGINE = [1, 6]
"""Whose engine has 6 x 6 lanes in a pipeline of full depth, and a wide bus."""
SEED = 1428180820
"""Of a network in which a job starts late: the stages behind the array still have the one before the last one."""


@pytest.fixture(scope="module")
def task() -> Task:
    config = networks.random_engine(np.random.default_rng(ENGINE))
    network = random_network(SEED, fmt=config.array.format, tile=config.array.tile, nodes=2, codes_max=500)
    return Task.of(network, replace(config, **sizes_for(Task.of(network, config).compiled)))


def test_the_verdict_is_right_and_finds_what_is_wrong(task: Task) -> None:
    config = task.config
    build = EngineBuild(folder=ROOT, config=config, contents={verilog_name(config): engine_text(config).encode()})
    with engine_simulation(build, task.room(networks.IMAGES), sim="icarus") as simulate:
        found = networks.check(task, SEED, simulate)
        assert found["ok"], found
        assert (found["mismatches"], found["late_images"]) == (0, 0)
        assert found["codes"] > 1000
        # Another prediction is refused.
        first, *others = task.layers
        late = networks.check(replace(task, layers=[replace(first, cycles=first.cycles + 1), *others]), SEED, simulate)
        assert (late["ok"], late["mismatches"], late["late_images"]) == (False, 0, networks.IMAGES)


def test_engines_differ_and_the_same_seed_gives_the_same() -> None:
    drawn = [networks.random_engine(np.random.default_rng([1, number])) for number in range(40)]
    assert drawn[3] == networks.random_engine(np.random.default_rng([1, 3]))
    assert {config.array.pe for config in drawn} >= {1, 2, 3, 4, 5, 6, 8}
    assert {config.bus_bits for config in drawn} == {16, 32, 64, 128, 256, 512}
    assert {config.requant_lanes for config in drawn} >= {1, 2, 4}
    assert {config.tables for config in drawn} == {False, True}
    assert {config.memory_ports for config in drawn} == {1, 2}


def test_engines_with_a_window_are_large_enough_for_one() -> None:
    drawn = [depthwise.windowed_engine(np.random.default_rng([1, number])) for number in range(40)]
    assert all(config.depthwise for config in drawn)
    assert {config.array.pe for config in drawn} == {3, 4, 5, 6, 8}
