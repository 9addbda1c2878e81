"""The bench of networks on made-up or small measurements; it runs by ``python -m benchmarks.networks``."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.networks import cycles, page, results, tiny
from benchmarks.networks.__main__ import engine_for, main, small
from benchmarks.networks.converted import Sources, network_of
from benchmarks.networks.large import large_network
from benchmarks.networks.plan import RATIOS, SIDES, Task, tasks
from rtl_gen.explore.units import QUANTIZED, packed
from rtl_gen.inference import Task as Inference
from rtl_gen.runner import Here, Nowhere, Runner, runner
from rtl_gen.store import Store
from verif.rtl_gen.compiler.networks import random_network

RECORDED = tiny.ROOT / "benchmarks/networks/results"


def line(network: str, **values: Any) -> dict[str, Any]:
    """A made-up measurement of a network on the 8 x 8 engine."""
    base = {"side": 8, "ratio": 0.15, "requant_lanes": 4, "bus_bits": 32, "macs": 64_000, "beats": 1_000}
    more = {"cycles": 1_090, "inputs": 40, "outputs": 20, "program_words": 1_060, "utilisation": 0.9174}
    return {"network": network, **base, **more, "memory_words": 100, "group_beats": 16, **values}


def test_the_plan_has_every_network_and_engine_once() -> None:
    plan = tasks()
    assert len(plan) == len(set(plan))
    assert [task for task in plan if task.section == "cycles"] == [
        Task("cycles", side, name, ratio) for side, ratios in RATIOS.items() for ratio in ratios for name in tiny.TINY
    ]
    assert {0.0, 0.15, 1.0} == set(RATIOS[8])
    assert {task.side for task in plan if task.section == "clock"} == set(SIDES) == {4, 8, 16}
    assert {(task.side, task.target) for task in plan if task.section == "area"} >= {(8, "xilinx"), (8, "ecp5")}


def test_absent_networks_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(tiny.VARIABLE, str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["networks"])
    (tmp_path / "resnet8.onnx").touch()
    assert main() == 2
    said = capsys.readouterr().err
    absent = "anomaly_detection.onnx, keyword_spotting.onnx, visual_wake_words.onnx"
    assert said.startswith(f"error: {tiny.VARIABLE} is {tmp_path}, which lacks {absent}; allowed: ")


def test_inputs_come_from_the_file_beside_the_network_or_are_random(tmp_path: Path) -> None:
    file = tmp_path / "resnet8.onnx"
    random = tiny.inputs_of("resnet8", file, (3, 32, 32), 2)
    assert random.shape == (2, 3, 32, 32)
    assert 200 < random.max() < 255
    assert np.array_equal(random, tiny.inputs_of("resnet8", file, (3, 32, 32), 2))
    stored = np.arange(40, dtype=np.float32).reshape(4, 10)
    np.savez(tmp_path / tiny.DATA, anomaly_detection=stored)
    assert np.array_equal(tiny.inputs_of("anomaly_detection", file, (10, 1, 1), 3)[:, :, 0, 0], stored[:3])
    assert np.array_equal(tiny.inputs_of("resnet8", file, (3, 32, 32), 2), random)


@pytest.mark.parametrize(
    ("values", "counted", "holds"),
    [
        ({"network": "resnet8"}, 1_030, True),  # 1,090 less 40 and 20, of 1,000 beats: exactly 1.03
        ({"network": "resnet8", "cycles": 1_091}, 1_031, False),
        ({"network": "visual_wake_words", "cycles": 1_121}, 1_061, False),
        ({"network": "anomaly_detection", "cycles": 1_111}, 1_091, True),  # of 1,060 words of the program: 1.0292
        ({"network": "anomaly_detection", "cycles": 1_112}, 1_092, False),
        ({"network": "keyword_spotting", "ratio": 0.0, "beats": 80_000, "cycles": 77_456}, 77_396, True),
        ({"network": "keyword_spotting", "ratio": 0.0, "beats": 80_000, "cycles": 77_457}, 77_397, False),
    ],
)
def test_a_bar_holds_up_to_its_limit(values: dict[str, Any], counted: int, holds: bool) -> None:
    bar = results.bar(line(**values))
    assert (bar["cycles"], bar["holds"]) == (counted, holds)


def test_cycles_are_those_of_an_inference() -> None:
    config = cycles.engine(4, **cycles.LARGEST)
    network = random_network(config, np.random.default_rng(1))
    inference = Inference.of(network, config)
    found = cycles.predicted(network=packed(network), config=config.to_dict())
    assert found["cycles"] == sum(inference.cycles)
    names = [layer.name for layer in inference.layers]
    assert found["inputs"] + found["outputs"] == inference.layers[names.index("input in")].cycles + sum(
        layer.cycles for layer in inference.layers if layer.name.startswith("output")
    )
    assert found["beats"] == sum(layer.beats for layer in inference.layers if layer.name.startswith("conv"))
    assert found["program_words"] == len(inference.program)


def test_a_network_is_converted_and_compiled_once(tmp_path: Path) -> None:
    file = tmp_path / "resnet8.onnx"
    file.write_bytes(small_onnx((3, 4, 4)))
    sources, store = Sources(files={"resnet8": file}), Store(tmp_path / "results.sqlite")
    own = [Task("cycles", 4, "resnet8", ratio) for ratio in (0.0, 1.0)]
    with runner(store, contents=sources.contents) as running:
        found = small(running, own, sources)
    assert running.done == 4
    assert [(line["network"], line["ratio"], line["side"]) for line in found] == [
        ("resnet8", 0.0, 4),
        ("resnet8", 1.0, 4),
    ]
    assert found[1]["beats"] == 2 * found[0]["beats"] > 0
    again = Runner(store, Here())
    assert small(again, own, sources) == found
    assert again.done == 0
    assert small(Runner(store, Nowhere()), [*own, Task("cycles", 4, "resnet8", 0.5)], sources) == found
    (made,) = again.map(QUANTIZED, [sources.unit("resnet8", 0.0, 4)])
    assert network_of(made).tile == (4, 4)
    store.close()


def small_onnx(shape: tuple[int, ...]) -> bytes:
    weights = numpy_helper.from_array(np.random.default_rng(1).normal(size=(5, shape[0], 3, 3)).astype(np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "net", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def test_an_engine_is_known_when_all_its_networks_are() -> None:
    sized = [line("resnet8", side=16, memory_words=words) for words in (20, 400, 30, 40)]
    assert engine_for([*sized[:3], line("resnet8", side=8)], 16) is None
    config = engine_for(sized, 16)
    assert config is not None
    assert (config.memory_words, config.group_beats, config.array.size) == (400, 16, "16 x 16 array")


@pytest.mark.parametrize(("name", "parameters"), [("resnet18", 11_684_712), ("mobilenet_v2", 3_487_816)])
def test_large_networks_have_their_parameters(name: str, parameters: int) -> None:
    """Those that are published, but for batch norms (two a channel), whose place a bias takes."""
    network = large_network(name, 16)
    layers = [node for node in network.nodes if node.weights and node.requantizer]
    assert sum(node.weights.word1.size + node.requantizer.bias.size for node in layers) == parameters  # type: ignore[union-attr]
    assert network.tensors[network.outputs[0]].shape == (1000, 1, 1)
    assert not any(node.weights.word2.any() for node in layers)  # type: ignore[union-attr]


def test_the_page_is_written_from_the_results_alone(tmp_path: Path) -> None:
    sections = {
        "cycles": [line("resnet8"), line("resnet8", ratio=0.0), line("anomaly_detection", cycles=1_112)],
        "area": [{"side": 8, "target": target, "luts": 2_000, "memory_luts": 12} for target in ("xilinx", "ecp5")],
        "clock": [{"side": 8, "device": "25k", "mhz": 109.0}],
        "large": [line("resnet18", side=16, macs=1_800_000_000)],
    }
    content = results.content(sections, planned=9)
    page.write(json.loads(json.dumps(content)), tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "7 of 9 measurements" in text
    assert "| ResNet-8 | 0.06 M | 1,090 | 92% | 100,000 | 50,000.0 |" in text
    assert "| ResNet-8, 8 x 8, R = 15% | 1,030 | 1,000 beats | 1.0300 |  | 1.03 | pass |" in text
    assert "| anomaly detection, 8 x 8, R = 15% | 1,092 | 1,060 program words | 1.0302 |  | 1.03 | **fail** |" in text
    assert "| 8 x 8 | 2,000 + 12 |  | 2,000 + 12 | 109.0 | 25k |" in text
    assert "| resnet18, 4 requantizer lanes, 32-bit bus | 1,800 M | 1,090 |" in text


def test_recorded_results_are_those_of_the_page_and_hold_their_bars() -> None:
    content = json.loads((RECORDED / "results.json").read_text())
    page_text = (RECORDED / "README.md").read_text()
    assert [results.bar(entry) for entry in content["cycles"]] == content["bars"]
    assert {(bar["network"], bar["side"], bar["ratio"]) for bar in content["bars"] if bar["side"] == 8} == {
        (name, 8, ratio) for name in tiny.TINY for ratio in RATIOS[8]
    }
    assert all(bar["holds"] for bar in content["bars"] if bar["side"] in (4, 8))
    assert len(re.findall(r"\| pass \|$", page_text, re.M)) == len([b for b in content["bars"] if b["side"] in (4, 8)])
