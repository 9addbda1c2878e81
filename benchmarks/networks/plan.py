"""What is measured, the cheapest first: cycles, which need no synthesis, then what the engine costs."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.networks.large import LARGE
from benchmarks.networks.tiny import TINY
from rtl_gen.targets import FPGAS

RATIOS = {8: (0.15, 0.0, 1.0), 4: (0.15, 0.0), 16: (0.15,)}
"""Shares R of two-word tiles, by the side of the array, the default first."""
SIDES = tuple(RATIOS)
LARGE_SIDE = 16
WIDE = {"requant_lanes": 16, "bus_bits": 128}
"""Options of the engine that large networks are tried with, besides the default ones."""
FITS = {"ice40": (4, 8)}
"""Sides of the arrays that are measured on a target, if not all: an iCE40 has 7,680 LUTs."""


@dataclass(frozen=True)
class Task:
    """One measurement: `section` of the results, the array's side, a network and its R, or a target.

    `wide`: with the options :data:`WIDE`.
    """

    section: str
    side: int
    network: str = ""
    ratio: float = 0.0
    target: str = ""
    wide: bool = False


def tasks() -> list[Task]:
    """All measurements, each once."""
    return list(_tasks())


def _tasks() -> Iterator[Task]:
    for side, ratios in RATIOS.items():
        yield from (Task("cycles", side, network, ratio) for ratio in ratios for network in TINY)
    yield from (Task("large", LARGE_SIDE, network, wide=wide) for network in LARGE for wide in (False, True))
    for side in SIDES:
        yield from (Task("area", side, target=target) for target in FPGAS if side in FITS.get(target, SIDES))
        yield Task("clock", side)
