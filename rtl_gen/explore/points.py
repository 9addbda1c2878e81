"""The points of an exploration, and which of them are the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hw.engine.config import EngineConfig
from rtl_gen.explore.space import Choice

EXACT_DB = 200.0
"""SQNR that stands for no error at all."""


@dataclass(kw_only=True, eq=False)
class Point:
    """A choice, what its network loses (`quantized`), what it takes (`compiled`), and what its engine costs.

    `luts` and `mhz` are estimates until it is `measured`; `mhz` is None where no clock is asked for.  `estimated`:
    what they were before, None where that was no estimate.
    """

    choice: Choice
    config: EngineConfig
    quantized: dict[str, Any]
    compiled: dict[str, Any]
    luts: int = 0
    mhz: float | None = None
    measured: bool = False
    memories: dict[str, int] = field(default_factory=dict)
    estimated: dict[str, Any] = field(default_factory=dict)

    @property
    def cycles(self) -> int:
        return self.compiled["cycles"]

    @property
    def quality(self) -> float:
        """Accuracy where there are labels, else SQNR of the outputs in dB."""
        accuracy, sqnr = self.quantized["accuracy"], self.quantized["sqnr_db"]
        return accuracy if accuracy is not None else EXACT_DB if sqnr == "exact" else sqnr or 0.0

    @property
    def rate(self) -> float | None:
        """Inferences per second."""
        return None if self.mhz is None else round(self.mhz * 1e6 / self.cycles, 2)

    @property
    def scores(self) -> tuple[float, float, float]:
        """What a better point has more of: quality, few LUTs, speed."""
        return self.quality, -math.log(self.luts), math.log((self.mhz or 1.0) / self.cycles)


def front_of(points: Sequence[Point]) -> list[Point]:
    """The points that no other one is at least as good as in everything; of equal ones the first."""
    found: list[Point] = []
    for point in sorted(points, key=lambda point: point.scores, reverse=True):
        # Whoever beats it was before it.
        if not any(all(a >= b for a, b in zip(one.scores, point.scores, strict=True)) for one in found):
            found.append(point)
    return found


def farthest(candidates: Sequence[Point], known: Sequence[Point], count: int) -> list[Point]:
    """Up to `count` candidates, each the farthest from those that are known or were chosen before it."""
    if not candidates:
        return []
    scores = np.array([point.scores for point in (*candidates, *known)])
    spread = np.ptp(scores, axis=0)
    scores = scores / np.where(spread > 0, spread, 1)
    near = [scores[len(candidates) + number] for number in range(len(known))]
    chosen: list[int] = []
    for _ in range(min(count, len(candidates))):
        distance = [min((float(np.square(one - other).sum()) for other in near), default=math.inf) for one in scores]
        left = [number for number in range(len(candidates)) if number not in chosen]
        chosen.append(max(left, key=lambda number: (distance[number], -number)))
        near.append(scores[chosen[-1]])
    return [candidates[number] for number in chosen]
