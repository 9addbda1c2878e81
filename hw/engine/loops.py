"""Nested loops that count."""

from collections.abc import Sequence
from typing import Any

from amaranth import Const, Module, Mux, Signal, Value

SHARED = 3  # loops that share an adder: of more, the selection before it is late


class Loops:
    """Counters of nested loops in the module `m`, innermost first.

    `job` has their trip counts less 1, and says which are `single`: those with one iteration, whose count is 0.

    In a cycle in which `step` is 1, the innermost loop that is not at its end is incremented, and those inside of it
    start again: so only one is incremented in a cycle, and they share adders. Where all are at their ends, all start
    again. In a cycle in which `load` is 1, `job` becomes `next_job` with the next one; all loops are at their starts
    then.

    `at_end`: a register, in its last iteration; `over`: so are all inside of it; `due`: it is the one to increment.

    A counter is one ahead: it counts the iterations that were begun. So what `at_end` becomes is compared meanwhile.
    """

    def __init__(self, m: Module, names: Sequence[str], step: Value, job: Any, *, load: Value, next_job: Any):
        trips = {name: job[f"trips_{name}"] for name in names}
        counts = {name: Signal.like(trips[name], name=name, init=1) for name in names}
        self.at_end = {name: Signal(name=f"{name}_end") for name in names}
        self.over: dict[str, Value] = {}
        self.due: dict[str, Value] = {}
        following = {}
        for first in range(0, len(names), SHARED):
            sharing = names[first : first + SHARED]
            selected: Value = counts[sharing[-1]]
            for name in reversed(sharing[:-1]):
                selected = Mux(self.at_end[name], selected, counts[name])
            adder = Signal(max(len(trips[name]) for name in sharing), name=f"following_{sharing[0]}")
            m.d.comb += adder.eq(selected + 1)
            following |= dict.fromkeys(sharing, adder)
        over: Value = Const(1, 1)
        for name, count in counts.items():
            at_end, single, alone = self.at_end[name], Signal(name=f"{name}_single"), next_job[f"single_{name}"]
            self.due[name], self.over[name] = over & ~at_end, over & at_end
            over = self.over[name]
            with m.If(step & self.due[name]):
                m.d.sync += [count.eq(following[name]), at_end.eq(count == trips[name])]
            # What a last statement sets or clears takes the registers' reset, not a LUT for each bit.
            with m.If(step & over):
                m.d.sync += [count.eq(1), at_end.eq(single)]
            with m.If(load):
                m.d.sync += [single.eq(alone), at_end.eq(alone)]
