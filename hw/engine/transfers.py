"""Transfers: codes from the input port, or one constant code, to the memory; from the memory to the output port."""

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.registers import Registers
from hw.component import Component, instantiate
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import JOB, Kind
from hw.engine.inputs import Inputs
from hw.engine.kept import kept
from hw.engine.latency import ADDRESS_CYCLES, MEMORY_CYCLES
from hw.engine.layouts import outputs_layout, struct
from hw.engine.outputs import Outputs


def transfers_signature(config: EngineConfig) -> wiring.Signature:
    """The members of :class:`Transfers`."""
    return wiring.Signature(
        {
            "inputs": In(stream.Signature(config.bus_bits)),
            "outputs": Out(stream.Signature(outputs_layout(config))),
            "job": In(struct(JOB)),
            "issue": In(1),
            "ends": In(1),
            "code_valid": Out(1),
            "output_room": Out(1),
            "idle": Out(1),
            "lane": In(range(config.array.lanes)),
            "fill": Out(1),
            "store": Out(1),
            "codes": Out(2 * config.code_bits),
            "write": Out(config.array.lanes),
            "read": Out(1),
            "shows": Out(1),
            "shown": Out(range(max(config.requant_steps, 2))),
            "shown_codes": In(config.requant_lanes * config.code_bits),
        }
    )


class Transfers(Component):
    """Does the jobs that do not use the array: their elements are codes, or for `FILL` whole memory words.

    An element of an `INPUT` with `pairs` is two codes, for neighbouring lanes, the first of which is even.

    Latency: an element is written `ADDRESS_CYCLES` cycles after it is due; or it is read in that cycle, and is in the
    output port `MEMORY_CYCLES` later. Throughput: an element a cycle, if the ports follow.

    Members
    -------
    inputs : In(stream), outputs : Out(stream)
        The ports.
    job : In, issue, ends : In(1)
        The sequencer's job; one of its elements is due, its last one.
    code_valid, output_room, idle : Out(1)
        An input code may be due; an output code may be; all output codes have left.
    lane : In
        Of the element whose address is there, as from the address generator.
    fill : Out(1), store, codes : Out
        The job's lowest code is written `store_cycles` + 1 later; what is in even lanes and in odd ones a cycle after
        `store`, `store_cycles` + 1 after it.
    write : Out(lanes)
        The lanes of the word that are written.
    read : Out(1)
        The word of the element whose address is there is to be read for the output.
    shows, shown : Out, shown_codes : In
        The chunk of that word with the element's code, `MEMORY_CYCLES` - 1 later; the chunk, another cycle later.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(transfers_signature(config), module=f"{config.name}_transfers")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        inputs = instantiate(m, platform, "inputs", Inputs, config)
        outputs = instantiate(m, platform, "outputs", Outputs, config)
        kinds = (Kind.INPUT, Kind.FILL, Kind.OUTPUT)
        arrives, fills, leaves = (self.issue & (self.job.kind == kind) for kind in kinds)
        last = self.ends & self.job.last
        connect(m, flipped(self.inputs), inputs.inputs)
        connect(m, flipped(self.outputs), outputs.outputs)

        data = Registers(m, 1)
        known = Signal(3)
        kept = Signal(3)
        whole = Signal()
        early = ADDRESS_CYCLES - config.store_cycles
        stored = Cat(fills, arrives, arrives & self.job.pairs)
        m.d.comb += [
            self.code_valid.eq(inputs.valid),
            inputs.pairs.eq(self.job.pairs),
            inputs.take.eq(arrives),
            inputs.last.eq(last),
            self.codes.eq(data.delay("codes", inputs.codes, early)),
            known.eq(later(m, "known", stored, early)),
            Cat(self.fill, self.store).eq(later(m, "early", stored[:2], early - 1)),
            kept.eq(later(m, "stored", known, config.store_cycles - 1)),
            whole.eq(later(m, "whole", kept[0], 1)),
            self.write.eq((later(m, "own", kept[1:], 1) << self.lane) | whole.replicate(len(self.write))),
        ]
        self._show(m, outputs, leaves, last)
        return m

    def _show(self, m: Module, outputs: Any, leaves: Value, last: Value) -> None:
        """Codes that are read go to the output port."""
        config, data = self._config, Registers(m, 1)
        asked = later(m, "asked", Cat(leaves, leaves & last), ADDRESS_CYCLES)
        shows = later(m, "shows", asked, MEMORY_CYCLES - 1)
        shown = later(m, "shown", shows, 1)
        place = (config.requant_lanes - 1).bit_length()
        lane = data.delay("lane", self.lane, MEMORY_CYCLES - 1)
        code = self.shown_codes.word_select(data.register("place", lane[:place]), config.code_bits)
        m.d.comb += [
            self.output_room.eq(outputs.room),
            outputs.issue.eq(leaves),
            outputs.issue_last.eq(leaves & last),
            outputs.valid.eq(shown[0]),
            outputs.last.eq(shown[1]),
            outputs.code.eq(kept(code, config.code_bits)),
            self.read.eq(asked[0]),
            self.shows.eq(shows[0]),
            self.shown.eq(lane[place:]),
            self.idle.eq(outputs.idle),
        ]
