"""The results: what the search found, what was drawn at random, and how they compare."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks.array.results import Lines, origin
from rtl_gen.explore.estimate import Estimator
from rtl_gen.explore.exploration import Exploration
from rtl_gen.explore.points import Point

COMMAND = "python -m benchmarks.explore"
DRAWN = 50
"""Random points that are measured."""
MEASURES: dict[str, Callable[[dict[str, Any]], float]] = {
    "inferences per second": lambda line: line["rate"],
    "inferences per second and LUT": lambda line: line["rate"] / line["luts"],
}
"""What the best point of some quality has most of."""


def content(search: Exploration, random: Exploration) -> dict[str, Any]:
    """The results file as plain data."""
    front, drawn = [line(point) for point in search.front], [line(point) for point in random.measured]
    return {
        **origin(COMMAND, {"front": front, "drawn": drawn}, len(front) + DRAWN),
        "engines": len({point.config for point in search.measured}),
        "points": len(search.points),
        "refused": len(random.refused),
        "front": front,
        "drawn": drawn,
        "comparison": comparison(front, drawn),
        "estimates": estimates(search, random),
    }


def line(point: Point) -> dict[str, Any]:
    """What is compared of a point, and which one it is."""
    figures = {"quality": round(point.quality, 4), "luts": point.luts, "mhz": point.mhz, "cycles": point.cycles}
    return {**point.choice.to_dict(), **figures, "rate": point.rate}


def comparison(front: Lines, drawn: Lines) -> Lines:
    """For each quality of a random point: the best of both with at least that quality, by each measure.

    `search` is None where no point of the search is as good.
    """
    found: Lines = []
    for quality in sorted({one["quality"] for one in drawn}):
        for name, measure in MEASURES.items():
            best = [_best(lines, quality, measure) for lines in (front, drawn)]
            found.append({"quality": quality, "measure": name, "search": best[0], "random": best[1]})
    return found


def holds(comparison: Lines) -> bool:
    """Whether the search is at least as good everywhere."""
    return all(one["search"] is not None and one["search"] >= one["random"] for one in comparison)


def _best(lines: Lines, quality: float, measure: Callable[[dict[str, Any]], float]) -> float | None:
    return max((measure(one) for one in lines if one["quality"] >= quality), default=None)


def estimates(search: Exploration, random: Exploration) -> dict[str, Any]:
    """Median relative errors of the estimates that the search ends with, on random engines that it did not fit."""
    estimator = Estimator([*search.known.values()])
    unseen = [one for one in random.known.values() if one.config not in search.known]
    luts = [estimator.luts(one.config) / one.luts - 1 for one in unseen]
    mhz = [estimator.mhz(one.config) / one.mhz - 1 for one in unseen if one.mhz]
    return {"engines": len(unseen), "luts": _median(luts), "mhz": _median(mhz)}


def _median(errors: Sequence[float]) -> float | None:
    return round(median(map(abs, errors)), 4) if errors else None
