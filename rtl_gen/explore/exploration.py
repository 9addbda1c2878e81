"""The rounds of an exploration: try points, estimate what they cost, measure the best, learn from that."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from hw.engine.config import EngineConfig
from rtl_gen.errors import UsageError
from rtl_gen.explore.estimate import Estimator, Measured
from rtl_gen.explore.points import Point, farthest, front_of
from rtl_gen.explore.space import Choice, Space
from rtl_gen.explore.suggest import Scores, better_choices, random_choices, worse
from rtl_gen.explore.units import AREA, COMPILED, QUANTIZED, clock_of
from rtl_gen.runner import Runner
from rtl_gen.targets import Target
from sw_ref.messages import counted

FIRST, TRIED, MEASURED = 8, 16, 4
"""Points that are synthesized before any estimate; points tried, and engines measured, in each round."""
IDLE = 3
"""Rounds in a row without anything to measure that end the search."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is explored: a network with its data (`inputs`, arguments of units), a target, limits, and the space.

    `device`: None, if no clock is asked for.  `engines`: as many are measured.
    """

    inputs: Mapping[str, Any]
    space: Space
    target: Target
    device: str | None
    residual_shift: int
    bus_bits: int
    seed: int
    engines: int
    budget_luts: int | None = None
    min_accuracy: float | None = None

    def violation(self, point: Point) -> float:
        """By how much a point breaks the limits; 0: it keeps them."""
        over = max(point.luts / self.budget_luts - 1, 0.0) if self.budget_luts else 0.0
        return over + max((self.min_accuracy or 0.0) - point.quality, 0.0) * (self.min_accuracy is not None)


@dataclass(kw_only=True)
class Exploration:
    """The points so far, and why others were `refused`."""

    task: Task
    runner: Runner
    points: dict[Choice, Point] = field(default_factory=dict)
    refused: dict[Choice, str] = field(default_factory=dict)
    known: dict[EngineConfig, Measured] = field(default_factory=dict)

    def rounds(self) -> Iterator[str]:
        """Explore; after each round it says what was found."""
        task = self.task
        self._try(random_choices(task.space, FIRST, task.seed))
        self._synthesize(list(self.points.values()))
        number = idle = 0
        while idle < IDLE and (left := task.engines - len(self._engines)) > 0:
            self._check_some_left()
            number += 1
            self._estimate()
            self._try(better_choices(task.space, self._scores(), TRIED, task.seed + number))
            self._estimate()
            chosen = self._promising(min(MEASURED, left))
            # Each engine with every R: that costs no synthesis where its memories are the same.
            self._try([other for point in chosen for other in task.space.ratios(point.choice)])
            self._estimate()
            self._measure({point.config for point in chosen} | self._engines)
            self._check_some_left()
            measured = counted(len(self._engines), "engine")
            yield f"round {number}: {counted(len(self.points), 'point')} tried, {measured} measured"
            idle = 0 if chosen else idle + 1

    def _check_some_left(self) -> None:
        if not self.points:
            raise UsageError(f"no engine of the space runs the network: {next(iter(self.refused.values()))}")

    def sample(self, choices: Sequence[Choice]) -> None:
        """Try these points, and measure the engine of each: what a search is held against."""
        self._try(choices)
        self._measure({self.points[choice].config for choice in choices if choice in self.points})

    @property
    def measured(self) -> list[Point]:
        return [point for point in self.points.values() if point.measured]

    @property
    def _engines(self) -> set[EngineConfig]:
        """The engines that are measured."""
        return {point.config for point in self.measured}

    @property
    def front(self) -> list[Point]:
        """The best of what is measured and within the limits."""
        return front_of([point for point in self.measured if not self.task.violation(point)])

    @property
    def nearest(self) -> Point | None:
        """The point that breaks the limits least, if all do."""
        least = min(self.points.values(), key=self.task.violation)
        return least if self.task.violation(least) else None

    @property
    def _counted(self) -> str:
        """The resource that is `luts`: gates where the target has no LUTs."""
        return self.task.target.logic.lower()

    def _promising(self, count: int) -> list[Point]:
        """Points of so many engines that are not measured, and better than what is, as far as estimates tell."""
        good = [point for point in self.points.values() if not self.task.violation(point)]
        better = [point for point in front_of(good) if not point.measured]
        engines: dict[EngineConfig, Point] = {}
        for point in farthest(better, self.measured, len(better)):
            engines.setdefault(point.config, point)
        return [*engines.values()][:count]

    def _scores(self) -> dict[Choice, Scores]:
        broken = {choice: self.task.violation(point) for choice, point in self.points.items()}
        return {c: worse(p.scores, broken[c]) if broken[c] else p.scores for c, p in self.points.items()}

    def _try(self, choices: Sequence[Choice]) -> None:
        """Quantize and compile those that are new."""
        task = self.task
        choices = [choice for choice in dict.fromkeys(choices) if choice not in (self.points.keys() | self.refused)]
        made = self.runner.map(QUANTIZED, [self._quantized(choice) for choice in choices])
        good = self._accepted(choices, made)
        configs = [
            choice.engine(
                task.target,
                residual_shift=task.residual_shift,
                bus_bits=task.bus_bits,
                tables=found["tables"],
            )
            for choice, found in good
        ]
        units = [
            {"network": found["network"], "config": config.to_dict()}
            for (_, found), config in zip(good, configs, strict=True)
        ]
        programs = self.runner.map(COMPILED, units)
        for (choice, found), config, program in zip(good, configs, programs, strict=True):
            if "refused" in program:
                self.refused[choice] = program["refused"]
                continue
            sized = replace(config, **program["sizes"])
            self.points[choice] = Point(choice=choice, config=sized, quantized=found, compiled=program)

    def _quantized(self, choice: Choice) -> dict[str, Any]:
        fmt = choice.format(self.task.residual_shift).to_dict()
        return {
            **self.task.inputs,
            "format": fmt,
            "side": choice.side,
            "ratio": choice.ratio,
            "budget": choice.budget,
        }

    def _estimate(self) -> None:
        """Estimates for all that is not measured, from all that is known now."""
        estimator = Estimator([*self.known.values()])
        for point in self.points.values():
            if not point.measured:
                point.luts = estimator.luts(point.config)
                point.mhz = None if self.task.device is None else estimator.mhz(point.config)

    def _synthesize(self, points: Sequence[Point]) -> list[tuple[Point, dict[str, Any]]]:
        """The resources of each point's engine; an engine of several points is synthesized once."""
        units = [{"config": point.config.to_dict(), "target": self.task.target.name} for point in points]
        found = self._kept(points, self.runner.map(AREA, units))
        for point, area in found:
            self.known.setdefault(point.config, Measured(config=point.config, luts=area["resources"][self._counted]))
        return found

    def _measure(self, engines: Set[EngineConfig]) -> None:
        """LUTs and clock of some engines, for all of their points; each is synthesized and placed once."""
        task, before = self.task, dict(self.known)
        # The largest first: at the end of a round no worker waits long for another one.
        points = [point for point in self.points.values() if point.config in engines and not point.measured]
        points.sort(key=lambda point: -point.luts)
        areas = self._synthesize(points)
        clocks: list[tuple[Point, dict[str, Any]]] = [(point, {"mhz": None}) for point, _ in areas]
        if task.device is not None:
            about = {"target": task.target.name, "device": task.device}
            units = [{"config": point.config.to_dict(), **about} for point, _ in areas]
            clocks = self._kept([p for p, _ in areas], self.runner.map(clock_of(task.target.name), units))
        resources = {id(point): area["resources"] for point, area in areas}
        for point, clock in clocks:
            used = resources[id(point)]
            point.estimated = unseen(point, before)  # of one engine's points, the first one counts
            point.luts, point.mhz, point.measured = used[self._counted], clock["mhz"], True
            point.memories = {name: used[name] for name in ("memories", "memory_luts", "memory_bits") if name in used}
            before[point.config] = self.known[point.config] = Measured(
                config=point.config, luts=point.luts, mhz=point.mhz
            )

    def _kept(self, points: Sequence[Point], results: Sequence[dict[str, Any]]) -> list[tuple[Point, dict[str, Any]]]:
        """The points that a tool took, with its results; the others are points no longer."""
        found = self._accepted([point.choice for point in points], results)
        for choice in self.refused:
            self.points.pop(choice, None)
        return [(self.points[choice], result) for choice, result in found]

    def _accepted(
        self, choices: Sequence[Choice], results: Sequence[dict[str, Any]]
    ) -> list[tuple[Choice, dict[str, Any]]]:
        pairs = list(zip(choices, results, strict=True))
        self.refused |= {choice: result["refused"] for choice, result in pairs if "refused" in result}
        return [(choice, result) for choice, result in pairs if "refused" not in result]


def unseen(point: Point, before: Mapping[EngineConfig, Measured]) -> dict[str, Any]:
    """The estimates of a point that are none of what was known `before`, nor made without anything to fit."""
    own = before.get(point.config)
    placed = any(one.mhz for one in before.values())
    return {
        "luts": None if own is not None else point.luts,
        "mhz": point.mhz if placed and (own is None or own.mhz is None) else None,
    }
