"""A grid of tasks, methods, ratios and seeds, run by run, with a table and plots; it resumes after any stop."""

import argparse
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.training import bars, plots, table
from benchmarks.training.fit import TrainingError, check_about
from benchmarks.training.options import add_campaign_options
from benchmarks.training.results import Results
from benchmarks.training.run import RESULT, Setting, perform
from benchmarks.training.spec import Run, folder_of
from benchmarks.training.tasks import TASKS
from rtl_gen.runner import check_place, place, workers_of
from rtl_gen.work import Work
from sw_ref.files import write_atomically
from sw_ref.train.methods import METHODS, find_method

COMMAND = ("python", "-m", "benchmarks.training", "campaign")
GRID = ("tasks", "methods", "ratios", "seeds", "first_seed", "epochs", "pretrain_epochs")
MADE_BY = "Made by\n\n```sh\n"
RUNS, FLOATS, TABLE, BARS = "runs", "floats", "table.md", "bars.md"


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """The grid.  `results` gets a line per run, the tables and the plots; `work` checkpoints, models, float networks.

    A method with a ratio of its own (or without words) runs once per seed, all others at every ratio.  The grid is
    done column by column: of the first ratio, then of the next, each method on all seeds of all tasks.  A campaign that
    was stopped has then compared what comes first on every seed.
    """

    results: Path
    work: Path
    tasks: Sequence[str] = tuple(TASKS)
    methods: Sequence[str] = tuple(METHODS)
    ratios: Sequence[float] = (0.15, 0.05)
    seeds: Sequence[int] = tuple(range(5))
    options: dict[str, Any] = field(default_factory=dict)
    """Further fields of every :class:`Run`."""

    def runs(self) -> list[Run]:
        """Every run of the grid, each once; ``ValueError`` for one that cannot be."""
        columns = [
            (name, ratio if own is None else own)
            for number, ratio in enumerate(self.ratios)
            for name in self.methods
            if (own := find_method(name).ratio) is None or number == 0
        ]
        found: dict[str, Run] = {}
        for name, ratio in columns:
            for seed in self.seeds:
                for task in self.tasks:
                    if task not in TASKS:
                        raise ValueError(f"task is {task!r}; allowed: {', '.join(TASKS)}")
                    for network in TASKS[task].networks:
                        fields = {"task": task, "network": network, "method": name, "ratio": ratio, "seed": seed}
                        run = Run(**fields, **self.options)
                        if found.setdefault(run.name, run) != run:
                            other = found[run.name].ratio
                            raise ValueError(f"ratio is {ratio!r}; allowed: what differs from {other!r} in 6 digits")
        return list(found.values())

    @cached_property
    def kept(self) -> Results:
        """The results of the runs that are done."""
        return Results(self.results / RUNS)

    def result(self, run: Run) -> dict[str, Any] | None:
        """The result of a run that is done; ``ValueError`` if the one there is about another run."""
        found = self.kept.find(run)
        if found is not None:
            check_about(self.kept.path(run), found["run"], run.about)
        return found

    def unit(self, run: Run, command: str) -> dict[str, Any]:
        """The arguments that do a run."""
        return {"run": asdict(run), "work": str(self.work), "command": command}

    def keep(self, run: Run, done: dict[str, str]) -> dict[str, Any]:
        """Keep the result of a run that was done.  Raises :class:`TrainingError` if it stopped."""
        if "stopped" in done:
            raise TrainingError(done["stopped"])
        self.kept.add(run, done["line"].encode())
        return json.loads(done["line"])

    def perform(self, run: Run, command: str) -> dict[str, Any]:
        """Do a run in this process, and keep its result."""
        return self.keep(run, trained(**self.unit(run, command)))

    def tables(self, command: str) -> dict[str, str]:
        """The text of both tables by file name, each under the command that makes it; nothing if no run is done."""
        rows = table.rows(self.done())
        head = f"{MADE_BY}{command}\n```\n\n"
        return {TABLE: head + table.markdown(rows), BARS: head + bars.markdown(rows)} if rows else {}

    def done(self) -> list[dict[str, Any]]:
        """The results of the runs that are done, in the order of the grid."""
        return [found for run in self.runs() if (found := self.result(run)) is not None]

    def report(self, command: str) -> None:
        """Write the tables and the plots of the runs that are done."""
        for name, text in self.tables(command).items():
            write_atomically(self.results / name, text.encode())
        results = self.done()
        if results:
            plots.draw(self.results, self.work, table.rows(results), results)


def trained(*, run: dict[str, Any], work: str, command: str) -> dict[str, str]:
    """Do a run, by its fields, in one thread, from where it was stopped if it was begun in the folder `work`.

    `line`: the text of its result, or `stopped`: why there is none.
    """
    torch.set_num_threads(1)
    chosen = Run(**run)
    folder = Path(work) / chosen.name
    try:
        perform(chosen, folder, Setting(floats=Path(work) / FLOATS), resume=folder.is_dir(), command=command)
    except TrainingError as error:
        return {"stopped": str(error)}
    return {"line": (folder / RESULT).read_text()}


TRAINED = Work(function=trained)


def main(argv: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """The command `campaign`."""
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.report and not grid_options(args, parser):
        args = parser.parse_args([*argv, *recorded_options(folder_of("out", args.out))])
    check_place(args)
    campaign = of_arguments(args)
    runs = campaign.runs()
    todo = [run for run in runs if campaign.result(run) is None]
    print(f"{len(runs)} runs, {len(runs) - len(todo)} of them done", flush=True)
    failed = [] if args.report else _perform(campaign, todo, shlex.join([*COMMAND, *argv]), args)
    campaign.report(shlex.join([*COMMAND, "--report", *grid_options(args, parser)]))
    if failed:
        raise TrainingError(f"{len(failed)} of {len(todo)} runs stopped: {'; '.join(failed)}")
    return 0


def of_arguments(args: argparse.Namespace) -> Campaign:
    """The campaign that the command's options describe."""
    if args.seeds < 1:
        raise ValueError(f"seeds is {args.seeds}; allowed: a whole number, 1 or more")
    return Campaign(
        results=folder_of("out", args.out),
        work=folder_of("work", args.work),
        tasks=args.tasks.split(","),
        methods=args.methods.split(","),
        ratios=[_number(text) for text in args.ratios.split(",")],
        seeds=range(args.first_seed, args.first_seed + args.seeds),
        options={"epochs": args.epochs, "pretrain_epochs": args.pretrain_epochs},
    )


def recorded_options(results: Path) -> list[str]:
    """The options that the table in `results` names; none if there is no table, or an older one."""
    path = results / TABLE
    text = path.read_text() if path.exists() else ""
    made = f"{MADE_BY}{shlex.join([*COMMAND, '--report'])}"
    return shlex.split(text.removeprefix(made).split("\n", 1)[0]) if text.startswith(made) else []


def grid_options(args: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """The options that choose other runs than the command does by itself."""
    given = [(name, getattr(args, name)) for name in GRID if getattr(args, name) != parser.get_default(name)]
    return [text for name, value in given for text in (f"--{name.replace('_', '-')}", str(value))]


def _perform(campaign: Campaign, todo: Sequence[Run], command: str, args: argparse.Namespace) -> list[str]:
    """Have the runs done where the options say, a line on each; returns what went wrong with those that stopped."""
    for folder in (campaign.results / RUNS, campaign.work):  # what cannot be kept is not trained
        folder.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    named = {run.name: run for run in todo}
    units = {name: campaign.unit(run, command) for name, run in named.items()}
    with place(workers=workers_of(args), scheduler=args.scheduler) as found:
        for number, (name, done) in enumerate(found.results(TRAINED, units), 1):
            run = named[name]
            try:
                result = campaign.keep(run, done)
                score = result["result"]["test"][run.of_task.primary]
                outcome = f"{score:.2f} {run.of_task.unit}, {result['seconds']:.0f} s"
            except TrainingError as error:
                outcome = str(error)
                failed.append(f"{name}: {error}")
            print(f"{number}/{len(todo)} {name}: {outcome}", flush=True)
    return failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command `campaign`."""
    add_campaign_options(parser, tasks=",".join(TASKS), methods=",".join(METHODS))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"ratio is {text!r}; allowed: a number from 0 to 1") from None
