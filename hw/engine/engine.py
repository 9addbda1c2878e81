"""The engine: an array, and around it what runs whole networks."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo
from amaranth.lib.wiring import connect, flipped

from hw.array.array import Array
from hw.component import Component, instantiate
from hw.engine import encoding
from hw.engine.address import AddressGenerator
from hw.engine.config import ADDRESS_CYCLES, EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import LOOPS, STEP, Kind
from hw.engine.inputs import Inputs
from hw.engine.layouts import EVENT, engine_signature
from hw.engine.loader import Loader
from hw.engine.memory import ActivationMemory
from hw.engine.outputs import Outputs
from hw.engine.requantizer import Requantizer
from hw.engine.sequencer import Sequencer
from hw.engine.store import Store
from hw.engine.tables import Tables
from hw.engine.weights import WeightBuffer
from hw.engine.writer import Writer

BACK = ("requantizer", "tables", "writer")  # have copies of what they need of a job
IN_FLIGHT = 32  # positions between the sequencer and the writer, at most


class Engine(Component):
    """Runs programs: docs/program.md says what they are, docs/decisions/engine.md how the parts play together.

    Members
    -------
    program, inputs : In(stream), outputs : Out(stream)
        Bus words of the program, and of codes in the order of the tensor's file.
    busy : Out(1), error : Out(4)
        From a program's first word to its end, or to what was wrong with it.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(engine_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        chunks = 2 * config.requant_steps
        kinds: dict[str, tuple[Any, ...]] = {
            "loader": (Loader, config),
            "sequencer": (Sequencer, config),
            "addresses": (AddressGenerator, config),
            "steps": (Store, config, "steps", encoding.width(STEP), 2 * len(LOOPS)),
            "weights": (WeightBuffer, config, ADDRESS_CYCLES),
            "scales": (Store, config, "scales", config.scale_bits, chunks),
            "offsets": (Store, config, "offsets", config.offset_bits, chunks),
            "memory": (ActivationMemory, config),
            "array": (Array, config.array),
            "requantizer": (Requantizer, config),
            "writer": (Writer, config),
            "inputs": (Inputs, config),
            "outputs": (Outputs, config),
        }
        if config.tables:
            kinds["tables"] = (Tables, config)
        parts = {name: instantiate(m, platform, name, *kind) for name, kind in kinds.items()}
        m.submodules.events = parts["events"] = fifo.SyncFIFO(width=EVENT.size, depth=IN_FLIGHT)
        self._ports(m, parts)
        self._stores(m, parts)
        self._front(m, parts)
        self._array(m, parts)
        self._back(m, parts)
        return m

    def _ports(self, m: Module, parts: dict[str, Any]) -> None:
        loader = parts["loader"]
        connect(m, flipped(self.program), loader.program)
        connect(m, flipped(self.inputs), parts["inputs"].inputs)
        connect(m, flipped(self.outputs), parts["outputs"].outputs)
        m.d.comb += [self.busy.eq(loader.busy), self.error.eq(loader.error)]

    def _stores(self, m: Module, parts: dict[str, Any]) -> None:
        """What the loader fills."""
        loader, sequencer, weights = parts["loader"], parts["sequencer"], parts["weights"]
        due = sequencer.issue & (sequencer.job.kind == Kind.CONV)
        for name, slot, target in (
            ("steps", loader.step_slot, loader.step_target),
            ("weights", loader.beat_slot, loader.beat_target),
            ("scales", loader.scale_slot, loader.chunk_target),
            ("offsets", loader.offset_slot, loader.chunk_target),
        ):
            part = parts[name]
            m.d.comb += [part.word.eq(loader.word), part.slot.eq(slot), part.target.eq(target)]
            m.d.comb += part.read.eq(due if name == "weights" else 1)
        m.d.comb += [weights.two_word_in.eq(loader.two_word), weights.last_in.eq(loader.last)]

    def _front(self, m: Module, parts: dict[str, Any]) -> None:
        """From the next job to the address of each element."""
        loader, sequencer, addresses = parts["loader"], parts["sequencer"], parts["addresses"]
        conv = later(m, "conv1", sequencer.job.kind == Kind.CONV, 1)
        m.d.comb += [
            Value.cast(sequencer.next_job).eq(Value.cast(loader.job)),
            sequencer.job_valid.eq(
                loader.job_valid & ~Cat(parts[name].waiting for name in BACK if name in parts).any()
            ),
            loader.job_taken.eq(sequencer.start),
            sequencer.full.eq(loader.full),
            Value.cast(sequencer.idles).eq(Value.cast(loader.idles)),
            Value.cast(sequencer.ends).eq(Value.cast(loader.ends)),
            loader.front_frees.eq(sequencer.front_frees),
            parts["weights"].entry.eq(Cat(sequencer.index, sequencer.half)),
            Value.cast(addresses.job).eq(Value.cast(sequencer.job)),
            addresses.start.eq(sequencer.start),
            addresses.issue.eq(sequencer.issue),
            addresses.finish.eq(sequencer.finish),
            addresses.level.eq(sequencer.level),
            addresses.two_word.eq(parts["weights"].two_word & conv),
            parts["steps"].entry.eq(addresses.step_entry),
            Value.cast(addresses.step).eq(parts["steps"].value),
        ]

    def _array(self, m: Module, parts: dict[str, Any]) -> None:
        """Tiles and activations meet in the array, whose sums go to the requantizer."""
        addresses, weights, requantizer = parts["addresses"], parts["weights"], parts["requantizer"]
        array = parts["array"]
        conv = later(m, "conv", parts["sequencer"].job.kind == Kind.CONV, ADDRESS_CYCLES)
        flags = later(m, "flags", Cat(weights.two_word, weights.last), ADDRESS_CYCLES)
        beat, first = Signal(), Signal()
        m.d.sync += [beat.eq(addresses.beat & conv), first.eq(addresses.valid & conv)]
        m.d.comb += [
            array.tiles.valid.eq(beat),
            Value.cast(array.tiles.payload).eq(Cat(weights.words, flags)),
            array.acts.valid.eq(first),
            Value.cast(array.acts.payload).eq(parts["memory"].a_word),
        ]
        connect(m, array.sums, requantizer.sums)

    def _back(self, m: Module, parts: dict[str, Any]) -> None:
        """From sums to words of the memory; what comes from and goes to the ports."""
        sequencer, requantizer, writer = parts["sequencer"], parts["requantizer"], parts["writer"]
        loader, events, memory = parts["loader"], parts["events"], parts["memory"]
        starts = sequencer.start & (sequencer.next_job.kind == Kind.CONV)
        finish = sequencer.finish & (sequencer.job.kind == Kind.CONV)
        for name in BACK:
            if name in parts:
                m.d.comb += [Value.cast(parts[name].job).eq(Value.cast(sequencer.job)), parts[name].starts.eq(starts)]
        for part in (requantizer, writer):
            m.d.comb += Value.cast(part.event).eq(events.r_data)
        last = parts.get("tables", requantizer)
        m.d.comb += [
            events.w_data.eq(Value.cast(sequencer.event)),
            events.w_en.eq(finish),
            events.r_en.eq(requantizer.take),
            writer.take.eq(requantizer.take),
            writer.add_read.eq(requantizer.add_read),
            writer.codes.eq(last.codes),
            Value.cast(writer.about).eq(Value.cast(last.about)),
            requantizer.add_word.eq(memory.b_word),
            parts["scales"].entry.eq(requantizer.scale_entry),
            requantizer.scales.eq(parts["scales"].value),
            parts["offsets"].entry.eq(requantizer.offset_entry),
            requantizer.offsets.eq(parts["offsets"].value),
            loader.back_frees.eq(requantizer.back_frees),
        ]
        if self._config.tables:
            tables = parts["tables"]
            m.d.comb += [
                tables.codes_in.eq(requantizer.codes),
                Value.cast(tables.about_in).eq(Value.cast(requantizer.about)),
                tables.word.eq(loader.word),
                tables.write.eq(loader.table_write),
                tables.target.eq(loader.table_target),
                loader.table_free.eq(~tables.waiting),
            ]
        unwritten = Signal(range(IN_FLIGHT + 1))
        m.d.sync += unwritten.eq(unwritten + (finish & ~sequencer.event.pool) - writer.write)
        m.d.comb += [
            sequencer.drained.eq(unwritten == 0),
            loader.idle.eq(sequencer.idle & (unwritten == 0) & parts["outputs"].idle),
        ]
        self._transfers(m, parts)

    def _transfers(self, m: Module, parts: dict[str, Any]) -> None:
        """Codes from the input port or a constant to the memory, and from there to the output port."""
        config = self._config
        sequencer, addresses, memory = parts["sequencer"], parts["addresses"], parts["memory"]
        inputs, outputs, writer = parts["inputs"], parts["outputs"], parts["writer"]
        kind, ends = sequencer.job.kind, sequencer.event.ends & sequencer.job.last
        arrives, fills, leaves = (sequencer.issue & (kind == which) for which in (Kind.INPUT, Kind.FILL, Kind.OUTPUT))
        code = Mux(kind == Kind.FILL, sequencer.job.fill, inputs.code)[: config.code_bits]
        stored = later(m, "stored", Cat(arrives, fills, code), ADDRESS_CYCLES)
        shown = later(m, "shown", Cat(leaves, leaves & ends), ADDRESS_CYCLES + 1)
        m.d.comb += [
            sequencer.code_valid.eq(inputs.valid),
            inputs.take.eq(arrives),
            inputs.last.eq(ends),
            sequencer.output_room.eq(outputs.room),
            outputs.issue.eq(leaves),
            outputs.issue_last.eq(leaves & ends),
            # Where a code is stored, nothing is read: what it would be, nobody knows.
            memory.a_read.eq(addresses.valid & ~stored[:2].any()),
            memory.a_address.eq(addresses.address),
            outputs.valid.eq(shown[0]),
            outputs.last.eq(shown[1]),
            outputs.code.eq(memory.a_word.word_select(later(m, "lane", addresses.lane, 1), config.code_bits)),
            memory.b_address.eq(writer.address),
            memory.b_data.eq(writer.data),
            memory.b_write.eq(writer.write.replicate(config.array.lanes)),
        ]
        with m.If(stored[:2].any()):
            m.d.comb += [
                memory.b_address.eq(addresses.address),
                memory.b_data.eq(stored[2:].replicate(config.array.lanes)),
                memory.b_write.eq((1 << addresses.lane) | stored[1].replicate(config.array.lanes)),
            ]
