"""Whole networks through the Verilog: MLPerf Tiny's and those of the project's tasks, every code and every cycle.

One engine runs them all, in Verilator; the smallest ones, two of MLPerf Tiny's among them, in Icarus Verilog, too.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import places
from benchmarks.networks import tiny
from benchmarks.networks.converted import FORMAT, Sources, network_of
from benchmarks.networks.cycles import LARGEST, engine
from benchmarks.training.tasks import TASKS
from benchmarks.training.untrained import NETWORKS, export
from hw.engine.config import EngineConfig
from rtl_gen.compile import engine_text
from rtl_gen.compiler.lower import compile_network, sizes_for
from rtl_gen.engine_bench import BenchSizes
from rtl_gen.engine_build import EngineBuild
from rtl_gen.engine_simulator import EngineSimulation, engine_simulation
from rtl_gen.explore.units import QUANTIZED
from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.inference import Task, Verdict, run_images
from rtl_gen.manifest import verilog_name
from rtl_gen.runner import runner
from rtl_gen.testbench import Stalls
from sw_ref.files import digest_of
from sw_ref.network import Network, quantize
from verif.campaign.record import ROOT

COUNT = 1  # inputs of each network
SIDE, RATIO = 8, 0.15
IN_ICARUS = 4
Named = tuple[str, Network, NDArray[Any]]
"""A network with its name and real inputs, (n, *shape)."""


def tiny_networks(count: int) -> Iterator[Named]:
    """MLPerf Tiny's.  Raises :class:`UsageError` if they are absent."""
    sources = Sources(files=tiny.find())
    units = [sources.unit(name, RATIO, SIDE) for name in sources.files]
    with places.kept() as store, runner(store, contents=sources.contents) as running:
        made = running.map(QUANTIZED, units)
    for (name, file), result in zip(sources.files.items(), made, strict=True):
        network = network_of(result)
        yield name, network, tiny.inputs_of(name, file, network.tensors[network.inputs[0]].shape)[:count]


def task_networks(count: int, seed: int) -> Iterator[Named]:
    """Those of the training study, with weights as they are before training: equal codes are the point."""
    for task, name in NETWORKS:
        images = next(TASKS[task].batches(seed, 0))[0].numpy()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.onnx"
            export(TASKS[task].build(name, seed), TASKS[task].example, path)
            made = convert(import_onnx(path), {"x": images}, FORMAT, tile=(SIDE, SIDE), ratio=RATIO)
        yield f"{task} {name}", made.network, images[:count]


def shared_engine(config: EngineConfig, networks: Iterable[Network]) -> EngineConfig:
    """The engine with memories that hold each of the networks."""
    largest = replace(config, **LARGEST)
    return replace(config, **sizes_for(*(compile_network(network, largest) for network in networks)))


@contextmanager
def simulated(tasks: Sequence[Task], text: str, sim: str, images: int) -> Iterator[EngineSimulation]:
    """The tasks' engine, whose Verilog is `text`, in a simulator."""
    config, rooms = tasks[0].config, [task.room(images) for task in tasks]
    room = BenchSizes(
        program_words=max(room.program_words for room in rooms), inputs_words=max(room.inputs_words for room in rooms)
    )
    build = EngineBuild(folder=ROOT, config=config, contents={verilog_name(config): text.encode()})
    with engine_simulation(build, room, sim=sim) as simulate:
        yield simulate


def check(name: str, task: Task, images: NDArray[Any], simulate: EngineSimulation) -> dict[str, Any]:
    """The result of a network: all codes of all tensors that are written, and the cycles of each layer."""
    codes = quantize(task.network, {task.network.inputs[0]: images})
    verdict = Verdict(outputs={output: [] for output in task.network.outputs})
    run_images(task, simulate, codes, Stalls(), verdict)
    late = [int(np.not_equal(image, task.cycles).sum()) for image in verdict.cycles]
    return {
        "network": name,
        "ok": verdict.right and not any(late) and len(late) == len(images),
        "images": len(images),
        "codes": verdict.codes,
        "mismatches": verdict.mismatches + verdict.astray + verdict.stopped,
        "first": str(verdict.first) if verdict.first else None,
        "layers": len(task.layers),
        "late_layers": sum(late),
        "cycles": sum(task.cycles),
    }


def run(count: int, seed: int) -> dict[str, Any]:
    named = [*tiny_networks(count), *task_networks(count, seed)]
    config = shared_engine(engine(SIDE), [network for _, network, _ in named])
    tasks = [Task.of(network, config) for _, network, _ in named]
    cheap = sorted(range(len(named)), key=lambda i: sum(tasks[i].cycles))[:IN_ICARUS]
    text, found = engine_text(config), list[dict[str, Any]]()
    for sim, numbers in (("verilator", range(len(named))), ("icarus", cheap)):
        with simulated([tasks[i] for i in numbers], text, sim, count) as simulate:
            for i in numbers:
                name, _, images = named[i]
                found.append({"sim": sim, **check(name, tasks[i], images, simulate)})
                print(found[-1], flush=True)
    return summary(config, text, found)


def summary(config: EngineConfig, text: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The results as the record has them."""
    sums = {what: sum(entry[what] for entry in found) for what in ("codes", "mismatches", "layers", "late_layers")}
    ok = all(entry["ok"] for entry in found)
    about = {"engine": config.to_dict(), "verilog": digest_of(text.encode())}
    return {"ok": ok, "networks": len({entry["network"] for entry in found}), **sums, **about, "found": found}
