"""Results of runs as a table: mean and spread over seeds, and differences to R = 100% seed by seed."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.training.tasks import TASKS
from sw_ref.train.methods import find_method

REFERENCE, UNIT_CYCLES = "two-word", "one-word"
"""The method that differences are taken to (R = 100%), and the one whose cycles count as 1."""

OURS = ("stlq", "stlq-cycles", "stlq-cycles-reorder", "stlq-cycles+anneal=outside")
BASELINES = ("two-word", "stlq", "filter-threshold", "no-v", "one-word", "lsq3", "apot3")
"""The methods that must hold their own, and those that they are compared with, seed by seed."""

LEGEND = """Each network has two tables. The first one has the mean score of each method over seeds, and its spread.
Its last columns have the difference to R = 100%, seed by seed. Cycles are relative to one word everywhere.
The second one has what our methods (columns) gain on each baseline, with standard error and number of seeds.
"""

Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A method at one ratio on one network.  `scores`: of the primary metric on the test split, by seed.

    `differences`: to the reference, for the seeds that both have.  `cycles`: as a multiple of those with one word
    everywhere, None as long as that method has not run.
    """

    task: str
    network: str
    method: str
    ratio: float
    scores: dict[int, float]
    differences: list[float]
    cycles: float | None

    @property
    def label(self) -> str:
        return label(self.method, self.ratio)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.scores.values())


def label(method: str, ratio: float) -> str:
    """A method as tables and plots name it: with the ratio, unless that is the method's own."""
    return method if find_method(method).ratio is not None else f"{method} {ratio * 100:g}%"


def rows(results: Iterable[Result]) -> list[Row]:
    """A row for each (task, network, method, ratio), in the order in which they first appear."""
    groups: dict[tuple[Any, ...], dict[int, Result]] = defaultdict(dict)
    for result in results:
        run = result["run"]
        groups[run["task"], run["network"], run["method"], run["ratio"]][run["seed"]] = result
    found = []
    for (task, network, method, ratio), by_seed in groups.items():
        reference = _scores(task, groups.get((task, network, REFERENCE, 1.0), {}))
        unit = _cycles(groups.get((task, network, UNIT_CYCLES, 0.0), {}))
        scores = _scores(task, by_seed)
        row = Row(
            task=task,
            network=network,
            method=method,
            ratio=ratio,
            scores=scores,
            differences=[scores[seed] - reference[seed] for seed in scores if seed in reference],
            cycles=_cycles(by_seed) / unit if unit else None,
        )
        found.append(row)
    return found


def _scores(task: str, by_seed: dict[int, Result]) -> dict[int, float]:
    return {seed: result["result"]["test"][TASKS[task].primary] for seed, result in sorted(by_seed.items())}


def _cycles(by_seed: dict[int, Result]) -> float:
    return statistics.fmean(result["cycles"] for result in by_seed.values()) if by_seed else 0.0


def spread(values: Sequence[float]) -> float:
    """The sample's standard deviation; NaN for fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 else math.nan


def standard_error(values: Sequence[float]) -> float:
    """Of the mean; NaN for fewer than two values."""
    return spread(values) / math.sqrt(len(values)) if values else math.nan


def paired(row: Row, other: Row) -> list[float]:
    """The score of `row` less that of `other`, for each seed that both have."""
    return [score - other.scores[seed] for seed, score in row.scores.items() if seed in other.scores]


def by_network(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each (task, network), in the order in which they first appear."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.task, row.network), []).append(row)
    return found


def markdown(rows: Sequence[Row]) -> str:
    """How to read it, and two tables per network: all methods, and what ours gain on their baselines."""
    parts = [LEGEND]
    for (task, network), own in by_network(rows).items():
        measure = f"{TASKS[task].primary} ({TASKS[task].unit})"
        lines = [
            f"### {task}, {network}: test {measure}\n",
            "| method | cycles, one word: 1 | seeds | mean | standard deviation | less R = 100% | its standard error |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in own]
        parts.append("\n".join([*lines, *_gains(own)]) + "\n")
    return "\n".join(parts)


def _gains(rows: Sequence[Row]) -> list[str]:
    """Lines of a table: what our methods (columns) gain on each baseline, seed by seed, at the same ratio."""
    ours = [row for row in rows if row.method in OURS]
    if not ours:
        return []
    lines = ["", f"| less | {' | '.join(row.label for row in ours)} |", "|---" * (len(ours) + 1) + "|"]
    for name in BASELINES:
        baselines = [row for row in rows if row.method == name]
        fixed = find_method(name).ratio is not None
        cells = [
            next(
                (
                    gain(paired(row, baseline))
                    for baseline in baselines
                    if baseline != row and (fixed or baseline.ratio == row.ratio)
                ),
                "",
            )
            for row in ours
        ]
        if any(cells):
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def gain(differences: Sequence[float], digits: int = 3) -> str:
    """ "+0.123 ± 0.045 (5)": the mean, its standard error if there is one, and of how many seeds; "" of none."""
    if not differences:
        return ""
    error = _text(standard_error(differences), digits)
    mean = round(statistics.fmean(differences), digits) + 0.0  # no -0.0
    return f"{mean:+.{digits}f}{f' ± {error}' if error else ''} ({len(differences)})"


def _line(row: Row) -> str:
    values = list(row.scores.values())
    difference = statistics.fmean(row.differences) if row.differences else math.nan
    numbers = (row.mean, spread(values), difference, standard_error(row.differences))
    mean, deviation, shift, error = (_text(number) for number in numbers)
    if row.differences:
        shift = shift if shift.startswith("-") else f"+{shift}"
    cycles = "" if row.cycles is None else f"{row.cycles:.3f}"
    return f"| {row.label} | {cycles} | {len(values)} | {mean} | {deviation} | {shift} | {error} |"


def _text(number: float, digits: int = 3) -> str:
    return "" if math.isnan(number) else f"{number:.{digits}f}"
