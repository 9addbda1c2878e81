"""The register map: every register, its fields and what their values mean.  docs/registers.md is made from it.

A plain table without Amaranth: the hardware, the drivers and the documents all follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from hw.engine.encoding import Error

MAP_VERSION = 1
REGISTER_BITS = 32


class Access(Enum):
    """What a host may do with a register; anything else gets an error response."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read, write"


class RunError(IntEnum):
    """How the last run, or the attempt to start one, went wrong; field `error` of `status`."""

    NONE = 0
    ENGINE = 1
    BUSY = 2
    RANGE = 3
    LENGTH = 4
    READ = 5
    WRITE = 6
    STOPPED = 7


RUN_ERRORS = {
    RunError.NONE: "no error",
    RunError.ENGINE: "the engine refused its program; engine_error says why",
    RunError.BUSY: "start, or an address or length, was written during a run; the write had no effect",
    RunError.RANGE: "an address or length is missing, no multiple of a bus word, or beyond the bus; or a length is 0",
    RunError.LENGTH: "program, inputs or outputs have another length, or their range leaves the address space",
    RunError.READ: "a read got an error response",
    RunError.WRITE: "a write got an error response",
    RunError.STOPPED: "the host stopped the run",
}
ENGINE_ERRORS = {
    Error.NONE: "no error",
    Error.MAGIC: "the first word is no program's",
    Error.VERSION: "the program is of another version of the format",
    Error.ENGINE: "the program is for another engine",
    Error.CHECK: "a check in the program is wrong: it was changed",
    Error.KIND: "the program has a kind of job that does not exist",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """`bits` bits of a register from `bit` up; `values`: what each value means, where the values have names."""

    name: str
    bit: int
    bits: int
    meaning: str
    values: Mapping[Any, str] = field(default_factory=dict, hash=False)

    @property
    def mask(self) -> int:
        """The field's bits, in place."""
        return ((1 << self.bits) - 1) << self.bit


@dataclass(frozen=True, kw_only=True)
class Register:
    """A register of 32 bits at a byte address; bits without a field are 0 when read, and ignored when written."""

    name: str
    address: int
    access: Access
    fields: tuple[Field, ...]


class Range(IntEnum):
    """The ranges of memory that the bus master uses, each with three registers."""

    PROGRAM = 0
    INPUTS = 1
    OUTPUTS = 2


class Part(IntEnum):
    """The registers of a range."""

    LOW = 0
    HIGH = 1
    LENGTH = 2


RANGES = 0x40  # the address of the first range's registers
RANGE_BYTES = 0x10  # from one range's to the next one's
MAP_BYTES = 0x80

_SUBJECTS = {Range.PROGRAM: "the program", Range.INPUTS: "the inputs", Range.OUTPUTS: "the place of the outputs"}


def _range_registers(which: Range) -> tuple[Register, ...]:
    parts = {
        Part.LOW: ("address_low", f"byte address of {_SUBJECTS[which]}, low word; a multiple of a bus word"),
        Part.HIGH: ("address_high", f"byte address of {_SUBJECTS[which]}, high word; 0 on Wishbone"),
        Part.LENGTH: ("length", f"bytes of {_SUBJECTS[which]}; a multiple of a bus word, not 0"),
    }
    return tuple(
        Register(
            name=f"{which.name.lower()}_{name}",
            address=RANGES + which * RANGE_BYTES + 4 * part,
            access=Access.WRITE,
            fields=(Field(name="value", bit=0, bits=32, meaning=meaning),),
        )
        for part, (name, meaning) in parts.items()
    )


VERSION = Register(
    name="version",
    address=0x00,
    access=Access.READ,
    fields=(
        Field(name="map", bit=0, bits=8, meaning=f"version of this register map: {MAP_VERSION}"),
        Field(name="program", bit=8, bits=8, meaning="version of the program format"),
        Field(name="bus_bytes", bit=16, bits=8, meaning="bytes of a bus word of the master"),
    ),
)
ENGINE = Register(
    name="engine",
    address=0x04,
    access=Access.READ,
    fields=(Field(name="digest", bit=0, bits=32, meaning="digest of the engine, as in the header of its programs"),),
)
CONTROL = Register(
    name="control",
    address=0x08,
    access=Access.READ_WRITE,
    fields=(
        Field(name="start", bit=0, bits=1, meaning="write 1: start a run; 0 when read"),
        Field(name="stop", bit=1, bits=1, meaning="write 1: end the run, when its transfers have ended; 0 when read"),
        Field(name="interrupt", bit=2, bits=1, meaning="the port `irq` is 1 while `done` is"),
    ),
)
STATUS = Register(
    name="status",
    address=0x0C,
    access=Access.READ,
    fields=(
        Field(name="busy", bit=0, bits=1, meaning="a run is under way"),
        Field(name="done", bit=1, bits=1, meaning="the last run, or attempt at one, has ended; a start clears it"),
        Field(name="error", bit=4, bits=3, meaning="what went wrong; a start clears it", values=RUN_ERRORS),
        Field(name="engine_error", bit=8, bits=4, meaning="with ENGINE: what was wrong", values=ENGINE_ERRORS),
    ),
)
CYCLES = Register(
    name="cycles",
    address=0x10,
    access=Access.READ,
    fields=(Field(name="count", bit=0, bits=32, meaning="cycles of the run so far, or of the last one; modulo 2^32"),),
)

REGISTERS = (
    *(VERSION, ENGINE, CONTROL, STATUS, CYCLES),
    *(register for which in Range for register in _range_registers(which)),
)
"""All registers, by address."""


def field_of(register: Register, name: str) -> Field:
    """A register's field.  Raises ``KeyError``."""
    for candidate in register.fields:
        if candidate.name == name:
            return candidate
    raise KeyError(f"{register.name} has no field {name}")


def unpack(register: Register, value: int) -> dict[str, int]:
    """The fields of what was read.

    >>> unpack(CONTROL, 5)
    {'start': 1, 'stop': 0, 'interrupt': 1}
    """
    return {f.name: (value & f.mask) >> f.bit for f in register.fields}
