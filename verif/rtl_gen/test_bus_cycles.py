"""The prediction of cycles over a bus: beside counts of the simulated tops, and what follows from its rules."""

import numpy as np
import pytest

from hw.bus.config import Bus, BusConfig
from hw.engine.encoding import Kind
from rtl_gen.bus_cycles import MemoryTiming, predict_run
from rtl_gen.compiler.cycles import predict_end
from rtl_gen.compiler.lower import compile_network
from rtl_gen.compiler.program import Job, encode
from verif.hw.engine.bench import CONFIG
from verif.hw.engine.extremes import job_of
from verif.rtl_gen.compiler.networks import pointwise_network

COUNTED = {
    (1, 3): {"axi": (204, 262, 379), "wishbone": (208, 295, 411)},
    (5, 6): {"axi": (1379, 1466, 1572), "wishbone": (1383, 1470, 1605)},
    (1, 40): {"axi": (17729, 17787, 17890), "wishbone": (17733, 17820, 17953)},
    (20, 3): {"axi": (1315, 1402, 1577), "wishbone": (1319, 1406, 1579)},
}
"""Of the register `cycles`, as `verif.hw.bus.networks` counts them, by groups and size; for each of `MEMORIES`."""
MEMORIES = (MemoryTiming(latency=1), MemoryTiming(latency=30), MemoryTiming(latency=30, pace=2))


def jobs_of(groups: int, size: int) -> list[Job]:
    network = pointwise_network(CONFIG, np.random.default_rng(3), groups=groups, size=(size, size))
    return list(compile_network(network, CONFIG).jobs)


@pytest.mark.parametrize("bus", list(Bus))
@pytest.mark.parametrize(("groups", "size"), COUNTED)
def test_predictions_are_near_the_counts(groups: int, size: int, bus: Bus) -> None:
    """Within 3%; long networks are nearer, as docs/decisions/bus.md shows."""
    jobs = jobs_of(groups, size)
    for memory, counted in zip(MEMORIES, COUNTED[groups, size][bus.value], strict=True):
        predicted = predict_run(BusConfig(engine=CONFIG, bus=bus), jobs, memory)
        assert predicted == pytest.approx(counted, rel=0.03), (memory, predicted)


@pytest.mark.parametrize("bus", list(Bus))
def test_a_slower_memory_is_never_faster(bus: Bus) -> None:
    jobs, config = jobs_of(20, 3), BusConfig(engine=CONFIG, bus=bus)
    stream = predict_end(CONFIG, jobs)
    for changes in (
        [{"latency": latency} for latency in (0, 1, 10, 30, 100, 1000)],
        [{"pace": pace} for pace in (1, 2, 3, 4, 8, 50)],
        [{"latency": 100, "outstanding": bursts} for bursts in (64, 4, 3, 2, 1)],
    ):
        cycles = [predict_run(config, jobs, MemoryTiming(**change)) for change in changes]
        assert cycles == sorted(cycles)
        assert stream < cycles[0] < cycles[-1]


def test_a_slow_memory_decides_alone() -> None:
    """Each word of the program, the inputs and the outputs takes `pace` cycles."""
    jobs, pace = jobs_of(20, 3), 200
    config = BusConfig(engine=CONFIG, bus=Bus.AXI)
    words = 369 + 9 + 20 * 9
    assert predict_run(config, jobs, MemoryTiming(pace=pace)) == pytest.approx(words * pace, rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latency": -1}, "latency is -1; allowed: a whole number from 0 to 10000"),
        ({"pace": 0}, "pace is 0; allowed: a whole number from 1 to 1000"),
        ({"outstanding": 65}, "outstanding is 65; allowed: a whole number from 1 to 64"),
    ],
)
def test_memories_that_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryTiming(**change)


def test_an_input_that_is_late_takes_the_time_of_its_bursts() -> None:
    """8,000 codes, two a cycle: 2,000 words take the engine 4,000 cycles, and this memory twice as many."""
    jobs, pace = [job_of(Kind.INPUT, {"x": 4000}, {"x": {"x": 2}}, pairs=1, width=4095)], 4
    words = 2000 + len(encode(CONFIG, jobs))
    for bus in Bus:
        end = predict_run(BusConfig(engine=CONFIG, bus=bus), jobs, MemoryTiming(latency=30, pace=pace))
        assert end == pytest.approx(words * pace, rel=0.03)
