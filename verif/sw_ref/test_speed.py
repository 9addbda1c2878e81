"""Speed and memory of the quantizer, on one core.

Times are processor times, the best of several runs, so that other work on the machine does not count.  They are
measured in passes over the tensor that the same processor makes in the same run: the limits hold on any machine.
"""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sw_ref.format import StlqFormat
from sw_ref.quantize.tensor import quantize_tensor
from sw_ref.quantize.words import PART_ELEMENTS
from verif.sw_ref.distributions import make

SHAPES = [(750, 1000), (128, 64, 9, 9), (4, 250_000)]


def best_times(*works: Callable[[], Any], runs: int = 4) -> list[float]:
    """The shortest run of each, in seconds; they take turns, so that a change of the clock meets all of them."""
    times = []
    for _ in range(runs):
        times.append([_time(work) for work in works])
    return [min(column) for column in zip(*times, strict=True)]


def _time(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def pass_over(weight: NDArray[Any]) -> None:
    """A measure of the processor: compare, look up and multiply every weight once, in parts that stay in its cache."""
    table, flat = np.arange(2, dtype=np.float32), weight.reshape(-1)
    for start in range(0, flat.size, PART_ELEMENTS):
        part = flat[start : start + PART_ELEMENTS]
        np.multiply(np.take(table, (np.abs(part) > 0.5).view(np.int8), mode="wrap"), part)


def peak_memory(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize(("bits", "limit"), [(3, 45), (5, 60)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_given_scale_takes_the_time_of_few_passes(
    shape: tuple[int, ...], bits: int, limit: int, literal: bool
) -> None:
    weight, fmt = make("gauss", shape), StlqFormat(bits=bits, residual_shift=0 if literal else 2)
    seconds, one_pass = best_times(
        lambda: quantize_tensor(weight, fmt, scale=4.0, literal=literal), lambda: pass_over(weight)
    )
    print(f"{weight.size / seconds / 1e6:.1f} M weights/s, {seconds / one_pass:.1f} passes")
    assert seconds <= limit * one_pass


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


def test_a_search_over_many_weights_takes_as_long_as_few_passes() -> None:
    """Above some size a search looks at a sample: its time per weight falls."""
    weight = make("laplace", (2500, 4000))
    seconds, one_pass = best_times(
        lambda: quantize_tensor(weight, StlqFormat(), ratio=0.15), lambda: pass_over(weight), runs=1
    )
    print(f"{seconds:.1f} s, {seconds / one_pass:.1f} passes")
    assert seconds <= 120 * one_pass
