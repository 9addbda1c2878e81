"""Points: which of them are the best, which are measured next, and what estimates make of those that are known."""

from dataclasses import replace

import numpy as np
import pytest

from hw.engine.config import EngineConfig
from rtl_gen.explore.estimate import UNKNOWN_MHZ, Estimator, Measured
from rtl_gen.explore.exploration import unseen
from rtl_gen.explore.points import Point, farthest, front_of
from rtl_gen.explore.space import Choice, Space, domains
from rtl_gen.explore.suggest import better_choices, random_choices, worse
from rtl_gen.targets import TARGETS

SPACE = Space(values={name: known.values for name, known in domains().items() if not known.where})
CHOICE = Choice(
    side=8, bits=3, act_bits=8, ratio=0.15, budget="network", requant_lanes=4, memory_ports=2, optimize="area"
)


def point(quality: float, luts: int, cycles: int, mhz: float | None = 100.0) -> Point:
    quantized, compiled = {"accuracy": quality, "sqnr_db": 1.0}, {"cycles": cycles}
    return Point(choice=CHOICE, config=EngineConfig(), quantized=quantized, compiled=compiled, luts=luts, mhz=mhz)


def test_front() -> None:
    good, small, fast = point(0.9, 200, 50), point(0.8, 100, 50), point(0.8, 200, 40)
    slow, twin = point(0.8, 100, 60), point(0.9, 200, 50)
    assert front_of([slow, small, good, twin, fast]) == [good, small, fast]
    assert front_of([]) == []


def test_a_higher_clock_makes_up_for_more_cycles() -> None:
    assert front_of([slow := point(0.9, 100, 100, 210.0), point(0.9, 100, 50, 100.0)]) == [slow]
    assert (slow.rate, point(0.9, 1, 1, None).rate) == (2_100_000.0, None)


def test_quality_is_sqnr_without_labels() -> None:
    one = point(0.9, 1, 1)
    assert one.quality == 0.9
    for sqnr, quality in ((20.5, 20.5), ("exact", 200.0), (None, 0.0)):
        one.quantized.update(accuracy=None, sqnr_db=sqnr)
        assert one.quality == quality


def test_the_farthest_are_measured_next() -> None:
    row = [point(quality, 100, 100) for quality in (0.0, 0.1, 0.5, 0.8, 1.0)]
    assert farthest(row[1:], row[:1], 3) == [row[4], row[2], row[3]]
    assert farthest(row[:2], [], 5) == row[:2]
    assert farthest([], row, 5) == []


def test_choices_have_one_form() -> None:
    same = replace(CHOICE, ratio=1.0, requant_lanes=16)
    assert (same.requant_lanes, same.budget) == (8, "layer")
    assert SPACE.choice(SPACE.places(CHOICE)) == CHOICE
    assert [replace(CHOICE, side=side, depthwise=True).depthwise for side in (1, 2, 4, 8)] == [False, False, True, True]
    engine = CHOICE.engine(TARGETS["ecp5"], residual_shift=1, bus_bits=64, tables=True)
    assert (engine.array.tile, engine.array.choices, engine.array.pipeline) == ((8, 8), 1, 3)
    assert (engine.array.format.residual_shift, engine.bus_bits, engine.tables) == (1, 64, True)
    made = replace(CHOICE, depthwise=True).engine(TARGETS["ecp5"], residual_shift=1, bus_bits=64, tables=True)
    assert made == replace(engine, depthwise=True) != engine


def test_a_window_is_tried_only_where_asked_for() -> None:
    assert "depthwise" not in SPACE.values
    both = SPACE.with_all("depthwise")
    assert both.values == {**SPACE.values, "depthwise": (False, True)}
    assert {choice.depthwise for choice in random_choices(both, 20, seed=1)} == {False, True}
    assert {choice.depthwise for choice in random_choices(SPACE, 20, seed=1)} == {False}
    windows = replace(CHOICE, depthwise=True)
    assert both.choice(both.places(windows)) == windows


def test_suggestions_are_new_and_always_the_same() -> None:
    known = random_choices(SPACE, 8, seed=3)
    assert len(set(known)) == 8
    assert known == random_choices(SPACE, 8, seed=3) != random_choices(SPACE, 8, seed=4)
    scores = {choice: (float(choice.bits), -float(choice.side), 0.0) for choice in known}
    found = better_choices(SPACE, scores, 6, seed=1)
    assert len({*found, *known}) == 14
    assert found == better_choices(SPACE, scores, 6, seed=1)
    one = Space(values={name: values[:1] for name, values in SPACE.values.items()})
    (only,) = random_choices(one, 5, seed=1)
    assert better_choices(one, {only: (1.0, 1.0, 1.0)}, 5, seed=1) == []


def test_the_search_goes_where_scores_are_better() -> None:
    known = random_choices(SPACE, 40, seed=1)
    found = better_choices(SPACE, {choice: (float(choice.act_bits), 0.0, 0.0) for choice in known}, 10, seed=1)
    assert sum(choice.act_bits >= 7 for choice in found) >= 7


def test_the_search_avoids_what_breaks_limits() -> None:
    assert worse((1.0, 2.0), 0.5) == (-14.0, -13.0)


def engines(count: int) -> list[EngineConfig]:
    return [
        choice.engine(TARGETS["ecp5"], residual_shift=2, bus_bits=32, tables=False)
        for choice in random_choices(SPACE, count, seed=7)
    ]


def cost(config: EngineConfig) -> float:
    array, fmt = config.array, config.array.format
    lane = fmt.act_bits + 3 * fmt.bits if fmt.bits < 5 else 30
    return 1500 + 3.0 * array.pe**2 * lane + 30 * config.requant_lanes * array.acc_bits


def test_estimates_learn() -> None:
    configs = engines(60)
    known = [Measured(config=config, luts=cost(config), mhz=200 / (1 + config.array.pe / 8)) for config in configs]

    def errors(fitted: int) -> tuple[float, float]:
        made = Estimator(known[:fitted])
        luts = [abs(made.luts(one.config) / one.luts - 1) for one in known[40:]]
        mhz = [abs(made.mhz(one.config) / (one.mhz or 1) - 1) for one in known[40:]]
        return float(np.median(luts)), float(np.median(mhz))

    assert errors(40) < (0.05, 0.15)
    assert errors(40)[0] < errors(4)[0]


def test_without_measurements_all_clocks_are_the_same() -> None:
    made = Estimator([])
    assert {made.mhz(config) for config in engines(5)} == {UNKNOWN_MHZ}
    assert made.luts(EngineConfig()) > 1000
    assert Estimator([Measured(config=EngineConfig(), luts=5000.0)]).luts(EngineConfig()) == pytest.approx(
        5000, rel=0.01
    )


def test_only_what_was_not_known_is_an_estimate() -> None:
    one, other = point(0.9, 3000, 100), Measured(config=engines(1)[0], luts=1.0, mhz=1.0)
    same = Measured(config=one.config, luts=1.0)
    assert unseen(one, {}) == {"luts": 3000, "mhz": None}
    assert unseen(one, {other.config: other}) == {"luts": 3000, "mhz": 100.0}
    assert unseen(one, {other.config: other, one.config: same}) == {"luts": None, "mhz": 100.0}
    assert unseen(one, {one.config: replace(same, mhz=1.0)}) == {"luts": None, "mhz": None}


def test_estimates_learn_what_a_window_costs() -> None:
    """From engines that have one; while there is none, its structure suggests a cost."""

    def window(config: EngineConfig) -> float:
        return 5.0 * config.array.pe * config.code_bits

    plain = [config for config in engines(40) if config.array.pe >= 4]
    windows = [replace(config, depthwise=True) for config in plain]
    known = [Measured(config=config, luts=cost(config)) for config in plain]
    more = [Measured(config=config, luts=cost(config) + window(config)) for config in windows[:20]]

    def shares(fitted: int) -> float:
        """What is estimated for windows that were not seen, relative to what they cost."""
        made = Estimator([*known, *more[:fitted]])
        added = [made.luts(config) - made.luts(replace(config, depthwise=False)) for config in windows[20:]]
        return float(np.median([found / window(config) for found, config in zip(added, windows[20:], strict=True)]))

    assert 0.3 < shares(0) < 0.7 < shares(20) < 1.1
