"""A memory whose entries are filled from bus words."""

from amaranth import Cat, Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.layouts import fill_signature

FEWEST = 16  # entries: LUTs that are memory hold as many, and of fewer iCE40 would make flip-flops


class Store(Component):
    """`depth` entries of `bits` bits, each in as many memories, side by side, as it takes bus words: its *slots*.

    A bus word goes to its slot as it is: no register collects an entry, no multiplexer moves a bit.

    Latency: data one cycle after the address. Throughput: one read and one write in each cycle, at different entries.

    Parameters
    ----------
    name : str
        What it holds; part of its module's name.

    Members
    -------
    fill : In
        A bus word, and where it goes; see :func:`fill_signature`. The last slot takes the lowest bits that it has.
    read : In(1), entry : In(range(depth)), value : Out(bits)
        The entry to read, and what it held when it was last asked for.
    """

    def __init__(self, config: EngineConfig, name: str, bits: int, depth: int):
        self._bits, self._depth, self._bus_bits = bits, depth, config.bus_bits
        super().__init__(
            {
                "fill": In(fill_signature(config, bits, depth)),
                "read": In(1),
                "entry": In(range(depth)),
                "value": Out(bits),
            },
            module=f"{config.name}_{name}",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = []
        for index, offset in enumerate(range(0, self._bits, self._bus_bits)):
            width = min(self._bus_bits, self._bits - offset)
            cells = memory.Memory(shape=width, depth=max(self._depth, FEWEST), init=[])
            m.submodules[f"slot{index}"] = cells
            write, read = cells.write_port(), cells.read_port()
            part = Signal(width, name=f"part{index}")
            m.d.comb += [
                write.addr.eq(self.fill.target),
                write.data.eq(self.fill.word[:width]),
                write.en.eq(self.fill.slot[index]),
                read.en.eq(self.read),
                read.addr.eq(self.entry),
                part.eq(read.data),
            ]
            parts.append(part)
        m.d.comb += self.value.eq(Cat(parts))
        return m
