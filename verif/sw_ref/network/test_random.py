"""Random networks: the golden, a program written from docs/network.md alone, and the file agree on every tensor."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sw_ref.format import StlqFormat
from sw_ref.network import OPERATORS, execute, load_network, save_network
from verif.sw_ref.network.naive import NaiveNetwork
from verif.sw_ref.network.random_network import UNSIGNED, random_inputs, random_network

FORMATS = [
    UNSIGNED,
    StlqFormat(bits=2, act_bits=2, act_signed=False, residual_shift=0),
    StlqFormat(bits=4, act_bits=5, act_signed=False, residual_shift=1),
    StlqFormat(bits=5, act_bits=16, act_signed=False, residual_shift=4),
]


def check(path: Path, seed: int, **options: object) -> Counter[str]:
    """Compare every tensor of three images; returns how often each operator was met."""
    network = random_network(seed, **options)  # type: ignore[arg-type]
    save_network(path, network)
    inputs = random_inputs(network, 3, seed)
    found = execute(network, inputs, keep=network.tensors)
    again = execute(load_network(path), inputs, keep=network.tensors)
    naive = NaiveNetwork(path)
    for image in range(3):
        expected = naive.run({name: codes[image].tolist() for name, codes in inputs.items()})
        assert set(expected) == set(found)
        for name, codes in expected.items():
            assert found[name][image].tolist() == codes, f"seed {seed}, image {image}, tensor {name}"
            assert (again[name] == found[name]).all()
    return Counter(node.op for node in network.nodes)


@pytest.mark.parametrize("op", OPERATORS)
def test_each_operator_equals_the_outside_program(tmp_path: Path, op: str) -> None:
    met = sum((check(tmp_path / "n", seed, nodes=3, ops=[op], codes_max=250) for seed in range(4)), Counter())
    assert met[op] >= 12


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_networks_of_all_operators_equal_the_outside_program(tmp_path: Path, fmt: StlqFormat) -> None:
    met = sum((check(tmp_path / "n", seed, fmt=fmt, nodes=10, codes_max=250) for seed in range(6)), Counter())
    assert len(met) >= 10


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_network(tmp_path / name, random_network(5))
    save_network(tmp_path / "c", load_network(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_codes_of_random_networks_are_not_all_clipped() -> None:
    """A network whose codes are all 0 or 255 would compare nothing."""
    inner = total = 0
    for seed in range(20):
        network = random_network(seed)
        found = execute(network, random_inputs(network, 4, seed), keep=[node.output for node in network.nodes])
        codes = np.concatenate([array.ravel() for array in found.values()])
        inner += np.count_nonzero((codes > 0) & (codes < 255))
        total += codes.size
    assert inner > 0.5 * total
