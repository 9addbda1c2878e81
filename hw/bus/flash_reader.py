"""A program in SPI flash."""

from enum import IntEnum
from typing import NamedTuple

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.rom_config import RomConfig
from hw.component import Component

DUMMY = 8  # clocks between address and data
LANES = 4


class Command(IntEnum):
    """What flashes of all makers know."""

    WAKE = 0xAB  # from the power-down in which an iCE40 leaves it
    VOLATILE = 0x50  # the next write to a status register lasts until power-off
    STATUS2 = 0x31
    READ = 0x6B  # address on one lane, data on four


QUAD_ENABLE = 0x02  # of status register 2


def flash_signature() -> wiring.Signature:
    """The pins, as the reader sees them: `cs_n`, `clk`, and four lanes with one output enable."""
    return wiring.Signature({"cs_n": Out(1), "clk": Out(1), "o": Out(LANES), "oe": Out(1), "i": In(LANES)})


class Line(NamedTuple):
    """One transfer over the pins."""

    shift: Signal  # bits that go out or came in
    left: Signal  # clocks of the flash after this one
    ticks: Signal  # the clock of the flash goes on
    ends: Signal  # the last clock of the transfer
    selected: Signal
    drives: Signal  # lanes are outputs


class FlashReader(Component):
    """Gives the program's words, from the first to the last and again, by one quad read for each time.

    After a reset it wakes the flash, and enables its four lanes until power-off. The clock of the flash is half the
    clock, in SPI mode 0, and stops while a word waits.

    Throughput: a bus word every `bus_bits` / 2 + 1 cycles.

    Members
    -------
    flash : Out
        See :func:`flash_signature`.
    words : Out(stream)
        The words.
    """

    def __init__(self, config: RomConfig):
        self._config = config
        members = {"flash": Out(flash_signature()), "words": Out(stream.Signature(config.bus_bits))}
        super().__init__(members, module=f"{config.name}_flash")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = self._line(m)
        with m.FSM(init="PAUSE"):
            self._send(m, line)
            self._read(m, line)
        return m

    def _line(self, m: Module) -> Line:
        """What goes over the pins: the highest bit of `shift` out, the four lanes in from below."""
        config, flash = self._config, self.flash
        line = Line(
            shift=Signal(max(32, config.bus_bits)),
            left=Signal(range(max(32, config.bus_bits // LANES))),
            ticks=Signal(),
            ends=Signal(),
            selected=Signal(),
            drives=Signal(),
        )
        m.d.comb += [
            flash.cs_n.eq(~line.selected),
            flash.oe.eq(line.drives),
            # Write protect and hold are lanes 2 and 3 until the flash has four.
            flash.o.eq(Cat(line.shift[-1], Const(0, 1), Const(3, 2))),
            line.ends.eq(flash.clk & (line.left == 0)),
            self.words.payload.eq(Cat(line.shift[: config.bus_bits].word_select(i, 8) for i in self._order())),
        ]
        m.d.sync += flash.clk.eq(line.ticks & ~flash.clk)
        with m.If(flash.clk):
            m.d.sync += line.left.eq(line.left - 1)
        return line

    def _send(self, m: Module, line: Line) -> None:
        """The states that send commands on one lane, each after a pause."""
        config = self._config
        frames = [
            (Command.WAKE, 8),
            (Command.VOLATILE, 8),
            (Command.STATUS2 << 8 | QUAD_ENABLE, 16),
            (Command.READ << 24 | config.flash_address, 32),
        ]
        pause = Signal(range(config.wake_cycles + 1), init=config.wake_cycles)
        number = Signal(range(len(frames)))
        with m.State("PAUSE"):
            m.d.sync += pause.eq(pause - 1)
            with m.If(pause == 0):
                bits = Array(Const(frame << (len(line.shift) - length), len(line.shift)) for frame, length in frames)
                counts = Array(Const(length - 1, len(line.left)) for _, length in frames)
                m.d.sync += [line.shift.eq(bits[number]), line.left.eq(counts[number])]
                m.d.sync += [line.selected.eq(1), line.drives.eq(1)]
                m.next = "SEND"
        with m.State("SEND"):
            m.d.comb += line.ticks.eq(1)
            with m.If(self.flash.clk):
                m.d.sync += line.shift.eq(line.shift << 1)
            with m.If(line.ends):
                m.d.sync += [line.drives.eq(0), line.left.eq(DUMMY - 1), pause.eq(config.wake_cycles)]
                m.next = "DUMMY"
                with m.If(number != len(frames) - 1):
                    m.d.sync += [number.eq(number + 1), line.selected.eq(0)]
                    m.next = "PAUSE"

    def _read(self, m: Module, line: Line) -> None:
        """The states that read words on four lanes, and begin again after the last one."""
        config = self._config
        words = Signal(range(len(config.program)))
        with m.State("DUMMY"):
            m.d.comb += line.ticks.eq(1)
            with m.If(line.ends):
                m.d.sync += line.left.eq(config.bus_bits // LANES - 1)
                m.next = "READ"
        with m.State("READ"):
            m.d.comb += line.ticks.eq(1)
            with m.If(self.flash.clk):
                m.d.sync += line.shift.eq(Cat(self.flash.i, line.shift))
            with m.If(line.ends):
                m.next = "GIVE"
        with m.State("GIVE"):
            last = words == len(config.program) - 1
            m.d.comb += self.words.valid.eq(1)
            m.d.sync += line.left.eq(config.bus_bits // LANES - 1)
            with m.If(self.words.ready):
                m.d.sync += [words.eq(Mux(last, 0, words + 1)), line.selected.eq(~last)]
                m.next = "READ"
                with m.If(last):
                    m.next = "PAUSE"

    def _order(self) -> range:
        """Bytes come with the lowest one first, and are shifted in from below."""
        return range(self._config.word_bytes - 1, -1, -1)
