"""From bursts to Wishbone."""

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import Out

from hw.bus.config import BusConfig
from hw.bus.master import master_members
from hw.bus.registers import Range
from hw.bus.wishbone import wishbone_signature
from hw.component import Component


class WishboneMaster(Component):
    """A pipelined B4 master. One cycle of the bus (`cyc`) has bursts of one range alone, so it never changes direction.

    Throughput: a word a cycle, also from one burst to the next of the same range; two cycles and the latency of the
    memory between ranges.

    Members
    -------
    bus : Out(Wishbone)
        The port.
    As :func:`master_members`.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = {"bus": Out(wishbone_signature(config.word_address_bits, config.bus_bits)), **master_members(config)}
        super().__init__(members, module=f"{config.name}_master")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, bus, burst = self._config, self.bus, self.bursts.payload
        size = (config.burst_words - 1).bit_length()
        serves, more = Signal.like(burst.range, name="serves"), Signal.like(burst.more, name="more")
        active = Signal()
        waiting = Signal(range(config.program_words + 1))  # for their answers
        accepted, answered = bus.stb & ~bus.stall, bus.cyc & (bus.ack | bus.err)
        last = accepted & (more == 0)
        m.d.comb += [
            bus.stb.eq(active & (~bus.we | self.words.valid)),
            bus.sel.eq(~0),
            bus.dat_w.eq(self.words.payload),
            self.words.ready.eq(accepted & bus.we),
            # Writes that wait for answers are as few as reads: `waiting` holds those of a burst more.
            self.bursts.ready.eq(~bus.cyc | ((~active | last) & (serves == burst.range) & ~waiting[-1])),
            self.quiet.eq(~bus.cyc),
        ]
        m.d.sync += waiting.eq(waiting + accepted - answered)
        with m.If(accepted):
            m.d.sync += [bus.adr[:size].eq(bus.adr[:size] + 1), more.eq(more - 1)]
        with m.If(last):
            m.d.sync += active.eq(0)
        with m.If(~active & (waiting == 0)):
            m.d.sync += bus.cyc.eq(0)
        with m.If(self.bursts.valid & self.bursts.ready):
            m.d.sync += [bus.cyc.eq(1), active.eq(1), serves.eq(burst.range), bus.we.eq(burst.range == Range.OUTPUTS)]
            m.d.sync += [bus.adr.eq(burst.address), more.eq(burst.more)]
        reads = answered & ~bus.we
        m.d.comb += [
            self.word.eq(bus.dat_r),
            self.read.eq(Cat(reads & (serves == which) for which in Range)),
            self.read_failed.eq(reads & bus.err),
            self.write_failed.eq(answered & bus.we & bus.err),
        ]
        return m
