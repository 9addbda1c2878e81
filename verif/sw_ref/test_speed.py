"""Speed and memory of the quantizer, on one core.

Times are processor times, the best of several runs, so that other work on the machine does not count.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor
from verif.sw_ref.distributions import make

SHAPES = [(1500, 2000), (512, 64, 9, 9), (4, 500_000)]


def best_time(work: Callable[[], Any], runs: int = 4) -> float:
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def peak_memory(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("bits", [3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_twenty_million_weights_per_second_at_a_given_scale(shape: tuple[int, ...], bits: int, literal: bool) -> None:
    weight, fmt = make("gauss", shape), StlqFormat(bits=bits, residual_shift=0 if literal else 2)
    seconds = best_time(lambda: quantize_tensor(weight, fmt, scale=4.0, literal=literal))
    print(f"{weight.size / seconds / 1e6:.1f} M weights/s")
    assert weight.size / seconds >= 20e6


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 4.0},
        {"scale": 4.0, "granularity": "element"},
        {"scale": "max", "per_channel": True},
        {},
        {"granularity": "element"},
        {"granularity": "filter"},
        {"granularity": "layer"},
        {"per_channel": True},
    ],
    ids=str,
)
def test_memory_is_at_most_eight_times_the_tensor(options: dict[str, Any]) -> None:
    weight = make("gauss", (1000, 1200))
    peak = peak_memory(lambda: quantize_tensor(weight, StlqFormat(), **options)) + weight.nbytes
    print(f"{peak / weight.nbytes:.1f} times")
    assert peak <= 8 * weight.nbytes


def test_ten_million_weights_are_searched_in_ten_seconds_of_one_core() -> None:
    weight = make("laplace", (2500, 4000))
    seconds = best_time(lambda: quantize_tensor(weight, StlqFormat(), ratio=0.15), runs=1)
    print(f"{seconds:.1f} s")
    assert seconds <= 10
