"""Walks: the address of each position's memory word, one after the other."""

from typing import Any

from amaranth import Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import add
from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import JOB
from hw.engine.follow import Followed
from hw.engine.layouts import EVENT, struct

WALKS = ("write", "add")
STEPS = ("step_x", "step_y", "step_group")


class Walk(Component):
    """An address that steps from a position to the next one in its row, the next row or the next group.

    The step is selected first, and added in a later cycle: so a selection of four and an adder share no cycle, and a
    job's first address needs no multiplexer behind the adder.

    Latency: 2 cycles from `known` to the next address. Throughput: a position every cycle.

    Parameters
    ----------
    name : str
        Whose walk it is: that of the words that are written (`write`), or added (`add`).

    Members
    -------
    job, starts : In, waiting : Out(1)
        See :class:`Followed`.
    event : In(EVENT), known : In(1)
        How a position ends whose address is still needed, or needed for the last time.
    leaves : In(1)
        The job's last position is known; from here on the walk may be that of the next job.
    passes : In(1)
        The address is used for the last time; not before the cycle after `known`.
    address : Out
        The address of the position.
    """

    def __init__(self, config: EngineConfig, name: str):
        self._name, self._bits = name, config.address_bits
        members = {
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "event": In(EVENT),
            "known": In(1),
            "leaves": In(1),
            "passes": In(1),
            "address": Out(config.address_bits),
        }
        super().__init__(members, module=f"{config.name}_walk_{name}")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        job: Any = self.job
        fields = [f"{self._name}_{part}" for part in STEPS]
        own = Followed(m, "own", job, fields, starts=self.starts, leaves=self.leaves)
        m.d.comb += self.waiting.eq(own.waiting)
        step = Signal(self._bits)
        base = Signal()
        # What is selected of four by two bits takes one LUT of six inputs: x, y, group, and where the next job begins.
        # That is what follows a job's last position: `own.load` itself would come too late for a selection.
        x, y, group = (own[name][: self._bits] for name in fields)
        begins = Signal()
        rest = Signal()
        odd = Signal()
        m.d.comb += begins.eq(own.free | self.event.ends)
        m.d.comb += [rest.eq(begins | ~(self.event.x | self.event.y)), odd.eq(begins | self.event.y)]
        with m.If(self.known | own.load):
            start = job[f"{self._name}_address"][: self._bits]
            m.d.sync += step.eq(Mux(rest, Mux(odd, start, group), Mux(odd, y, x)))
        m.d.sync += base.eq(own.load)
        after = Signal(self._bits)
        m.d.comb += add(after, step, self.address & (~base).replicate(self._bits), Const(0), logic=True)
        with m.If(self.passes | base):
            m.d.sync += self.address.eq(after)
        return m
