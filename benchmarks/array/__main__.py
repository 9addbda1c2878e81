"""Measure what is not measured yet, and write the results and their page.

Stop it whenever you like: the next run continues.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.array import area, clock, page, results, speed
from benchmarks.array.plan import Task, tasks
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.runner import Here, Nowhere, Runner, add_place_options, check_place, runner, workers_of
from rtl_gen.store import Store

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build/bench"
"""The folder of what was measured before."""
SAVE_EVERY = 300  # seconds
SECTIONS = ("area", "clock", "generation", "simulation")
Line = tuple[int, dict[str, Any]]
"""The number of a task in the plan, and what the results tell of it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.array", description=__doc__)
    add_bench_options(parser)
    args = parser.parse_args()
    try:
        check_place(args)
        with closing(store()) as kept:
            if args.cached:
                measure(Runner(kept, Nowhere()), Runner(kept, Nowhere()))
            else:
                with runner(kept, workers=workers_of(args), scheduler=args.scheduler) as running:
                    measure(running, Runner(kept, Here()))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except CheckError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def add_bench_options(parser: argparse.ArgumentParser) -> None:
    """The options of every bench."""
    parser.add_argument("--cached", action="store_true", help="measure nothing; write the results that are kept")
    add_place_options(parser)


def store() -> Store:
    """What was measured before."""
    KEPT.mkdir(parents=True, exist_ok=True)
    return Store(KEPT / "results.sqlite")


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
    results.write(content, ROOT / "benchmarks/array/results/results.json")
    page.write(content, ROOT / "benchmarks/array/results")


if __name__ == "__main__":
    raise SystemExit(main())
