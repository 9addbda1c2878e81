"""The columns of a window: at which of them it is whole."""

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW


class Columns(Component):
    """Says which positions of a job have sums: in a job without `window` all of them.

    A job with `window` reads a column of the kernel at each position. At the start of a row the window is not whole
    before column `WINDOW` - 1. From there on each column has sums, or with `pairs` every other one.

    Latency: 0 cycles. Throughput: a position a cycle.

    Members
    -------
    window, pairs : In(1), start : In(1)
        The next job's, which is the present one from the next cycle on.
    finish : In(1), same_row : In(1)
        A position's last element is due; the next position is in the same row.
    on, whole : Out(1)
        The present job has `window`; its present position has sums.
    """

    def __init__(self, config: EngineConfig):
        members = {
            "window": In(1),
            "pairs": In(1),
            "start": In(1),
            "finish": In(1),
            "same_row": In(1),
            "on": Out(1),
            "whole": Out(1),
        }
        super().__init__(members, module=f"{config.name}_columns")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        paired = Signal()
        missing = Signal(range(WINDOW))
        m.d.comb += self.whole.eq(~missing.any())
        with m.If(self.finish):
            following = Mux(self.whole, paired, missing - 1)
            m.d.sync += missing.eq(Mux(self.same_row, following, Mux(self.on, WINDOW - 1, 0)))
        with m.If(self.start):
            m.d.sync += [self.on.eq(self.window), paired.eq(self.window & self.pairs)]
            m.d.sync += missing.eq(Mux(self.window, WINDOW - 1, 0))
        return m
