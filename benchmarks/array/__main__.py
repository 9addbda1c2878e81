"""Measure what is not measured yet, and write the results and their page.

Stop it whenever you like: the next run continues.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import places
from benchmarks.array import area, clock, page, results, speed
from benchmarks.array.plan import Task, tasks
from rtl_gen.runner import Runner

RESULTS = places.ROOT / "benchmarks/array/results"
SAVE_EVERY = 300  # seconds
SECTIONS = ("area", "clock", "generation", "simulation")
Line = tuple[int, dict[str, Any]]
"""The number of a task in the plan, and what the results tell of it."""


def main() -> int:
    return places.run(bench, argparse.ArgumentParser(prog="python -m benchmarks.array", description=__doc__))


def bench(args: argparse.Namespace) -> None:
    with places.place(args) as running:
        measure(running, running.alone())


def measure(running: Runner, alone: Runner) -> None:
    """Measure the plan and save it now and then; what is timed is done `alone`, after all else."""
    plan, found, saved = tasks(), dict[int, dict[str, Any]](), time.monotonic()
    for number, line in lines(plan, running, alone):
        found[number] = line
        print(f"{len(found)}/{len(plan)} {plan[number]}", flush=True)
        if time.monotonic() - saved > SAVE_EVERY:
            save(plan, found)
            saved = time.monotonic()
    save(plan, found)


def lines(plan: Sequence[Task], running: Runner, alone: Runner) -> Iterator[Line]:
    """What is measured, as it comes."""
    numbered = {section: [n for n, task in enumerate(plan) if task.section == section] for section in SECTIONS}
    kinds = (
        ("area", area, area.AREA, running),
        ("generation", speed, speed.GENERATION, alone),
        ("simulation", speed, speed.SIMULATION, alone),
    )
    yield from _clocks(plan, numbered["clock"], running)
    for section, module, kind, place in kinds:
        own = [(number, plan[number].design, plan[number].tool) for number in numbered[section]]
        for index, found in place.each(kind, [module.unit(design, tool) for _, design, tool in own]):
            number, design, tool = own[index]
            yield number, module.line(design, tool, found)


def _clocks(plan: Sequence[Task], numbers: Sequence[int], running: Runner) -> Iterator[Line]:
    """The clocks that are measured: each when all seeds of the placer are there."""
    units = [(number, unit) for number in numbers for unit in clock.units(plan[number].design, plan[number].tool)]
    clocks: dict[int, dict[int, Any]] = {number: {} for number in numbers}
    for index, found in running.each(clock.CLOCK, [unit for _, unit in units]):
        number, unit = units[index]
        clocks[number][unit["seed"]] = found
        if len(clocks[number]) == len(clock.SEEDS):
            by_seed = [clocks[number][seed] for seed in clock.SEEDS]
            yield number, clock.line(plan[number].design, plan[number].tool, by_seed)


def save(plan: Sequence[Task], found: dict[int, dict[str, Any]]) -> None:
    """Write the results, in the order of the plan, and their page."""
    sections: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for number in sorted(found):
        sections[plan[number].section].append(found[number])
    content = results.content(sections, len(plan))
    results.write(content, RESULTS / "results.json")
    page.write(content, RESULTS)


if __name__ == "__main__":
    raise SystemExit(main())
