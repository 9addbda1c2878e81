"""What the unit tests share: the simulator, formats at both ends of their ranges, beats."""

import random
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from amaranth import Module
from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator

from hw.config import ArrayConfig
from sw_ref.format import StlqFormat

SEED = 13

FORMATS = [
    StlqFormat(bits=bits, act_bits=act_bits, act_signed=signed, residual_shift=shift)
    for (bits, shift), act_bits, signed in product(((2, 0), (3, 2), (4, 3), (5, 4)), (2, 16), (True, False))
]
IDS = [f"{fmt.bits}-{fmt.act_bits}-{'signed' if fmt.act_signed else 'unsigned'}" for fmt in FORMATS]


class Beat(NamedTuple):
    """What control is told of a beat; without one all is 0."""

    valid: int = 0
    first_word: int = 0
    ends: int = 0


def simulate(design: Elaboratable | Module, bench: Callable[[Any], Any], *background: Callable[[Any], Any]) -> None:
    """Run `bench` on a design, with what else goes on meanwhile; what they assert is raised here."""
    simulator = Simulator(design)
    simulator.add_clock(1e-6, if_exists=True)
    for process in background:
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(bench)
    simulator.run()


def dice(name: object = "") -> random.Random:
    """A source of the same random numbers every time."""
    return random.Random(f"{SEED}:{name}")


def random_beat(rng: random.Random) -> Beat:
    """A beat in three of four cycles; every fourth one ends a dot product."""
    valid = int(rng.random() < 0.75)
    return Beat(valid, rng.randrange(2), valid and int(rng.random() < 0.25))


def random_act(rng: random.Random, fmt: Any) -> int:
    """An activation; the extremes come more often."""
    return rng.choice([fmt.act_min, fmt.act_max, rng.randint(fmt.act_min, fmt.act_max)])


def packed(values: list[int], bits: int) -> int:
    """Fields of `bits` bits each, the first one lowest."""
    return sum((value % (1 << bits)) << bits * index for index, value in enumerate(values))


def wrapped(value: int, bits: int) -> int:
    """What a signed number of `bits` bits makes of a value."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def place(config: ArrayConfig, beat: Beat) -> int:
    """The factor of a beat's operand: first words count 2^k times as much as residual ones."""
    return 1 << config.residual_shift if beat.first_word else 1
