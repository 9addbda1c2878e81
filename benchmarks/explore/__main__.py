"""Explore engines for keyword spotting, measure random ones beside them, and write what each found.

Stop it whenever you like: the next run continues.
"""

import argparse
from itertools import count

from benchmarks import places
from benchmarks.array.results import write
from benchmarks.explore import page, results
from benchmarks.networks import tiny
from rtl_gen.explore.command import add_arguments, task_of
from rtl_gen.explore.exploration import Exploration, Task
from rtl_gen.explore.space import space_of
from rtl_gen.explore.suggest import random_choices
from rtl_gen.runner import Runner

FOLDER = tiny.ROOT / "benchmarks/explore/results"
OPTIONS = ("--target", "ecp5", "--device", "25k")
SEED = 1001
"""Of the points that are drawn."""


def main() -> int:
    return places.run(bench, argparse.ArgumentParser(prog=results.COMMAND, description=__doc__))


def bench(args: argparse.Namespace) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(
        [str(tiny.find("keyword_spotting")["keyword_spotting"]), *OPTIONS, "--out", str(FOLDER)]
    )
    task, contents = task_of(options, space_of(options))
    with places.place(args, contents) as running:
        found = results.content(searched(task, running), drawn(task, running))
    write(found, FOLDER / "results.json")
    page.write(found, FOLDER)


def searched(task: Task, running: Runner) -> Exploration:
    """The search, as the command makes it."""
    exploration = Exploration(task=task, runner=running)
    for line in exploration.rounds():
        print(line, flush=True)
    return exploration


def drawn(task: Task, running: Runner) -> Exploration:
    """So many points that an engine runs and that fit the device, each as likely as any other; all are measured."""
    exploration = Exploration(task=task, runner=running)
    for tried in count(results.DRAWN):
        exploration.sample(random_choices(task.space, tried, SEED))
        print(f"{tried} points drawn, {len(exploration.points)} measured", flush=True)
        if len(exploration.points) == results.DRAWN:
            break
    return exploration


if __name__ == "__main__":
    raise SystemExit(main())
