"""The window before the array: three columns of a kernel row at a time, for depthwise layers."""

from itertools import pairwise

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW


class Window(Component):
    """Activations of the array: a word that is read, and the words of the columns before it in the same kernel row.

    A position of a job with `window` reads `WINDOW` words, one of each kernel row. So the word of the same row that was
    read a column ago was read `WINDOW` words ago. Shift registers keep such words. Their places are fixed: neither an
    address nor a memory is needed.

    PE p then gets channel p alone: that of a columns ago in its lane ``own_lane(p, a)``. Lane p has the present one in
    all jobs, so each PE needs `WINDOW` - 1 activations of its own. In other jobs these are the word's, too.

    Latency: 0 cycles. Throughput: a word a cycle.

    Members
    -------
    word : In(word_bits), read : In(1)
        A word of the activation memory; it is a tile's, and comes for the first time.
    on : In(1)
        It is of a job with `window`.
    acts : Out
        The word, and behind it each PE's own activations; see :func:`acts_layout`.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        own = (WINDOW - 1) * config.array.pe * config.code_bits
        members = {
            "word": In(config.word_bits),
            "read": In(1),
            "on": In(1),
            "acts": Out(config.word_bits + own),
        }
        super().__init__(members, module=f"{config.name}_window")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        array, bits = self._config.array, self._config.code_bits
        # The reset keeps them registers: without it Yosys makes shift registers of LUTs on Xilinx, one for each bit.
        kept = [self.word, *(Signal(self.word.shape(), name=f"word{n}") for n in range(1, (WINDOW - 1) * WINDOW + 1))]
        with m.If(self.read & self.on):
            m.d.sync += [held.eq(word) for word, held in pairwise(kept)]
        columns = kept[WINDOW::WINDOW]
        own = [
            Mux(self.on, column.word_select(pe, bits), self.word.word_select(array.own_lane(pe, age), bits))
            for pe in range(array.pe)
            for age, column in enumerate(columns, 1)
        ]
        m.d.comb += self.acts.eq(Cat(self.word, own))
        return m
