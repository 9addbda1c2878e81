"""The parameters of one array, and everything that derives from them."""

import re
from dataclasses import asdict, dataclass, field
from itertools import pairwise, starmap
from typing import Any

from hw.reserved import RESERVED_WORDS
from sw_ref.format import StlqFormat, parameter, validate

NAME_RULE = "a Verilog identifier: a letter or _, then letters, digits or _, at most 64 characters, no reserved word"
VERILOG_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ArrayConfig:
    """One array: `pe` output channels by `lanes` input channels per tile, which meets `pixels` activation vectors.

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
        help="registers per lane of which one is chosen: 4 is smallest on six-input LUTs, 1 elsewhere",
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
    def chains(self) -> list[range]:
        """The lanes whose products are added one after the other: up to four, as evenly as they go.

        Each adder of a chain takes in the last step of a lane, to choose among its registers. Where there is no choice,
        each lane is a chain of its own: what follows is a tree of all lanes.
        """
        longest = 4 if self.pipeline and self.choices > 1 else 1
        count = -(-self.lanes // longest)
        return list(starmap(range, pairwise(self.lanes * index // count for index in range(count + 1))))

    def first_of_chain(self, lane: int) -> bool:
        """Whether a lane's product is the first of its chain: complete when it is registered."""
        return any(lane == lanes[0] for lanes in self.chains)

    @property
    def chain_levels(self) -> int:
        """Adder levels of the longest chain."""
        return max(map(len, self.chains)) - 1

    @property
    def adder_levels(self) -> int:
        """Adder levels between the lanes and the accumulator: those of the chains, then those of the tree."""
        return self.chain_levels + (len(self.chains) - 1).bit_length()

    def registered(self, level: int) -> bool:
        """Whether registers follow the lanes (level 0) or an adder level (1 to `adder_levels`)."""
        if level == 0:
            return self.pipeline > 0
        # Every other one, counted from the last, whose sum is the accumulator's operand.
        return self.pipeline >= 3 or (self.pipeline == 2 and (self.adder_levels - level) % 2 == 0)

    def skew(self, lane: int) -> int:
        """By how many registers a lane is behind the first ones, so that it meets the sum that its product is added to.

        All chains end at the same level.
        """
        (chain,) = (lanes for lanes in self.chains if lane in lanes)
        level = self.chain_levels - len(chain) + max(chain.index(lane), 1)
        return sum(map(self.registered, range(1, level + 1)))

    @property
    def buffered(self) -> bool:
        """Whether each PE has registers of its own for its inputs and its operand, and two accumulators in turn."""
        return self.pipeline == 4

    @property
    def own_stages(self) -> int:
        """Registers between those of the inputs and the lanes: each PE's own."""
        return int(self.buffered)

    @property
    def stages(self) -> int:
        """Registers between those of the inputs and the accumulators."""
        return self.own_stages + sum(map(self.registered, range(self.adder_levels + 1))) + self.buffered

    @property
    def latency_cycles(self) -> int:
        """Cycles from the transfer of a dot product's last `tiles` beat to that of its `sums` beat.

        Input register, `stages`, the sum, and if buffered the accumulator before it: without stalls a dot product of B
        beats occupies B + latency_cycles cycles from first to last transfer.
        """
        return 2 + self.stages + self.buffered

    @property
    def macs_per_cycle(self) -> int:
        return self.pixels * self.pe * self.lanes

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name, the format's among them, ready for JSON."""
        values = asdict(self)
        return {**values.pop("format"), **values}
