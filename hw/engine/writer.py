"""The writer: codes to words of the activation memory, and where they go."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.engine.config import EngineConfig
from hw.engine.encoding import JOB
from hw.engine.follow import Followed
from hw.engine.layouts import CODES, EVENT, struct


def writer_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Writer`."""
    return wiring.Signature(
        {
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "codes": In(config.requant_lanes * config.code_bits),
            "about": In(CODES),
            "event": In(EVENT),
            "take": In(1),
            "add_read": In(1),
            "address": Out(config.address_bits),
            "write": Out(1),
            "data": Out(config.word_bits),
        }
    )


class Writer(Component):
    """Collects the codes of a position and writes their word; also says where the word to add is.

    Of the positions in a window of a pooling it writes the largest codes.

    If a word is to be read in the cycle in which one would be written, it is written a cycle later.

    Members
    -------
    job, starts : In, waiting : Out(1)
        See :class:`Followed`.
    codes, about : In
        The requantizer's.
    event : In(EVENT), take : In(1), add_read : In(1)
        The position whose sums are taken; the word to add to it is to be read.
    address, data : Out, write : Out(1)
        Port b of the memory: a word to read or to write.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(writer_signature(config), module=f"{config.name}_writer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        due, first, event = Signal(), Signal(init=1), Signal(EVENT, name="written_event")
        done = self.about.valid & self.about.done
        m.d.comb += self.write.eq(due & ~self.add_read)
        m.d.sync += due.eq((done & ~self.about.event.pool) | (due & ~self.write))
        with m.If(done):
            m.d.sync += [event.eq(self.about.event), first.eq(~self.about.event.pool)]
        self._collect(m, first)

        write_address, waiting = self._walk(m, "write", event, self.write)
        add_address, add_waiting = self._walk(m, "add", self.event, self.take & ~self.event.pool)
        m.d.comb += [
            self.waiting.eq(waiting | add_waiting),
            self.address.eq(Mux(self.add_read, add_address, write_address)),
        ]
        return m

    def _collect(self, m: Module, first: Signal) -> None:
        """Codes to their places in the word: those of the window's `first` position, then larger ones."""
        config = self._config
        lanes, bits = config.requant_lanes, config.code_bits
        held = self.data.word_select(self.about.chunk[: max(config.requant_steps - 1, 1).bit_length()], lanes * bits)
        for lane in range(lanes):
            code = self.codes.word_select(lane, bits)
            taken = Signal(name=f"taken{lane}")
            m.d.comb += taken.eq(self.about.valid & (first | (code > held.word_select(lane, bits))))
            for chunk in range(config.requant_steps):
                with m.If(taken & (self.about.chunk == chunk)):
                    m.d.sync += self.data.word_select(chunk * lanes + lane, bits).eq(code)

    def _walk(self, m: Module, name: str, event: Any, moves: Any) -> tuple[Signal, Signal]:
        """An address that steps from one position to the next."""
        fields = [f"{name}_{part}" for part in ("step_x", "step_y", "step_group")]
        leaves = Signal(name=f"{name}_leaves")
        m.d.comb += leaves.eq(moves & event.ends)
        steps = Followed(m, name, self.job, fields, starts=self.starts, leaves=leaves)
        address = Signal(self._config.address_bits, name=f"{name}_at")
        step = Mux(event.x, steps[fields[0]], Mux(event.y, steps[fields[1]], steps[fields[2]]))
        with m.If(moves):
            m.d.sync += address.eq(address + step)
        with m.If(steps.load):
            m.d.sync += address.eq(self.job[f"{name}_address"])
        return address, steps.waiting
