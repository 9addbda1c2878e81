"""The results: what was measured, and what follows from it."""

from typing import Any

from benchmarks.array.results import Lines, origin
from benchmarks.networks.tiny import TINY

COMMAND = "python -m benchmarks.networks"


def content(sections: dict[str, Lines], planned: int) -> dict[str, Any]:
    """The results file as plain data; `planned`: how many measurements a complete run has."""
    cycles = sections.get("cycles", [])
    return {
        **origin(COMMAND, sections, planned),
        "cycles": cycles,
        "bars": [bar(line) for line in cycles],
        "area": sections.get("area", []),
        "clock": sections.get("clock", []),
        "large": sections.get("large", []),
    }


def bar(line: dict[str, Any]) -> dict[str, Any]:
    """Whether an inference takes few enough cycles.

    Those in which only input or output words move do not count.  Program words move beside input words.
    `best`: beats of one-word tiles in the best mapping that is known.
    """
    network = TINY[line["network"]]
    counted = line["cycles"] - line["outputs"] - (0 if network.by_program else line["inputs"])
    bound = line["program_words"] if network.by_program else line["beats"]
    best = dict(network.beats).get(line["side"]) if line["ratio"] == 0 else None
    return {
        **{key: line[key] for key in ("network", "side", "ratio")},
        "cycles": counted,
        "of": "program words" if network.by_program else "beats",
        "bound": bound,
        "best": best,
        "limit": network.limit,
        "holds": counted <= network.limit * min(bound, best or bound),
    }


def find(lines: Lines, **values: Any) -> dict[str, Any] | None:
    """The line that has these values, if it was measured."""
    return next((line for line in lines if all(line[name] == value for name, value in values.items())), None)
