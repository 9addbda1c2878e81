"""A program in SPI flash."""

from enum import IntEnum

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
        config, flash = self._config, self.flash
        frames = [
            (Command.WAKE, 8),
            (Command.VOLATILE, 8),
            (Command.STATUS2 << 8 | QUAD_ENABLE, 16),
            (Command.READ << 24 | config.flash_address, 32),
        ]
        shift = Signal(max(32, config.bus_bits))
        pause = Signal(range(config.wake_cycles + 1), init=config.wake_cycles)
        number, left = Signal(range(len(frames))), Signal(range(max(32, config.bus_bits // LANES)))
        words = Signal(range(len(config.program)))
        selected, drives, ends = Signal(), Signal(), Signal()
        m.d.comb += [
            flash.cs_n.eq(~selected),
            flash.oe.eq(drives),
            # Write protect and hold are lanes 2 and 3 until the flash has four.
            flash.o.eq(Cat(shift[-1], Const(0, 1), Const(3, 2))),
            ends.eq(flash.clk & (left == 0)),
            self.words.payload.eq(Cat(shift[: config.bus_bits].word_select(i, 8) for i in self._order())),
        ]
        ticks = Signal()  # the clock of the flash goes on
        m.d.sync += flash.clk.eq(ticks & ~flash.clk)
        with m.If(flash.clk):
            m.d.sync += left.eq(left - 1)
        with m.FSM(init="PAUSE"):
            with m.State("PAUSE"):
                m.d.sync += pause.eq(pause - 1)
                with m.If(pause == 0):
                    bits = Array(Const(frame << (len(shift) - length), len(shift)) for frame, length in frames)
                    counts = Array(Const(length - 1, len(left)) for _, length in frames)
                    m.d.sync += [shift.eq(bits[number]), left.eq(counts[number]), selected.eq(1), drives.eq(1)]
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += ticks.eq(1)
                with m.If(flash.clk):
                    m.d.sync += shift.eq(shift << 1)
                with m.If(ends):
                    m.d.sync += [drives.eq(0), left.eq(DUMMY - 1), pause.eq(config.wake_cycles)]
                    m.next = "DUMMY"
                    with m.If(number != len(frames) - 1):
                        m.d.sync += [number.eq(number + 1), selected.eq(0)]
                        m.next = "PAUSE"
            with m.State("DUMMY"):
                m.d.comb += ticks.eq(1)
                with m.If(ends):
                    m.d.sync += left.eq(config.bus_bits // LANES - 1)
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += ticks.eq(1)
                with m.If(flash.clk):
                    m.d.sync += shift.eq(Cat(flash.i, shift))
                with m.If(ends):
                    m.next = "GIVE"
            with m.State("GIVE"):
                last = words == len(config.program) - 1
                m.d.comb += self.words.valid.eq(1)
                m.d.sync += left.eq(config.bus_bits // LANES - 1)
                with m.If(self.words.ready):
                    m.d.sync += [words.eq(Mux(last, 0, words + 1)), selected.eq(~last)]
                    m.next = "READ"
                    with m.If(last):
                        m.next = "PAUSE"
        return m

    def _order(self) -> range:
        """Bytes come with the lowest one first, and are shifted in from below."""
        return range(self._config.word_bytes - 1, -1, -1)
