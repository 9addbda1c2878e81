"""The requantizer's lane against the formula of the network's definition."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import TERM, pack
from hw.engine.requantizer_lane import RequantizerLane
from rtl_gen.compiler.channels import Formula, Parameters, added_terms
from sw_ref.format import StlqFormat
from sw_ref.network.multiplier import ADD_MULTIPLIERS, MULTIPLIERS

CONFIG = EngineConfig(array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2)
LATENCY = 9
TOP = 1 << (CONFIG.code_bits - 1)  # the memory keeps codes with this bit inverted
Case = dict[str, int]


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Random sums and parameters of all sizes, extremes among them; every shift, most codes inside the limits."""
    limit = 1 << (CONFIG.core.acc_bits - 1)
    while True:
        low, high = sorted(rng.integers(0, 256, 2).tolist()) if rng.random() < 0.3 else (0, 255)
        largest = 1 << int(rng.integers(27))
        case = {
            "x": int(rng.choice([-limit, limit - 1, *rng.integers(-limit, limit, 20)])),
            "added": int(rng.choice([0, 255, *rng.integers(0, 256, 4)])),
            "multiplier": int(rng.choice(MULTIPLIERS)),
            "add_multiplier": int(rng.choice([value for value in ADD_MULTIPLIERS if abs(value) < largest])),
            "zero": int(rng.integers(256)),
            "added_zero": int(rng.integers(256)),
            "low": low,
            "high": high,
        }
        case["x"] >>= int(rng.integers(CONFIG.core.acc_bits))
        case["bias"] = int(rng.integers(-100000, 100000)) >> int(rng.integers(17))
        case["shift"] = 0
        size = abs(golden({**case, "zero": 0, "low": -(1 << 60), "high": 1 << 60})).bit_length()
        case["shift"] = min(max(size - int(rng.integers(5, 10)), 0), 31)
        yield case


def golden(case: Case) -> int:
    """The code, as in the definition of networks in integers."""
    total = (case["x"] + case["bias"]) * case["multiplier"]
    total += (case["added"] - case["added_zero"]) * case["add_multiplier"] + ((1 << case["shift"]) >> 1)
    return min(max((total >> case["shift"]) + case["zero"], case["low"]), case["high"])


def fits(case: Case) -> bool:
    """Whether nothing overflows: what the compiler ensures."""
    parts = (case["x"] * case["multiplier"], case["added"] * case["add_multiplier"], parameters(case)[1]["offset"])
    return sum(map(abs, parts)) < 1 << (CONFIG.product_bits - 1)


def parameters(case: Case) -> Parameters:
    names = ("bias", "multiplier", "shift", "add_multiplier", "zero", "added_zero")
    return Formula(**{name: case[name] for name in names}).parameters()


def steps(case: Case, every: int) -> list[int]:
    """The steps of a code: those that its multiplier needs, or all."""
    return list(range(1 + max(added_terms(parameters(case)[0]), every)))


def codes(lane: Any, work: Sequence[tuple[Case, int, bool]]) -> list[int]:
    """What leaves the lane for each case after its last step; a step a cycle."""
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for at in range(len(work) + LATENCY):
            for delay, names in (
                (0, ("x", "added", "adds", "scale")),
                (4, ("offset",)),
                (7, ("low", "high")),
                (8, ("least", "most")),
            ):
                if 0 <= at - delay < len(work):
                    case, step, _ = work[at - delay]
                    scale, offset = parameters(case)
                    values = {
                        **case,
                        "least": case["low"],
                        "most": case["high"],
                        "x": 0 if step else case["x"],
                        "added": case["added"] ^ TOP,
                        "adds": int(step > 0),
                        "scale": pack(TERM, scale[step]),
                        "offset": pack(CONFIG.offset, offset),
                    }
                    for name in names:
                        ctx.set(getattr(lane, name), _value(lane, name, values[name]))
            if at >= LATENCY and work[at - LATENCY][2]:
                found.append(ctx.get(lane.code) ^ TOP)
            await ctx.tick()

    simulator = Simulator(lane)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def _value(lane: Any, name: str, value: int) -> Any:
    shape = getattr(lane, name).shape()
    return shape.from_bits(value) if name in ("scale", "offset") else value


@pytest.mark.parametrize(("every", "choices"), [(0, 4), (2, 4), (2, 1)])
def test_codes_are_those_of_the_formula(every: int, choices: int) -> None:
    chosen = list(islice(filter(fits, cases(np.random.default_rng(1))), 400))
    work = [(case, step, step == steps(case, every)[-1]) for case in chosen for step in steps(case, every)]
    expected = [golden(case) for case in chosen]
    config = replace(CONFIG, array=replace(CONFIG.array, choices=choices))
    assert codes(RequantizerLane(config), work) == expected
    inside = sum(case["low"] < code < case["high"] for case, code in zip(chosen, expected, strict=True))
    assert inside > 100
    assert {case["shift"] for case in chosen} >= set(range(28))


def test_the_largest_totals() -> None:
    top = CONFIG.product_bits - 2
    zero = dict.fromkeys(("x", "added", "add_multiplier", "zero", "added_zero", "low"), 0) | {"multiplier": 1}
    chosen = [
        {**zero, "bias": sign << top, "shift": shift, "high": 255} for sign in (1, -1) for shift in (0, 8, 24, 31)
    ]
    assert all(map(fits, chosen))
    found = codes(RequantizerLane(CONFIG), [(case, 0, True) for case in chosen])
    assert found == [*(min(1 << max(top - shift, 0), 255) for shift in (0, 8, 24, 31)), 0, 0, 0, 0]
