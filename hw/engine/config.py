"""The parameters of one engine, and everything that derives from them."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from hw.config import NAME_RULE, VERILOG_NAME, ArrayConfig
from hw.engine.encoding import ADD_TERMS, ADDRESS_BITS, TERM, VERSION, WINDOW, Field, offset_layout, width
from hw.engine.latency import CODE_CYCLES, DRAIN_CYCLES, STORE_CYCLES
from hw.reserved import RESERVED_WORDS
from sw_ref.format import StlqFormat, parameter, validate

TABLE_BITS = 8  # of the largest codes that tables take


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """One engine: an array, and what runs whole networks on it.

    Raises ``ValueError`` with the parameter's name, value and allowed range when made with a bad one.

    >>> config = EngineConfig()
    >>> config.product_bits, config.beat_slots, config.requant_steps
    (36, 6, 2)
    >>> EngineConfig(bus_bits=48)
    Traceback (most recent call last):
    ValueError: bus_bits is 48; allowed: 16, 32, 64, 128, 256 or 512
    """

    array: ArrayConfig = field(default_factory=lambda: ArrayConfig(format=StlqFormat(act_signed=False)))
    bus_bits: int = parameter(
        32, only=(16, 32, 64, 128, 256, 512), unit="bits", help="width of the program, input and output streams"
    )
    requant_lanes: int = parameter(
        4, only=(1, 2, 4, 8, 16, 32, 64), unit="lanes", help="sums that become codes in one cycle"
    )
    memory_words: int = parameter(
        8192, low=16, high=1 << ADDRESS_BITS, unit="words", help="activation memory, in words of `lanes` codes"
    )
    group_beats: int = parameter(
        256,
        only=tuple(1 << i for i in range(4, 15)),
        unit="beats",
        help="`tiles` beats of the largest group; the weight buffer holds two such",
    )
    memory_ports: int = parameter(
        2,
        only=(1, 2),
        unit="ports",
        help="of the activation memory: with 1, as the SPRAM of a UP5K has, results take cycles from the array",
    )
    tables: bool = parameter(
        False, help="functions of one code, as HardSwish or sigmoid: a memory per requantizer lane"
    )
    depthwise: bool = parameter(
        False, help="3 x 3 depthwise layers read three columns at a time: a window before the array"
    )
    name: str = "stlq_engine"

    def __post_init__(self) -> None:
        validate(self)
        if not isinstance(self.name, str) or not VERILOG_NAME.fullmatch(self.name) or self.name in RESERVED_WORDS:
            raise ValueError(f"name is {self.name!r}; allowed: {NAME_RULE}")
        if self.name == self.array.name:
            raise ValueError(f"name is {self.name!r}, which is the array's inside; allowed: another name")
        pe, lanes = self.array.tile
        if self.array.format.act_signed:
            raise ValueError("act_signed is True; allowed in an engine: False")
        if self.array.pixels != 1:
            raise ValueError(f"pixels is {self.array.pixels}; allowed in an engine: 1")
        if pe != lanes:
            raise ValueError(f"pe is {pe} and lanes {lanes}; allowed in an engine so far: the same number")
        if self.tables and self.code_bits > TABLE_BITS:
            raise ValueError(f"act_bits is {self.code_bits}; allowed with tables: at most {TABLE_BITS}")
        if self.depthwise and lanes < WINDOW:
            raise ValueError(f"lanes is {lanes}; allowed with depthwise: at least {WINDOW}")
        if pe % self.requant_lanes:
            raise ValueError(f"requant_lanes is {self.requant_lanes}; allowed: divisors of pe, {pe}")

    @cached_property
    def core(self) -> ArrayConfig:
        """The array inside: its activations are signed, as it gets codes less 2^(code_bits - 1)."""
        return replace(self.array, format=replace(self.array.format, act_signed=True))

    @property
    def code_bits(self) -> int:
        """Width of a code in the activation memory."""
        return self.array.format.act_bits

    @property
    def transfer_bits(self) -> int:
        """Width of a code on the input and output streams: that of its type in files."""
        return 8 if self.code_bits <= 8 else 16

    @property
    def codes_per_transfer(self) -> int:
        """Codes in a bus word of the input and output streams."""
        return self.bus_bits // self.transfer_bits

    @property
    def pairs(self) -> bool:
        """Whether input jobs may move two codes at a time: for even lanes and odd ones."""
        return self.codes_per_transfer > 1 and self.requant_lanes > 1

    @property
    def word_bits(self) -> int:
        """Width of a word of the activation memory."""
        return self.array.lanes * self.code_bits

    @property
    def address_bits(self) -> int:
        """Width of an address of the activation memory."""
        return (self.memory_words - 1).bit_length()

    @property
    def beat_bits(self) -> int:
        """Width of the words of a `tiles` beat."""
        return self.array.words_per_beat * self.array.format.bits

    @property
    def beat_slots(self) -> int:
        """Bus words of a beat in a program."""
        return self.slots(self.beat_bits)

    @property
    def code_cycles(self) -> int:
        """Cycles from sums to the codes that are written."""
        return CODE_CYCLES + self.tables

    @property
    def drain_cycles(self) -> int:
        """Cycles from the last sums of a job to the start of one that reads, or writes over, what it writes."""
        return DRAIN_CYCLES + self.tables

    @property
    def store_cycles(self) -> int:
        """Cycles from a code that is stored to the memory word that holds it."""
        return STORE_CYCLES + self.tables

    @property
    def product_bits(self) -> int:
        """Width of a sum times its multiplier plus everything that is added before the shift."""
        return self.core.acc_bits + 10

    @cached_property
    def offset(self) -> dict[str, Field]:
        """Layout of what is added to one channel's product."""
        return offset_layout(self.product_bits)

    @property
    def scale_bits(self) -> int:
        """Width of what the requantizer's lanes multiply by at a time."""
        return self.requant_lanes * width(TERM)

    @property
    def offset_bits(self) -> int:
        """Width of what the requantizer's lanes add at a time, and of how far they shift."""
        return self.requant_lanes * width(self.offset)

    @property
    def requant_steps(self) -> int:
        """Cycles in which the requantizer's lanes take the sums of all PEs, if nothing is added."""
        return self.array.pe // self.requant_lanes

    @property
    def offset_entries(self) -> int:
        """Entries of the offsets' store: of two groups; the lowest bits of an entry's address say which step."""
        return 2 << (self.requant_steps - 1).bit_length()

    @property
    def scale_entries(self) -> int:
        """Entries of the scales' store: as the offsets', but for each term of a step, which the lowest bits say."""
        return self.offset_entries << ADD_TERMS.bit_length()

    def slots(self, bits: int) -> int:
        """Bus words that `bits` bits take."""
        return -(-bits // self.bus_bits)

    def to_dict(self) -> dict[str, Any]:
        """The parameters by name, the array's among them as `array`, ready for JSON."""
        return {**asdict(self), "array": self.array.to_dict()}

    @property
    def digest(self) -> int:
        """32 bits that say for which engines a program is.

        Names do not count, nor how deep the array's pipeline is, nor the memory's ports: a program runs on engines that
        differ in those.
        """
        values = self.to_dict()
        del values["name"], values["memory_ports"]
        for name in ("name", "pipeline", "choices", "depth"):
            del values["array"][name]
        values["acc_bits"] = self.core.acc_bits
        text = json.dumps([VERSION, values], sort_keys=True, separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")
