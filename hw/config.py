"""The parameters of one array, and everything that derives from them."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from hw.reserved import RESERVED_WORDS
from sw_ref.format import StlqFormat, parameter, validate

NAME_RULE = "a Verilog identifier: a letter or _, then letters, digits or _, at most 64 characters, no reserved word"
VERILOG_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ArrayConfig:
    """One array: `pe` output channels by `lanes` input channels per tile.

    Raises ``ValueError`` with the parameter's name, value and allowed range when made with a bad one.

    >>> config = ArrayConfig(pe=4, lanes=6, depth=100)
    >>> config.tile, config.macs_per_cycle, config.acc_bits, config.latency_cycles
    ((4, 6), 24, 20, 6)
    >>> ArrayConfig(pe=65)
    Traceback (most recent call last):
    ValueError: pe is 65; allowed: a whole number from 1 to 64
    """

    format: StlqFormat = field(default_factory=StlqFormat)
    pe: int = parameter(8, low=1, high=64, unit="PEs", help="processing elements: output channels per tile")
    lanes: int = parameter(8, low=1, high=64, unit="lanes", help="shift units per PE: input channels per tile")
    depth: int = parameter(4096, low=1, high=1 << 20, unit="inputs", help="longest dot product that must not overflow")
    pipeline: int = parameter(
        3,
        low=0,
        high=3,
        unit="levels",
        help="registers before the accumulators: 1 after the lanes, 2 and after every other adder, 3 after every adder",
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
    def tile(self) -> tuple[int, int]:
        """(output channels, input channels) of one tile."""
        return (self.pe, self.lanes)

    @property
    def tree_levels(self) -> int:
        """Levels of the adder tree of one PE."""
        return (self.lanes - 1).bit_length()

    def registered(self, level: int) -> bool:
        """Whether registers follow the lanes (level 0) or an adder level (1 to `tree_levels`)."""
        if level == 0:
            return self.pipeline > 0
        # Every other one, counted from the last, whose sum is the accumulator's operand.
        return self.pipeline == 3 or (self.pipeline == 2 and (self.tree_levels - level) % 2 == 0)

    @property
    def stages(self) -> int:
        """Registers between the inputs' and the accumulator."""
        return sum(map(self.registered, range(self.tree_levels + 1)))

    @property
    def latency_cycles(self) -> int:
        """Cycles from the transfer of a dot product's last `tiles` beat to that of its `sums` beat.

        Input register, `stages`, accumulator: without stalls a dot product of B beats occupies
        B + latency_cycles cycles from first to last transfer.
        """
        return 2 + self.stages

    @property
    def macs_per_cycle(self) -> int:
        return self.pe * self.lanes

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name, the format's among them, ready for JSON."""
        values = asdict(self)
        return {**values.pop("format"), **values}
