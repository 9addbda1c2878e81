"""Measure what is not measured yet, and write the results and their page.

Stop it whenever you like: the next run continues.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from benchmarks import places
from benchmarks.array.area import AREA
from benchmarks.array.results import write
from benchmarks.networks import cost, cycles, page, results, tiny
from benchmarks.networks.converted import Sources
from benchmarks.networks.plan import RATIOS, SIDES, WIDE, Task, tasks
from hw.engine.config import EngineConfig
from rtl_gen.explore.units import QUANTIZED
from rtl_gen.runner import Runner

RESULTS = tiny.ROOT / "benchmarks/networks/results"
Lines = dict[str, list[dict[str, Any]]]
"""What was measured, by section of the results."""
Engines = dict[int, EngineConfig | None]
"""The engine with an array of each side, if its memories' sizes are known."""


def main() -> int:
    return places.run(bench, argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__))


def bench(args: argparse.Namespace) -> None:
    sources = Sources(files=tiny.find())
    with places.place(args, sources.contents) as running:
        save(measure(running, sources))


def measure(running: Runner, sources: Sources) -> Lines:
    """Everything of the plan that is kept, or that the runner's place does: cycles, then what the engines cost."""
    plan: dict[str, list[Task]] = {section: [] for section in ("cycles", "large", "area", "clock")}
    for task in tasks():
        plan[task.section].append(task)
    found = {"cycles": small(running, plan["cycles"], sources), "large": large(running, plan["large"])}
    engines = {side: engine_for(found["cycles"], side) for side in SIDES}
    return found | {"area": areas(running, plan["area"], engines), "clock": clocks(running, plan["clock"], engines)}


def small(running: Runner, own: Sequence[Task], sources: Sources) -> list[dict[str, Any]]:
    """The cycles of the networks that are converted."""
    made = running.map(QUANTIZED, [sources.unit(task.network, task.ratio, task.side) for task in own])
    known = [(task, result["network"]) for task, result in zip(own, made, strict=True) if result]
    configs = [cycles.engine(task.side, **cycles.LARGEST) for task, _ in known]
    units = [
        {"network": network, "config": config.to_dict()} for (_, network), config in zip(known, configs, strict=True)
    ]
    return _lines(running.map(cycles.CYCLES, units), [task for task, _ in known], configs)


def large(running: Runner, own: Sequence[Task]) -> list[dict[str, Any]]:
    """The cycles of the networks that are made here."""
    configs = [cycles.engine(task.side, **cycles.LARGEST, **(WIDE if task.wide else {})) for task in own]
    units = [
        {"name": task.network, "side": task.side, "config": config.to_dict()}
        for task, config in zip(own, configs, strict=True)
    ]
    return _lines(running.map(cycles.LARGE, units), own, configs)


def _lines(
    made: Sequence[dict[str, Any] | None], own: Sequence[Task], configs: Sequence[EngineConfig]
) -> list[dict[str, Any]]:
    return [
        cycles.line(task.network, task.ratio, config, result)
        for task, config, result in zip(own, configs, made, strict=True)
        if result
    ]


def areas(running: Runner, own: Sequence[Task], engines: Engines) -> list[dict[str, Any]]:
    """The resources of the engines that are known."""
    known = [(config, task.target) for task in own if (config := engines[task.side])]
    made = running.map(AREA, [cost.area_unit(config, target) for config, target in known])
    return [cost.area_line(*pair, result) for pair, result in zip(known, made, strict=True) if result]


def clocks(running: Runner, own: Sequence[Task], engines: Engines) -> list[dict[str, Any]]:
    """The clocks of the engines that are known."""
    known = [config for task in own if (config := engines[task.side])]
    made = running.map(cost.CLOCK, [cost.clock_unit(config) for config in known])
    return [cost.clock_line(config, result) for config, result in zip(known, made, strict=True) if result]


def engine_for(lines: Sequence[dict[str, Any]], side: int) -> EngineConfig | None:
    """The engine whose memories hold each of the networks, at each R that is measured; None until all are known."""
    own = [line for line in lines if line["side"] == side]
    if len(own) < len(tiny.TINY) * len(RATIOS[side]):
        return None
    return cycles.engine(side, **{name: max(line[name] for line in own) for name in cycles.LARGEST})


def save(found: Lines) -> None:
    content = results.content(found, len(tasks()))
    write(content, RESULTS / "results.json")
    page.write(content, RESULTS)


if __name__ == "__main__":
    raise SystemExit(main())
