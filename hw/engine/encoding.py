"""The program format: every section's fields, their widths and their order.  docs/program.md explains them.

Constants and layouts alone, without Amaranth: hardware and compiler both read them.  A *section* is a bit vector whose
first field starts at bit 0.  It takes whole bus words, lowest bits first; what is left of the last one is 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

MAGIC = 0x514C5453  # "STLQ", first letter in the lowest byte
VERSION = 2
FLAGS_PER_WORD = 32  # two-word flags that precede as many tiles
ADDRESS_BITS = 20  # of a word of the activation memory; steps are taken modulo 2^20
POSITION_BITS = 13  # signed: coordinates and their steps
SIZE_BITS = 12
WINDOW = 3  # rows and columns of the kernels that a job with `window` has


class Kind(IntEnum):
    """What a job does."""

    END = 0
    CONV = 1
    INPUT = 3
    OUTPUT = 4
    FILL = 5


class Error(IntEnum):
    """Why a program was given up; the value of the port `error`."""

    NONE = 0
    MAGIC = 1  # the first word is no program's
    VERSION = 2
    ENGINE = 3  # the program is for an engine of another configuration
    CHECK = 4  # a section's check differs from what was read
    KIND = 5  # a job that this engine does not have


LOOPS = ("channel", "kernel_x", "kernel_y", "pool_x", "pool_y", "x", "y", "group")
"""The loops of a job, innermost first."""

TILE_LOOPS = 3
"""How many of them run over the tiles of one dot product; the others run over positions."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """`bits` bits of a section; two's complement if `signed`."""

    bits: int
    signed: bool = False

    @property
    def span(self) -> range:
        """The values that fit."""
        low = -(1 << (self.bits - 1)) if self.signed else 0
        return range(low, low + (1 << self.bits))


def pack(layout: Mapping[str, Field], values: Mapping[str, int]) -> int:
    """The section's bits.  Raises ``ValueError`` for a field that is missing, unknown or out of range."""
    if set(values) != set(layout):
        raise ValueError(f"fields are {sorted(values)}; allowed: exactly {sorted(layout)}")
    bits = offset = 0
    for name, field in layout.items():
        value = int(values[name])
        if value not in field.span:
            raise ValueError(f"{name} is {value}; allowed: {field.span[0]} to {field.span[-1]}")
        bits |= (value & ((1 << field.bits) - 1)) << offset
        offset += field.bits
    return bits


def unpack(layout: Mapping[str, Field], bits: int) -> dict[str, int]:
    """The inverse of :func:`pack`."""
    values = {}
    for name, field in layout.items():
        value = bits & ((1 << field.bits) - 1)
        values[name] = value - (1 << field.bits) if field.signed and value >> (field.bits - 1) else value
        bits >>= field.bits
    return values


def width(layout: Mapping[str, Field]) -> int:
    """Bits of a section."""
    return sum(field.bits for field in layout.values())


def check_bits(bus_bits: int) -> int:
    """Width of a program's running check."""
    return min(bus_bits, 32)


def checked(check: int, word: int, bus_bits: int) -> int:
    """The running check after one more bus word: rotated left by one, exclusive or each piece of the word.

    A check word is the check before it, rotated left by one: behind it the running check is 0.
    """
    bits = check_bits(bus_bits)
    mask = (1 << bits) - 1
    check = ((check << 1) | (check >> (bits - 1))) & mask
    while word:
        check ^= word & mask
        word >>= bits
    return check


HEADER = {
    "magic": Field(bits=32),
    "version": Field(bits=8),
    "reserved": Field(bits=24),
    "engine": Field(bits=32),
    "length": Field(bits=32),
}
"""`engine`: the configuration's digest; `length`: bytes of the whole program, header and end included."""

_TRIPS = {"channel": 10, "kernel_x": 7, "kernel_y": 7, "pool_x": 12, "pool_y": 12, "x": 12, "y": 12, "group": 12}

JOB = {
    "kind": Field(bits=4),
    "wait": Field(bits=1),
    "add_terms": Field(bits=2),
    "table": Field(bits=1),
    "last": Field(bits=1),
    "pairs": Field(bits=1),
    "window": Field(bits=1),
    **{f"trips_{loop}": Field(bits=bits) for loop, bits in _TRIPS.items()},
    "address": Field(bits=ADDRESS_BITS),
    "x": Field(bits=POSITION_BITS, signed=True),
    "y": Field(bits=POSITION_BITS, signed=True),
    "width": Field(bits=SIZE_BITS),
    "height": Field(bits=SIZE_BITS),
    "pad_address": Field(bits=ADDRESS_BITS),
    "up_x": Field(bits=2),
    "up_y": Field(bits=2),
    "up_step_x": Field(bits=ADDRESS_BITS),
    "up_step_y": Field(bits=ADDRESS_BITS),
    **{
        f"{stream}_{part}": Field(bits=ADDRESS_BITS)
        for stream in ("write", "add")
        for part in ("address", "step_x", "step_y", "step_group")
    },
    "low": Field(bits=16),
    "high": Field(bits=16),
    **{f"single_{loop}": Field(bits=1) for loop in LOOPS},
}
"""One job; docs/program.md has the meaning and unit of each field."""

STEP = {
    "address": Field(bits=ADDRESS_BITS),
    "x": Field(bits=POSITION_BITS, signed=True),
    "y": Field(bits=POSITION_BITS, signed=True),
}
"""What is added where a loop goes on and all inside it start again; one section for each loop, innermost first."""

GROUP = {"tiles": Field(bits=16), "idle": Field(bits=8)}
"""What starts a group: how many tiles (or elements) each position has, and how many idle cycles come before."""


TERM = {
    "shift": Field(bits=5),
    "negative": Field(bits=1),
    "extra": Field(bits=1),
    "extra_negative": Field(bits=1),
}
"""What one channel's sum, or the code that is added to it, is multiplied by in one step of a requantizer lane."""

ADD_TERMS = 2
"""Terms of the code that is added, at most."""


def offset_layout(product_bits: int) -> dict[str, Field]:
    """What is added to one channel's product, and how far that is shifted."""
    return {"offset": Field(bits=product_bits, signed=True), "shift": Field(bits=5)}
