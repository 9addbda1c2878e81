"""Measure what is not measured yet, and write the results and their page.

It measures one thing at a time. Stop it whenever you like: the next run continues.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.array import area, clock, page, results, speed
from benchmarks.array.cache import Cache
from benchmarks.array.plan import Task, tasks

ROOT = Path(__file__).resolve().parents[2]
SAVE_EVERY = 300  # seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.array", description=__doc__)
    parser.add_argument("--cached", action="store_true", help="measure nothing; write the results that are kept")
    kept = Cache(ROOT / "build/bench", measuring=not parser.parse_args().cached)
    sections: dict[str, list[dict[str, Any]]] = defaultdict(list)
    saved, plan = time.monotonic(), tasks()
    for number, task in enumerate(plan, 1):
        said = " ".join(filter(None, (task.section, task.design.label, task.tool)))
        print(f"{number}/{len(plan)} {said}", flush=True)
        if found := measure(kept, task):
            sections[task.section].append(found)
        if time.monotonic() - saved > SAVE_EVERY:
            save(sections, len(plan))
            saved = time.monotonic()
    save(sections, len(plan))
    return 0


def measure(kept: Cache, task: Task) -> dict[str, Any] | None:
    if task.section == "area":
        return area.measure(kept, task.design, task.tool)
    if task.section == "clock":
        return clock.measure(kept, task.design, task.tool)
    if task.section == "generation":
        return speed.generation(kept, task.design)
    return speed.simulation_speed(kept, task.design, task.tool)


def save(sections: dict[str, list[dict[str, Any]]], planned: int) -> None:
    content = results.content(sections, planned)
    results.write(content, ROOT / "benchmarks/array/results/results.json")
    page.write(content, ROOT / "benchmarks/array/results")


if __name__ == "__main__":
    raise SystemExit(main())
