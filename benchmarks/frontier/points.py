"""The points of the frontier: what a network loses with each kind of weights, and what its arithmetic costs then.

A loss is the difference to words with R = 100%, paired by seed: the same float network, trained on the same batches.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.frontier.arrays import ACT_BITS, BITS, ROOT, WORDS, Arrays, Line, per_mac
from benchmarks.training.results import read
from benchmarks.training.table import REFERENCE, Result, rows, standard_error
from rtl_gen.targets import TARGETS
from sw_ref.format import StlqFormat

OWN_CAMPAIGN = "benchmarks/frontier/results/training"
RUNS, OWN_RUNS = ROOT / "benchmarks/training/results/runs", ROOT / OWN_CAMPAIGN / "runs"
"""Of the study of training; and of the weights that it leaves out, with float networks of their own."""
TITLES = {"int3": "3-bit integers", "int4": "4-bit integers", "int8": "8-bit integers"}
TITLES |= {"apot3": "3-bit APoT", "apot4": "4-bit APoT"}
LEAST_SEEDS, SURE = 3, 2.0
"""Seeds without which there is no point, and standard errors beyond which a difference counts."""


class Weights(NamedTuple):
    """A kind of weights: its array, how it is trained, and the share of two-word tiles."""

    array: str
    method: str
    ratio: float = 0.0

    @property
    def label(self) -> str:
        return f"words, R = {self.ratio:.0%}" if self.array == WORDS else TITLES[self.array]


ONE, TWO = Weights(WORDS, "one-word"), Weights(WORDS, REFERENCE, 1.0)
OWN = (ONE, *(Weights(WORDS, "stlq-cycles", ratio) for ratio in (0.05, 0.15, 0.3, 0.5)), TWO)
OTHERS = (
    Weights("int3", "lsq3"),
    Weights("int4", "lsq4"),
    Weights("int8", "lsq4+bits=8"),
    Weights("apot3", "apot3"),
    Weights("apot4", "apot3+bits=4"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Point:
    """Some weights on a network, trained and measured on some seeds: test scores, and losses, by seed.

    `cycles`: for each cycle with one word everywhere; the array is as large as the tiles.
    """

    weights: Weights
    scores: dict[int, float]
    losses: dict[int, float]
    cycles: float

    @property
    def loss(self) -> float:
        """The mean: below 0 if worse than R = 100%."""
        return statistics.fmean(self.losses.values())

    def cost(self, array: Line) -> float:
        """LUT x cycles of a multiplication (transistor x cycles), as the benchmark of arrays counts it."""
        return per_mac(array) * self.cycles


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network of a task: its points, and the weights that were not trained on enough seeds."""

    task: str
    network: str
    points: Sequence[Point]
    missing: Sequence[Weights]

    @property
    def title(self) -> str:
        return f"{self.task}, {self.network}"


def networks() -> list[Network]:
    """Of the recorded runs.  Raises ``ValueError`` for a run of another format than the arrays have."""
    return [
        network([list(read(folder / name).values()) for folder in (RUNS, OWN_RUNS) if (folder / name).exists()])
        for name in sorted(path.name for path in RUNS.glob("*.jsonl"))
    ]


def network(campaigns: Sequence[Sequence[Result]]) -> Network:
    """Of the runs of one network, by campaign.  Each has its own float networks and its own R = 100%."""
    unit = _cycles(campaigns[0], ONE)
    points = [point for results in campaigns for point in _points(results, unit) if len(point.losses) >= LEAST_SEEDS]
    # Of weights that two campaigns have, the first one counts.
    found = {point.weights: point for point in reversed(points)}
    about = campaigns[0][0]["run"]
    return Network(
        task=about["task"],
        network=about["network"],
        points=[found[weights] for weights in (*OWN, *OTHERS) if weights in found],
        missing=[weights for weights in (*OWN, *OTHERS) if weights not in found],
    )


def _points(results: Sequence[Result], unit: float) -> Iterator[Point]:
    """Of one campaign; `unit`: cycles with one word everywhere."""
    for result in results:
        check(result["run"])
    scores = {(row.method, row.ratio): row.scores for row in rows(results)}
    reference = scores.get(TWO[1:], {})
    for weights in (*OWN, *OTHERS):
        own = scores.get(weights[1:], {})
        losses = {seed: score - reference[seed] for seed, score in own.items() if seed in reference}
        yield Point(weights=weights, scores=own, losses=losses, cycles=_cycles(results, weights) / unit)


def _cycles(results: Sequence[Result], weights: Weights) -> float:
    """Of an inference, the mean over seeds; 0 without a run."""
    runs = [r["cycles"] for r in results if (r["run"]["method"], r["run"]["ratio"]) == weights[1:]]
    return statistics.fmean(runs) if runs else 0.0


def check(run: dict[str, Any]) -> None:
    """``ValueError`` unless the arrays compute what was trained."""
    wanted = {"bits": BITS, "act_bits": ACT_BITS, "residual_shift": StlqFormat.residual_shift, "tile": [8, 8]}
    for name, value in wanted.items():
        if run[name] != value:
            raise ValueError(f"{name} of a run is {run[name]!r}; allowed: {value!r}, as the arrays have it")


@dataclass(frozen=True, kw_only=True)
class Field:
    """The points of a network on one target by what they cost; none unless the best array of each kind is known."""

    network: Network
    target: str
    costs: dict[Point, float]

    def only(self, weights: Sequence[Weights]) -> list[Point]:
        return [point for point in self.costs if point.weights in weights]

    @property
    def front(self) -> list[Point]:
        """The points that no other one beats in the mean: cheaper or as cheap, and better or as good."""
        return [point for point in self.costs if not any(self._beats(other, point) for other in self.costs)]

    def _beats(self, other: Point, point: Point) -> bool:
        costs, losses = (self.costs[other], self.costs[point]), (other.loss, point.loss)
        return costs[0] <= costs[1] and losses[0] >= losses[1] and (costs[0] < costs[1] or losses[0] > losses[1])

    def affordable(self, point: Point, others: Iterable[Point]) -> Point | None:
        """Of some points that cost no more than `point` the best, in the mean."""
        found = [other for other in others if self.costs[other] <= self.costs[point]]
        return max(found, key=lambda other: other.loss, default=None)


def fields(networks: Iterable[Network], arrays: Arrays) -> list[list[Field]]:
    """Of each network a field for each target."""
    return [[_field(network, target, arrays[target]) for target in TARGETS] for network in networks]


def _field(network: Network, target: str, arrays: dict[str, Line | None]) -> Field:
    known = {kind: array for kind, array in arrays.items() if array is not None}
    points = network.points if len(known) == len(arrays) else []
    return Field(network=network, target=target, costs={p: p.cost(known[p.weights.array]) for p in points})


class Duel(NamedTuple):
    """What `words` gain on `other` weights, seed by seed."""

    words: Point
    other: Point

    @property
    def gains(self) -> list[float]:
        ours, theirs = self.words.losses, self.other.losses
        return [loss - theirs[seed] for seed, loss in ours.items() if seed in theirs]

    @property
    def verdict(self) -> str:
        """Of the words: "ahead" or "behind" by more than two standard errors, or "level"."""
        mean, sure = statistics.fmean(self.gains), SURE * standard_error(self.gains)
        return "ahead" if mean > sure else "behind" if mean < -sure else "level"


def at_cost_of_words(field: Field) -> dict[Weights, Duel | None]:
    """Words, and the best other weights that cost no more; None if all cost more."""
    others = field.only(OTHERS)
    found = {point: field.affordable(point, others) for point in field.only(OWN)}
    return {point.weights: Duel(point, other) if other else None for point, other in found.items()}


def at_cost_of_others(field: Field) -> dict[Weights, Duel | None]:
    """Other weights, and the best words that cost no more; None if all words cost more."""
    words = field.only(OWN)
    found = {point: field.affordable(point, words) for point in field.only(OTHERS)}
    return {point.weights: Duel(own, point) if own else None for point, own in found.items()}
