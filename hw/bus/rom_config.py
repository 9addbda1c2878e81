"""The parameters of an engine with its program in a ROM, and what derives from them."""

from dataclasses import dataclass
from enum import Enum

from hw.bus.top_config import TopConfig
from sw_ref.format import parameter, validate

FLASH_BYTES = 1 << 24  # that three bytes of address reach
PAGE_BYTES = 256
SHORTEST = 4  # clock cycles of a bit on a UART
TOLERANCE = 0.02  # of the rate of a UART; a receiver samples its tenth bit half a bit from its edge
WAKE_MICROSECONDS = 3  # until a flash answers that was asleep


class Source(Enum):
    """Where the program is."""

    RAM = "ram"
    FLASH = "flash"


class Codes(Enum):
    """How inputs come, and outputs leave."""

    STREAM = "stream"
    UART = "uart"


@dataclass(frozen=True, kw_only=True)
class RomConfig(TopConfig):
    """An engine that runs one `program`, its bus words, for ever.

    Raises ``ValueError`` with the parameter's name, value and what is allowed when made with a bad one.

    >>> from hw.engine.config import EngineConfig
    >>> config = RomConfig(engine=EngineConfig(), program=(1, 2, 3), clock_hz=12_000_000)
    >>> config.name, config.divisor, config.wake_cycles
    ('stlq_rom', 12, 36)
    >>> RomConfig(engine=EngineConfig(), program=(1,), clock_hz=12_000_000, baud=5_000_000)
    Traceback (most recent call last):
    ValueError: baud is 5000000; allowed at 12000000 Hz: a rate of which a bit takes 4 cycles or more, within 2%
    """

    program: tuple[int, ...]
    source: Source = Source.RAM
    codes: Codes = Codes.UART
    clock_hz: int = parameter(100_000_000, low=1_000_000, high=200_000_000, unit="Hz", help="clock")
    baud: int = parameter(1_000_000, low=1200, high=50_000_000, unit="bits/s", help="rate of the UART")
    flash_address: int = parameter(
        1 << 20, low=0, high=FLASH_BYTES - PAGE_BYTES, unit="bytes", help="where the program is in the flash"
    )

    def __post_init__(self) -> None:
        validate(self)
        if not self.program:
            raise ValueError("program is empty; allowed: a word or more")
        if self.flash_address % PAGE_BYTES:
            raise ValueError(f"flash_address is {self.flash_address}; allowed: multiples of {PAGE_BYTES}")
        if self.source is Source.FLASH and self.flash_address + self.program_bytes > FLASH_BYTES:
            raise ValueError(
                f"program has {self.program_bytes} bytes; allowed from {self.flash_address} on: "
                f"{FLASH_BYTES - self.flash_address}"
            )
        exact = self.clock_hz / self.baud
        if self.codes is Codes.UART and (self.divisor < SHORTEST or abs(self.divisor / exact - 1) > TOLERANCE):
            raise ValueError(
                f"baud is {self.baud}; allowed at {self.clock_hz} Hz: a rate of which a bit takes {SHORTEST} cycles "
                f"or more, within {TOLERANCE:.0%}"
            )

    @property
    def kind(self) -> str:
        """The end of the top's name."""
        return "rom"

    @property
    def in_file(self) -> bool:
        """Whether the Verilog reads the program from a file."""
        return self.source is Source.RAM

    @property
    def program_bytes(self) -> int:
        """Bytes of the program."""
        return len(self.program) * self.word_bytes

    @property
    def divisor(self) -> int:
        """Clock cycles of a bit on the UART."""
        return round(self.clock_hz / self.baud)

    @property
    def wake_cycles(self) -> int:
        """Clock cycles between two commands to the flash."""
        return -(-self.clock_hz * WAKE_MICROSECONDS // 1_000_000)
