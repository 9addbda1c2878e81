"""Tables of networks in integers, converted or trained, from the recorded results: mean differences, paired by seed.

``python -m benchmarks.training.conversions`` prints them.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.training.table import REFERENCE, gain
from benchmarks.training.tasks import TASKS
from benchmarks.training.untrained import NETWORKS, SETTINGS
from benchmarks.training.variants import MULTIPLIERS, PARTS

RECORDED = Path(__file__).parent / "results"
UNTRAINED, ENDED, TINY, STARTS = "untrained.jsonl", "integers.jsonl", "agreement.jsonl", "starts.jsonl"
METHOD = "stlq"
"""The training whose networks in integers are compared."""
KINDS = {"two-term": "two terms", "power": "one power of two"}
"""The multipliers that are compared with those of 16 bits."""

Lines = Iterable[Mapping[str, Any]]
Scores = dict[tuple[str, int], float]
"""By network and seed."""


def main() -> None:
    for page, found in tables().items():
        print(f"{page}:", *found, sep="\n\n", end="\n\n")


def tables() -> dict[str, list[str]]:
    """By page of docs/decisions: what a conversion loses, what its parts bring, what multipliers cost, how close MLPerf
    Tiny's networks are; training that ends in integers, and that starts with a conversion.
    """
    lines, ended = recorded(UNTRAINED), recorded(ENDED)
    calibration = [*conversion_tables(lines, ended), *multiplier_tables(lines, ended), tiny_table(recorded(TINY))]
    training = [training_table(ended), start_table(recorded(STARTS))]
    return {"calibration.md": [made for made in calibration if made], "training.md": training}


def recorded(name: str) -> list[dict[str, Any]]:
    """The lines of a recorded file; none if there is no such file."""
    path = RECORDED / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def scores(lines: Lines, score: str = "result", **wanted: Any) -> Scores:
    """A score of the lines that have the `wanted` facts."""
    return {
        (line["network"], line["seed"]): line[score]
        for line in lines
        if all(line[name] == value for name, value in wanted.items())
    }


def conversion_tables(lines: Lines, ended: Lines) -> list[str]:
    """The loss of each setting against R = 100% trained and against float, and of the first one without each part."""
    whole: dict[str, Any] = {"without": "nothing", "multipliers": "two-term"}
    made = {heading(setting): scores(lines, **whole | facts(setting)) for setting in SETTINGS}
    floats, reference = scores(lines, "float"), scores(ended, "trained", method=REFERENCE)
    first = facts(SETTINGS[0]) | {"multipliers": "two-term"}
    parts = {part: scores(lines, **first, without=part) for part in PARTS}
    nothing = parts.pop("nothing")
    return [
        table("less R = 100%, trained", {head: (found, reference) for head, found in made.items()}),
        table("less float", {head: (found, floats) for head, found in made.items()}),
        table("less all parts", {f"without {part}": (found, nothing) for part, found in parts.items()}),
    ]


def multiplier_tables(lines: Lines, ended: Lines) -> list[str]:
    """The scores of each kind of multipliers less those of 16 bits, without training and with it."""
    (free,) = MULTIPLIERS.keys() - KINDS.keys()
    converted = {
        f"{name}, {heading(setting)}": tuple(
            scores(lines, **facts(setting), without="nothing", multipliers=one) for one in (kind, free)
        )
        for kind, name in KINDS.items()
        for setting in (SETTINGS[0], SETTINGS[-1])
    }
    trained = {
        f"{name}, {when}": tuple(scores(ended, score, method=METHOD, multipliers=one) for one in (kind, free))
        for kind, name in KINDS.items()
        for when, score in (("at once", "at_once"), ("after the last epochs", "integers"))
    }
    return [table("without training, less 16 bits", converted), table("trained, less 16 bits", trained)]


def training_table(ended: Lines) -> str:
    """A trained network in integers against the model before, and the golden against the model in integers."""
    names = ("trained", "at_once", "integers", "golden")
    found = {name: scores(ended, name, method=METHOD, multipliers="two-term") for name in names}
    columns = {
        "at once, less trained": (found["at_once"], found["trained"]),
        "after the last epochs, less trained": (found["integers"], found["trained"]),
        "golden, less the model in integers": (found["golden"], found["integers"]),
    }
    return table("in integers", columns)


def start_table(lines: Lines) -> str:
    """Fine-tuning from a conversion, or for fewer epochs, less the usual way."""
    usual = scores(lines, start="usual", share=1.0)
    ways = {
        "a quarter of the epochs": {"start": "usual", "share": 0.25},
        "from a conversion, a quarter": {"start": "converted", "share": 0.25, "rate": 1.0},
        "a quarter at a tenth of the rate": {"start": "converted", "share": 0.25, "rate": 0.1},
        "all epochs": {"start": "converted", "share": 1.0},
    }
    columns = {way: (scores(lines, **wanted), usual) for way, wanted in ways.items()}
    return table("less the usual start, all epochs", columns)


def tiny_table(lines: Lines) -> str:
    """How close MLPerf Tiny's networks are to float."""
    rows = ["| network | R | output SQNR (dB) | same class as float (%) |", "|---|---|---|---|"]
    for line in lines:
        same = "no classes" if line["same_class"] is None else f"{100 * line['same_class']:.1f}"
        rows.append(f"| {line['network']} | {line['ratio']:.0%} | {line['sqnr']:.1f} | {same} |")
    return "\n".join(rows)


def facts(setting: tuple[int, float, str]) -> dict[str, Any]:
    """A setting as lines have it."""
    return dict(zip(("act_bits", "ratio", "budget"), setting, strict=True))


def heading(setting: tuple[int, float, str]) -> str:
    """A setting as tables name it."""
    act_bits, ratio, budget = setting
    shared = "" if ratio == 1 else " per layer" if budget == "layer" else ", one budget"
    return f"A{act_bits}, R = {ratio:.0%}{shared}"


def table(corner: str, columns: Mapping[str, tuple[Scores, ...]]) -> str:
    """A row for each network that has scores; a column is what its first ones have more than its second ones.

    "" without any row.
    """
    rows = [f"| {corner} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for task, network in NETWORKS:
        cells = []
        for first, second in columns.values():
            common = sorted(key for key in first.keys() & second.keys() if key[0] == network)
            cells.append(gain([first[key] - second[key] for key in common], 2) or "-")
        if any(cell != "-" for cell in cells):
            rows.append(f"| {network} ({TASKS[task].unit}) | {' | '.join(cells)} |")
    return "\n".join(rows) if rows[2:] else ""


if __name__ == "__main__":
    main()
