"""The ranges of memory: which burst comes next."""

from typing import NamedTuple

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, stream
from amaranth.lib.wiring import In, Out

from hw.bus.config import Bus, BusConfig
from hw.bus.layouts import LOAD, burst_layout
from hw.bus.registers import Part, Range
from hw.component import Component


class Reading(NamedTuple):
    """An entry of the memories is read, if `enable`."""

    enable: Value
    entry: Value


class Ranges(Component):
    """Divides the ranges into bursts, and offers one after the other: outputs first, the program last.

    Each range has two entries in the memories: what the host wrote, and how far the run is. The first burst of a run is
    calculated from the former, all others from the latter. What is left of a range is stored as a negative number of
    bus words, so it counts up. One adder for each memory serves the host, too, who writes through it.

    Throughput: a burst every two cycles.

    Members
    -------
    load : In(LOAD)
        What the host writes. Only between runs.
    restart : In(1)
        A run starts.
    wanted : In(3)
        For each range: a burst may start.
    level : In
        Bus words of outputs that are buffered, and in no burst yet.
    bursts : Out(stream)
        See :func:`burst_layout`.
    used_up : Out(3)
        Ranges whose last burst was transferred.
    astray : Out(1)
        The next burst is not offered: it would write more words than are buffered, or a range leaves the bus.
    idle : Out(1)
        No burst is offered, or about to be.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = {
            "load": In(LOAD),
            "restart": In(1),
            "wanted": In(len(Range)),
            "level": In(range(config.burst_words + 1)),
            "bursts": Out(stream.Signature(burst_layout(config))),
            "used_up": Out(len(Range)),
            "astray": Out(1),
            "idle": Out(1),
        }
        super().__init__(members, module=f"{config.name}_ranges")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chosen, fresh = Signal(len(Range), name="chosen"), Signal(len(Range), name="fresh")
        pick, last, leaves = (Signal(name=name) for name in ("pick", "last", "leaves"))
        burst, moves = self.bursts.payload, self.bursts.valid & self.bursts.ready
        due = self.wanted & ~self.used_up
        index, first = Signal.like(burst.range, name="index"), Signal(name="first")
        for which in Range:  # the last one that is due is the one that counts
            with m.If(due[which]):
                m.d.comb += [index.eq(which), first.eq(fresh[which])]
        with m.If(pick):
            m.d.sync += burst.range.eq(index)
        self._memories(m, Reading(pick, Cat(index, ~first)), moves, last, leaves)
        with m.FSM(init="PICK"):
            with m.State("PICK"):
                m.d.comb += [pick.eq(due.any()), self.idle.eq(~pick)]
                with m.If(pick):
                    m.next = "OFFER"
            with m.State("OFFER"):
                writes = burst.range == Range.OUTPUTS
                m.d.comb += self.astray.eq((writes & (burst.more >= self.level)) | (leaves & ~last))
                m.d.comb += self.bursts.valid.eq(~self.astray)
                with m.If(self.astray | self.bursts.ready):
                    m.next = "PICK"
        m.d.comb += chosen.eq(1 << burst.range)
        with m.If(moves):
            m.d.sync += [fresh.eq(fresh & ~chosen), self.used_up.eq(self.used_up | Mux(last, chosen, 0))]
        with m.If(self.restart):
            m.d.sync += [fresh.eq(~0), self.used_up.eq(0)]
        return m

    def _memories(self, m: Module, reading: Reading, moves: Value, last: Signal, leaves: Signal) -> None:
        """Addresses and what is left, before and behind a burst; whether that is its range's last, or the bus's."""
        config, load, burst = self._config, self.load, self.bursts.payload
        size = (config.burst_words - 1).bit_length()
        host = load.part.any()
        target = Mux(host, load.range, Cat(burst.range, 1))
        words = load.value[config.byte_bits :]  # those below are 0

        def ram(name: str, bits: int, part: Part) -> tuple[Value, Value]:
            m.submodules[name] = cells = memory.Memory(shape=bits, depth=2 << burst.range.shape().width, init=[])
            read, write = cells.read_port(), cells.write_port()
            m.d.comb += [read.en.eq(reading.enable), read.addr.eq(reading.entry), write.addr.eq(target)]
            m.d.comb += write.en.eq(load.part[part] | moves)
            return read.data, write.data

        low, low_next = ram("low", config.length_bits, Part.LOW)
        left, left_next = ram("left", config.length_bits, Part.LENGTH)
        within, block, carry = low[:size], Signal(config.length_bits - size + 1, name="block"), Signal(name="carry")
        m.d.comb += [
            block.eq(Mux(host, words[size:], low[size:]) + ~host),
            low_next.eq(Cat(Mux(host, words[:size], 0), block)),
            # What is left is negative; ~words + 1, and a whole burst without `within` is ~within + 1.  The burst that
            # takes it to 0 or beyond has a carry.
            Cat(carry, left_next, last).eq(Cat(1, Mux(host, ~words, left)) + Cat(1, Mux(host, 0, ~within))),
            burst.address.eq(low),
        ]
        if config.bus is Bus.WISHBONE:
            m.d.comb += leaves.eq(block[-1])
        else:
            high, high_next = ram("high", 32, Part.HIGH)
            m.d.comb += Cat(high_next, leaves).eq(Mux(host, load.value, high) + block[-1])
            m.d.comb += burst.address.eq(Cat(low, high))
        m.d.comb += burst.more.eq(Mux(last, ~left[:size], ~within))
