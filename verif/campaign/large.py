"""ResNet-18 for pictures of 224 x 224 through the Verilog of a 16 x 16 engine, every code and every cycle."""

from typing import Any

import numpy as np

from benchmarks.networks.cycles import engine
from benchmarks.networks.large import large_network
from benchmarks.networks.plan import LARGE_SIDE, WIDE
from rtl_gen.compile import engine_text
from rtl_gen.inference import Task
from verif.campaign.tiny import check, shared_engine, simulated, summary

COUNT = 1  # inputs
NAME = "resnet18"


def run(count: int, seed: int) -> dict[str, Any]:
    network = large_network(NAME, LARGE_SIDE, seed)
    config = shared_engine(engine(LARGE_SIDE, **WIDE), [network])
    task, text = Task.of(network, config), engine_text(config)
    shape = (count, *network.tensors[network.inputs[0]].shape)
    images = np.random.default_rng(seed).integers(-128, 128, shape)
    with simulated([task], text, "verilator", count) as simulate:
        found = [{"sim": "verilator", **check(NAME, task, images, simulate)}]
    useful = sum(layer.macs for layer in task.layers) / (sum(task.cycles) * config.array.macs_per_cycle)
    return {**summary(config, text, found), "utilisation": round(useful, 4)}
