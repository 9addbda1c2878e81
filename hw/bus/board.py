"""An engine on a board: the top's ports at the board's pins."""

from typing import Any

from amaranth import Cat, ClockSignal, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.build import Subsignal
from amaranth.lib import io

from hw.bus.rom_config import Codes, RomConfig, Source

COLD_CYCLES = 16  # of reset after configuration


class BoardTop(Elaboratable):
    """`stlq_rom`, whose Verilog is among the platform's files, on the board's clock, UART, flash and LEDs.

    LED 0 is on while an inference runs, LED 1 after an error or a lost word, until the next reset.
    """

    def __init__(self, config: RomConfig):
        if config.codes is not Codes.UART:
            raise ValueError(f"codes is {config.codes.value!r}; allowed on a board: 'uart'")
        self._config = config

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        uart = _ports(platform, "uart")
        busy, overrun, error = Signal(), Signal(), Signal(4)
        # Not every family resets a design when it is configured; but registers of this module have their first values.
        cold = Signal(range(COLD_CYCLES), init=COLD_CYCLES - 1)
        with m.If(cold != 0):
            m.d.sync += cold.eq(cold - 1)
        ports: dict[str, Any] = {
            "i_clk": ClockSignal(),
            "i_rst": ResetSignal(allow_reset_less=True) | (cold != 0),
            "i_rx": _buffer(m, "rx", "i", uart.rx).i,
            "o_tx": _buffer(m, "tx", "o", uart.tx).o,
            "o_busy": busy,
            "o_error": error,
            "o_overrun": overrun,
        }
        if self._config.source is Source.FLASH:
            ports |= self._flash(m, platform)
        m.submodules.rom = Instance(self._config.name, **ports)
        for number, shown in enumerate((busy, Cat(error, overrun).any())):
            m.d.comb += _buffer(m, f"led{number}", "o", platform.request("led", number, dir="-")).o.eq(shown)
        return m

    def _flash(self, m: Module, platform: Any) -> dict[str, Any]:
        flash, cs_n = _ports(platform, "spi_flash_4x"), Signal()
        lanes = _buffer(m, "lanes", "io", flash.dq)
        # The board declares the pin as inverted.
        m.d.comb += _buffer(m, "cs", "o", flash.cs).o.eq(~cs_n)
        return {
            "o_flash__cs_n": cs_n,
            "o_flash__clk": _buffer(m, "clock", "o", flash.clk).o,
            "o_flash__o": lanes.o,
            "o_flash__oe": lanes.oe,
            "i_flash__i": lanes.i,
        }


def _ports(platform: Any, name: str) -> Any:
    """A resource of the board, with a port for each of its signals."""
    parts = [part for part in platform.lookup(name).ios if isinstance(part, Subsignal)]
    signals = [part.name for part in parts]  # pyright: ignore[reportAttributeAccessIssue]  (unknown to the stubs)
    return platform.request(name, dir=dict.fromkeys(signals, "-"))


def _buffer(m: Module, name: str, direction: Any, port: Any) -> Any:
    """The interface of a pin."""
    m.submodules[name] = buffer = io.Buffer(direction, port)
    return buffer
