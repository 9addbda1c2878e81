"""Loops and the steps that walk them with additions alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hw.engine.encoding import ADDRESS_BITS, LOOPS


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop of `trips` turns, each of which moves the address by `address`, and the coordinates by `x` and `y`."""

    trips: int = 1
    address: int = 0
    x: int = 0
    y: int = 0


def steps_of(loops: Mapping[str, Loop]) -> list[dict[str, int]]:
    """What to add where each loop goes on while all inside it start again, innermost first.

    A loop that `loops` lacks has one turn.

    >>> loops = {"channel": Loop(trips=3, address=1), "x": Loop(trips=2, address=5)}
    >>> [step["address"] for step in steps_of(loops)][::5]
    [1, 3]
    """
    steps = []
    back = {"address": 0, "x": 0, "y": 0}
    for name in LOOPS:
        loop = loops.get(name, Loop())
        step = {key: getattr(loop, key) - back[key] for key in back}
        back = {key: back[key] + getattr(loop, key) * (loop.trips - 1) for key in back}
        steps.append({**step, "address": step["address"] % (1 << ADDRESS_BITS)})
    return steps


def trips_of(loops: Mapping[str, Loop]) -> dict[str, int]:
    """The job's fields that count the turns."""
    return {f"trips_{name}": loops.get(name, Loop()).trips - 1 for name in LOOPS}


def walk_of(loops: Sequence[Loop]) -> list[int]:
    """The addresses' steps alone, of loops from the innermost out, modulo the width of an address."""
    walked, back = [], 0
    for loop in loops:
        walked.append((loop.address - back) % (1 << ADDRESS_BITS))
        back += loop.address * (loop.trips - 1)
    return walked
