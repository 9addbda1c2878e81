"""Paces: endless iterators of bool, one per clock cycle, that say whether a side is willing to transfer."""

import random
from collections.abc import Iterator
from itertools import repeat

Pace = Iterator[bool]


def always() -> Pace:
    """No stalls."""
    return repeat(True)


def delayed(cycles: int) -> Pace:
    """Nothing for `cycles` cycles, then no stalls."""
    yield from repeat(False, cycles)
    yield from repeat(True)


def stalling(seed: str, share: float) -> Pace:
    """Willing in about 1 - `share` of the cycles; stalls come singly and in bursts, alternating with free runs."""
    rng = random.Random(seed)
    while True:
        burst = rng.randint(2, 12)
        if rng.random() < 0.3:
            yield from repeat(rng.random() >= share, burst)
        else:
            for _ in range(burst):
                yield rng.random() >= share
