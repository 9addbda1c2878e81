"""What a conversion does without one of its parts, and with multipliers of other kinds than the engine's: for studies.

A variant is a list of names with the values that they have in it.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

Variant = tuple[tuple[str, object], ...]

NO_GAINS = ("sw_ref.network.gains.Gains.free", lambda self, tensor: False)

PARTS: Mapping[str, Variant] = {
    "nothing": (),
    "polish": (("sw_ref.quantize.layer.POLISHES", 0),),
    "target": (("sw_ref.quantize.moments.TARGET_DAMPING", 1e9),),
    "compensation": (
        ("sw_ref.quantize.compensate.DAMPING", 1e9),
        ("sw_ref.quantize.moments.TARGET_DAMPING", 1e9),
        ("sw_ref.quantize.layer.POLISHES", 0),
    ),
    "offset": (("sw_ref.quantize.moments.Moments.offset", lambda self, held: np.zeros(held.shape[:2])),),
    "gains": (NO_GAINS,),
    "reach": (("rtl_gen.frontend.scales.REACH", 1.0), ("rtl_gen.frontend.scales.REACH_AT_END", 1.0)),
}
"""Each part of the conversion, and the constants without which it does nothing."""

FINER = 4
"""How many times more scales U are tried where multipliers of 16 bits make each exact."""
STEPS = tuple(2.0 ** (k / (13 * FINER)) for k in range(13 * FINER))


def nearest_of_16_bits(factor: float) -> tuple[int, int]:
    """(multiplier, shift), the multiplier of 16 bits and a sign."""
    shift = 15 - math.floor(math.log2(abs(factor)))
    return round(factor * 2.0**shift), shift


def nearest_power(factor: float) -> tuple[int, int]:
    """(multiplier, shift) with a power of two."""
    exponent = round(math.log2(abs(factor)))
    return int(math.copysign(1 << max(exponent, 0), factor)), max(-exponent, 0)


def added_freely(multiplier: NDArray[Any], shift: NDArray[Any], added: float) -> tuple[NDArray[np.int64], ...]:
    """Multipliers and shifts as they are, and the integer that is nearest to each add_multiplier."""
    wide = shift.astype(np.int64)
    return multiplier.astype(np.int64), wide, np.rint(added * 2.0**wide).astype(np.int64)


def all_allowed(values: NDArray[Any], *, add: bool = False) -> NDArray[np.bool_]:
    """Every integer is a multiplier."""
    return np.full(np.shape(values), True)


MULTIPLIERS: Mapping[str, Variant] = {
    "two-term": (),
    "16-bit": (
        NO_GAINS,
        ("sw_ref.network.requantizer.are_allowed", all_allowed),
        ("rtl_gen.frontend.convert.MANTISSAS", STEPS),
        ("rtl_gen.frontend.requantize.nearest", nearest_of_16_bits),
        ("rtl_gen.frontend.requantize.with_added", added_freely),
        ("rtl_gen.frontend.scales.Scales._relations", lambda self: iter(())),
        ("sw_ref.train.cells.nearest", nearest_of_16_bits),
        ("sw_ref.train.cells.with_added", added_freely),
        ("sw_ref.train.scales.Scales._bound", lambda self, stage: None),
    ),
    "power": (
        ("rtl_gen.frontend.convert.MANTISSAS", (1.0,)),
        ("rtl_gen.frontend.requantize.nearest", nearest_power),
        ("rtl_gen.frontend.scales.MANTISSAS", (1.0,)),
        ("rtl_gen.frontend.scales.nearest", nearest_power),
        ("sw_ref.train.cells.nearest", nearest_power),
        ("sw_ref.train.scales.MANTISSAS", (1.0,)),
    ),
}
"""The engine's multipliers, two signed powers of two; free ones of 16 bits, with free steps; one power of two."""


@contextmanager
def applied(variant: Variant) -> Iterator[None]:
    """The code as it is in a variant."""
    with ExitStack() as stack:
        for name, value in variant:
            stack.enter_context(patch(name, value))
        yield
