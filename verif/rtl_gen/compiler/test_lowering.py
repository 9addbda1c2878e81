"""Programs mean what the network says: random networks through an interpreter of programs, against the golden."""

from typing import Any

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.compiler.lower import Compiled, check_fit, compile_network
from rtl_gen.compiler.program import encode
from rtl_gen.compiler.writes import expected_writes
from sw_ref.format import StlqFormat
from sw_ref.network import Network, execute
from verif.rtl_gen.compiler.interpreter import Machine
from verif.sw_ref.network.random_network import random_inputs, random_network


def engine(pe: int, **options: Any) -> EngineConfig:
    array = ArrayConfig(format=StlqFormat(act_signed=False, **options), pe=pe, lanes=pe)
    return EngineConfig(array=array, requant_lanes=2, memory_words=1 << 14, group_beats=1 << 12, tables=True)


def check(config: EngineConfig, network: Network, seed: int) -> Compiled:
    """Three images: every output, and every word of every tensor that is written on the way."""
    compiled = compile_network(network, config)
    check_fit(compiled, config)
    words = encode(config, compiled.jobs)
    acts = random_inputs(network, 3, seed)
    golden = execute(network, acts, keep=network.tensors)
    for image in range(3):
        codes = [code for name in network.inputs for code in acts[name][image].reshape(-1).tolist()]
        garbage = np.random.default_rng(image).integers(0, 256, (config.memory_words, config.array.lanes))
        machine = Machine(config, garbage, codes)
        machine.run(words)
        assert not machine.inputs
        assert machine.outputs == [c for name in network.outputs for c in golden[name][image].reshape(-1).tolist()]
        compare_writes(compiled, network, {name: codes[image] for name, codes in golden.items()}, machine)
    return compiled


def compare_writes(compiled: Compiled, network: Network, golden: dict[str, Any], machine: Machine) -> None:
    """The compiler's list of writes is what the machine did, and each code is written by one of them."""
    seen = {name: np.zeros(codes.size, int) for name, codes in golden.items()}
    for (addresses, words), writes in zip(machine.written, expected_writes(compiled), strict=True):
        assert addresses.tolist() == writes.addresses.tolist()
        known = writes.codes >= 0
        if writes.tensor is None:
            assert (words == writes.fill).all()
        else:
            assert np.array_equal(words[known], golden[writes.tensor].reshape(-1)[writes.codes[known]])
            np.add.at(seen[writes.tensor], writes.codes[known], 1)
    moved = {node.output for node in network.nodes if node.op in ("concat", "slice", "permute", "flatten")}
    assert all(seen[name].min() >= 1 for name in network.tensors if name not in moved)


@pytest.mark.parametrize("pe", [4, 8])
def test_random_networks(pe: int) -> None:
    config = engine(pe)
    for seed in range(100 * pe, 100 * pe + 12):
        print(f"seed {seed}")
        network = random_network(seed, fmt=config.array.format, tile=config.array.tile)
        check(config, network, seed)
