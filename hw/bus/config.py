"""The parameters of an engine on a bus, and what derives from them."""

from dataclasses import dataclass
from enum import Enum

from hw.bus.registers import MAP_BYTES, REGISTER_BITS
from hw.bus.top_config import TopConfig
from sw_ref.format import parameter, validate


class Bus(Enum):
    """What an engine may be connected by."""

    WISHBONE = "wishbone"
    AXI = "axi"


BUS_BITS = {Bus.WISHBONE: (32, 64), Bus.AXI: (32, 64, 128, 256, 512)}
"""Widths of the masters' data."""

ADDRESS_BITS = {Bus.WISHBONE: 32, Bus.AXI: 64}
"""Widths of the masters' byte addresses."""

HOST_ADDRESS_BITS = (MAP_BYTES // 4 - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class BusConfig(TopConfig):
    """An engine, the bus that it is on, and how its master reads.

    Raises ``ValueError`` with the parameter's name, value and what is allowed when made with a bad one.

    >>> from hw.engine.config import EngineConfig
    >>> config = BusConfig(engine=EngineConfig(), bus=Bus.WISHBONE)
    >>> config.name, config.word_bytes, config.word_address_bits, config.program_words
    ('stlq_wishbone', 4, 30, 64)
    >>> BusConfig(engine=EngineConfig(bus_bits=16), bus=Bus.AXI)
    Traceback (most recent call last):
    ValueError: bus_bits is 16; allowed with axi: 32, 64, 128, 256 or 512
    """

    bus: Bus
    burst_words: int = parameter(16, only=(2, 4, 8, 16, 32, 64), unit="words", help="longest burst")
    read_bursts: int = parameter(
        4, only=(2, 4, 8, 16), unit="bursts", help="reads of the program that may be under way"
    )

    def __post_init__(self) -> None:
        validate(self)
        *others, last = widths = BUS_BITS[self.bus]
        if self.engine.bus_bits not in widths:
            allowed = f"{', '.join(map(str, others))} or {last}"
            raise ValueError(f"bus_bits is {self.engine.bus_bits}; allowed with {self.bus.value}: {allowed}")

    @property
    def kind(self) -> str:
        """The end of the top's name."""
        return self.bus.value

    @property
    def address_bits(self) -> int:
        """Width of a byte address."""
        return ADDRESS_BITS[self.bus]

    @property
    def byte_bits(self) -> int:
        """Bits of a byte address, or of a length in bytes, that count within a bus word."""
        return (self.word_bytes - 1).bit_length()

    @property
    def word_address_bits(self) -> int:
        """Width of the address of a bus word."""
        return self.address_bits - self.byte_bits

    @property
    def length_bits(self) -> int:
        """Width of a length in bus words."""
        return REGISTER_BITS - self.byte_bits

    @property
    def program_words(self) -> int:
        """Bus words of the program that may be under way or buffered."""
        return self.burst_words * self.read_bursts

    @property
    def code_words(self) -> int:
        """Bus words of inputs, and of outputs, that may be under way or buffered."""
        return 2 * self.burst_words
