"""Nested loops: their counters, with one adder."""

from collections.abc import Sequence
from typing import Any

from amaranth import Module, Mux, Signal, Value


class Loops:
    """Counters of nested loops in the module `m`, innermost first; `job` has their trip counts less 1.

    In a cycle in which `step` is 1, the innermost loop that is not at its end is incremented, and those inside of it
    start again: so only one is incremented in a cycle, and they share an adder. Where all are at their ends, all start
    again.

    `counts`; `at_end`: in its last iteration; `restarts`: starts again in this cycle; `goes_on`: is incremented.
    """

    def __init__(self, m: Module, names: Sequence[str], job: Any, step: Value):
        trips = {name: job[f"trips_{name}"] for name in names}
        self.counts = {name: Signal.like(trips[name], name=name) for name in names}
        self.at_end = {name: Signal(name=f"{name}_end") for name in names}
        self.restarts, self.goes_on = {}, {}
        *inner, selected = self.counts.values()
        for count, at_end in reversed(list(zip(inner, self.at_end.values(), strict=False))):
            selected = Mux(at_end, selected, count)
        following = Signal(max(map(len, trips.values())), name="following")
        m.d.comb += following.eq(selected + 1)
        for name, count in self.counts.items():
            m.d.comb += self.at_end[name].eq(count == trips[name])
            self.restarts[name], self.goes_on[name] = step & self.at_end[name], step & ~self.at_end[name]
            step = self.restarts[name]
            with m.If(self.goes_on[name]):
                m.d.sync += count.eq(following)
            # What a last statement clears takes the registers' reset, not a LUT for each bit.
            with m.If(step):
                m.d.sync += count.eq(0)
