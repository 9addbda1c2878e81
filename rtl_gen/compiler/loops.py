"""Loops and the steps that walk them with additions alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.engine.encoding import ADDRESS_BITS, LOOPS, WINDOW


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A loop of `trips` turns, each of which moves the address by `address`, and the coordinates by `x` and `y`."""

    trips: int = 1
    address: int = 0
    x: int = 0
    y: int = 0


def steps_of(loops: Mapping[str, Loop]) -> list[dict[str, int]]:
    """The steps to add where a loop goes on while all loops inside it start again, innermost first.

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
    turns = {name: loops.get(name, Loop()).trips - 1 for name in LOOPS}
    return {f"trips_{name}": count for name, count in turns.items()} | {
        f"single_{name}": int(not count) for name, count in turns.items()
    }


def walk_of(loops: Sequence[Loop]) -> list[int]:
    """The addresses' steps alone, of loops from the innermost out, modulo the width of an address."""
    walked, back = [], 0
    for loop in loops:
        walked.append((loop.address - back) % (1 << ADDRESS_BITS))
        back += loop.address * (loop.trips - 1)
    return walked


def elements_of(fields: Mapping[str, int], steps: Sequence[Mapping[str, int]]) -> dict[str, NDArray[np.int64]]:
    """`address`, `x` and `y` of every element of a job, in order, before bounds are looked at."""
    trips = [fields[f"trips_{name}"] + 1 for name in LOOPS]
    walked = {}
    for key in ("address", "x", "y"):
        at, back = np.zeros(1, np.int64), 0
        for turns, step in zip(trips, steps, strict=True):
            distance = step[key] + back
            at = np.add.outer(np.arange(turns) * distance, at).reshape(-1)
            back += distance * (turns - 1)
        walked[key] = fields[key] + at
    walked["address"] %= 1 << ADDRESS_BITS
    return walked


def whole_columns(fields: Mapping[str, int]) -> range:
    """The positions of a row that have sums: all of them, or those at which a window is whole."""
    columns = fields["trips_x"] + 1
    return range(WINDOW - 1, columns, 1 + fields["pairs"]) if fields["window"] else range(columns)


def written_of(fields: Mapping[str, int]) -> NDArray[np.int64]:
    """The address of every word that a job writes, in order."""
    at, back = np.zeros(1, np.int64), 0
    trips = {"x": len(whole_columns(fields)), **{name: fields[f"trips_{name}"] + 1 for name in ("y", "group")}}
    for name, turns in trips.items():
        distance = fields[f"write_step_{name}"] + back
        at = np.add.outer(np.arange(turns) * distance, at).reshape(-1)
        back += distance * (turns - 1)
    return (fields["write_address"] + at) % (1 << ADDRESS_BITS)
