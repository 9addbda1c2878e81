"""Tables: any function of one code."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.array.registers import Registers
from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import JOB
from hw.engine.follow import Followed
from hw.engine.kept import kept
from hw.engine.layouts import CODES, struct


def tables_signature(config: EngineConfig) -> wiring.Signature:
    """The members of :class:`Tables`."""
    codes = config.requant_lanes * config.code_bits
    return wiring.Signature(
        {
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "word": In(config.bus_bits),
            "write": In(1),
            "target": In(config.code_bits + 1),
            "store": In(1),
            "codes_in": In(codes),
            "about_in": In(CODES),
            "codes": Out(codes),
            "about": Out(CODES),
        }
    )


class Tables(Component):
    """Replaces each code by its entry of the job's table, if the job has one.

    There are two tables, for jobs that have one in turn: the next one is written while the other one is read. Each lane
    has a copy.

    Latency: one cycle. Throughput: `requant_lanes` codes a cycle.

    Members
    -------
    job, starts : In, waiting : Out(1)
        See :class:`Followed`. While waiting, the table that the loader may write next is still read.
    word : In(bus_bits), write : In(1), target : In(code_bits + 1)
        An entry, written to all copies: its code, then which table.
    store : In(1)
        The codes are stored ones, and stay as they are.
    codes_in, about_in : In, codes, about : Out
        Codes as they are kept, and what they are.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(tables_signature(config), module=f"{config.name}_tables")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._config.code_bits
        about = self.about_in
        own = Followed(
            m,
            "own",
            self.job,
            ("table",),
            starts=self.starts,
            leaves=about.valid & about.done & about.event.ends,
        )
        half = Signal(init=1)
        with m.If(own.load & self.job.table):
            m.d.sync += half.eq(~half)
        plain = Registers(m, 1).register("plain", self.codes_in)
        used = later(m, "used", own["table"] & ~self.store, 1)
        m.d.sync += self.about.eq(about)
        m.d.comb += self.waiting.eq(own.waiting)
        for lane in range(self._config.requant_lanes):
            cells = memory.Memory(shape=bits, depth=2 << bits, init=[])
            m.submodules[f"lane{lane}"] = cells
            write, read = cells.write_port(), cells.read_port()
            entry = Signal(bits, name=f"entry{lane}")
            m.d.comb += [
                write.addr.eq(self.target),
                write.data.eq(self.word[:bits]),
                write.en.eq(self.write),
                read.addr.eq(Cat(kept(self.codes_in.word_select(lane, bits), bits), half)),
                entry.eq(kept(read.data, bits)),
                self.codes.word_select(lane, bits).eq(Mux(used, entry, Value.cast(plain).word_select(lane, bits))),
            ]
        return m
