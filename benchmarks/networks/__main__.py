"""Measure what is not measured yet, and write the results and their page.

It measures one thing at a time. Stop it whenever you like: the next run continues.
"""

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.array.cache import Cache
from benchmarks.array.results import write
from benchmarks.networks import cost, cycles, page, results, tiny
from benchmarks.networks.converted import KEPT, Converter
from benchmarks.networks.large import large_network
from benchmarks.networks.plan import RATIOS, WIDE, Task, tasks
from rtl_gen.errors import UsageError
from rtl_gen.work import digest_of_sources

RESULTS = tiny.ROOT / "benchmarks/networks/results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    parser.add_argument("--cached", action="store_true", help="measure nothing; write the results that are kept")
    args = parser.parse_args()
    try:
        files = tiny.find()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measuring = not args.cached
    converter = Converter(folder=KEPT / "networks", measuring=measuring)
    bench = Bench(kept=Cache(KEPT, measuring=measuring), converter=converter, files=files)
    for number, task in enumerate(tasks(), 1):
        print(f"{number}/{len(tasks())} {task}", flush=True)
        bench.run(task)
    content = results.content(bench.sections, len(tasks()))
    write(content, RESULTS / "results.json")
    page.write(content, RESULTS)
    return 0


@dataclass(kw_only=True)
class Bench:
    """What was measured: in `kept`, by what it depends on, and in this run's `sections`."""

    kept: Cache
    converter: Converter
    files: dict[str, Path]
    sections: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def run(self, task: Task) -> None:
        """Add a measurement to its section, unless it is not kept, and nothing is to be measured."""
        found = self._network(task) if task.network else self._engine(task)
        if found is not None:
            self.sections[task.section].append(found)

    def _network(self, task: Task) -> dict[str, Any] | None:
        if task.section == "large":
            network = large_network(task.network, task.side)
            made = network, f"{task.network} {digest_of_sources('benchmarks/networks/large.py')}"
        else:
            made = self.converter.tiny(task.network, self.files[task.network], task.ratio, task.side)
        config = cycles.engine(task.side, **cycles.LARGEST, **(WIDE if task.wide else {}))
        found = made and cycles.measure(self.kept, made, config)
        return found and {"network": task.network, "ratio": task.ratio, **found}

    def _engine(self, task: Task) -> dict[str, Any] | None:
        """What an engine costs whose memories hold each of the networks, at each R that is measured."""
        own = [line for line in self.sections["cycles"] if line["side"] == task.side]
        if len(own) < len(tiny.TINY) * len(RATIOS[task.side]):
            return None
        sizes = {name: max(line[name] for line in own) for name in cycles.LARGEST}
        config = cycles.engine(task.side, **sizes)
        if task.section == "clock":
            return cost.clock(self.kept, config)
        return cost.area(self.kept, config, task.target)


if __name__ == "__main__":
    raise SystemExit(main())
