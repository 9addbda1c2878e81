"""The parameters of one array, and everything that derives from them."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

from hw.pipeline import Schedule
from hw.reserved import RESERVED_WORDS
from sw_ref.format import StlqFormat, parameter, validate

NAME_RULE = "a Verilog identifier: a letter or _, then letters, digits or _, at most 64 characters, no reserved word"
VERILOG_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class NumberFormat(Protocol):
    """What an array needs to know of its numbers: one of the formats in ``sw_ref.format`` or ``sw_ref.baseline``."""

    residual_beats: ClassVar[bool]

    @property
    def bits(self) -> int: ...

    @property
    def codes(self) -> range: ...

    @property
    def act_bits(self) -> int: ...

    @property
    def act_signed(self) -> bool: ...

    @property
    def act_min(self) -> int: ...

    @property
    def act_max(self) -> int: ...

    def acc_bits(self, depth: int) -> int: ...


@dataclass(frozen=True, kw_only=True)
class BaseArrayConfig:
    """An array of any numbers: `pe` output channels by `lanes` input channels per tile, `pixels` activation vectors.

    Raises ``ValueError`` with the parameter's name, value and allowed range when made with a bad one.
    """

    format: NumberFormat
    pe: int = parameter(8, low=1, high=64, unit="PEs", help="processing elements: output channels per tile")
    lanes: int = parameter(8, low=1, high=64, unit="lanes", help="shift units per PE: input channels per tile")
    pixels: int = parameter(
        1, low=1, high=8, unit="pixels", help="activation vectors that each tile meets at once, with a sum each"
    )
    depth: int = parameter(4096, low=1, high=1 << 20, unit="inputs", help="longest dot product that must not overflow")
    pipeline: int = parameter(
        3,
        low=0,
        high=4,
        unit="levels",
        help="registers: 1 after the lanes, 2 and after every other adder, 3 after every adder, 4 around each addition",
    )
    choices: int = parameter(
        4,
        only=(1, 2, 4),
        unit="registers",
        help="registers per lane of which one is selected: 4 is smallest on six-input LUTs, 1 elsewhere",
    )
    name: str = "stlq_array"

    def __post_init__(self) -> None:
        validate(self)
        if not isinstance(self.name, str) or not VERILOG_NAME.fullmatch(self.name) or self.name in RESERVED_WORDS:
            raise ValueError(f"name is {self.name!r}; allowed: {NAME_RULE}")

    @property
    def acc_bits(self) -> int:
        """Width of an accumulator and of one sum."""
        return self.format.acc_bits(self.depth)

    @property
    def residual_shift(self) -> int | None:
        """By how many places a tile's second word is finer than its first; None if tiles have one word each."""
        return None

    @property
    def tile(self) -> tuple[int, int]:
        """(output channels, input channels) of one tile."""
        return (self.pe, self.lanes)

    @property
    def size(self) -> str:
        """How large the array is, for people."""
        pixels = f", {self.pixels} pixels" if self.pixels > 1 else ""
        return f"{self.pe} x {self.lanes} array{pixels}"

    @property
    def words_per_beat(self) -> int:
        """Words in a `tiles` beat."""
        return self.pe * self.lanes

    @property
    def acts_per_beat(self) -> int:
        """Activations in an `acts` beat."""
        return self.pixels * self.lanes

    def own_lane(self, pe: int, number: int) -> int:
        """The lane in which a PE gets its own activation of a number from 1 on, if it has such; 0 is lane `pe`."""
        return (pe + number) % self.lanes

    @property
    def sums_per_beat(self) -> int:
        """Sums in a `sums` beat."""
        return self.pixels * self.pe

    @property
    def payload_bits(self) -> dict[str, int]:
        """Width of each stream's payload."""
        return {
            "tiles": self.words_per_beat * self.format.bits + 2,
            "acts": self.acts_per_beat * self.format.act_bits,
            "sums": self.sums_per_beat * self.acc_bits,
        }

    @property
    def longest_chain(self) -> int:
        """Most lanes whose products are added one after the other, before the tree.

        Each adder of a chain takes in the last step of a lane: the selection among its registers. Without selection
        every lane is a chain of its own.
        """
        return 4 if self.pipeline and self.choices > 1 else 1

    @property
    def schedule(self) -> Schedule:
        """The registers between inputs and sums."""
        return Schedule(lanes=self.lanes, pipeline=self.pipeline, longest_chain=self.longest_chain)

    @property
    def buffered(self) -> bool:
        """Whether the array is the microarchitecture with ping-pong accumulators."""
        return self.schedule.buffered

    @property
    def latency_cycles(self) -> int:
        """Cycles from the transfer of a dot product's last `tiles` beat to that of its `sums` beat.

        Without stalls a dot product of B beats occupies B + latency_cycles cycles from first to last transfer.
        """
        return self.schedule.latency_cycles

    @property
    def macs_per_cycle(self) -> int:
        return self.pixels * self.pe * self.lanes

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name, the format's among them, ready for JSON."""
        values = asdict(self)
        return {**values.pop("format"), **values}


@dataclass(frozen=True, kw_only=True)
class ArrayConfig(BaseArrayConfig):
    """An array of one-word and two-word weights.

    >>> config = ArrayConfig(pe=4, lanes=6, depth=100)
    >>> config.tile, config.macs_per_cycle, config.acc_bits, config.latency_cycles
    ((4, 6), 24, 20, 6)
    >>> ArrayConfig(pe=65)
    Traceback (most recent call last):
    ValueError: pe is 65; allowed: a whole number from 1 to 64
    """

    format: StlqFormat = field(default_factory=StlqFormat)

    @property
    def residual_shift(self) -> int:
        return self.format.residual_shift
