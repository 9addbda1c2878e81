"""Cycles of a memory with one port that are reserved for results."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.latency import ADDRESS_CYCLES, MEMORY_CYCLES


class Reserve(Component):
    """Says when no element may be due, because its operand would be read in a cycle in which port b is used.

    Nothing behind the sequencer ever stalls. So it is known long before when a position's word is written, and when the
    word that is added to it is read.

    Members
    -------
    adds : In(1)
        The last element of a position is due, to which a word is added.
    writes : In(1)
        The sums of a position are taken whose word will be written.
    reserved : Out(1)
        No element may be due.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        members = {"adds": In(1), "writes": In(1), "reserved": Out(1)}
        super().__init__(members, module=f"{config.name}_reserve")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        # As `add_read` and `due` of the writer, so many cycles earlier as an element is due before it is read.
        add_read = later(m, "add", self.adds, config.array.latency_cycles + MEMORY_CYCLES)
        due = Signal()
        done = later(m, "write", self.writes, config.code_cycles - ADDRESS_CYCLES)
        m.d.sync += due.eq(done | (due & add_read))
        m.d.comb += self.reserved.eq(add_read | due)
        return m
