"""The engine: an array, and around it what runs whole networks."""

from typing import Any

from amaranth import Cat, Module, Mux, Value
from amaranth.lib.wiring import connect, flipped

from hw.array.array import Array
from hw.array.operand import Operand
from hw.component import Component, instantiate
from hw.engine import encoding
from hw.engine.address import AddressGenerator
from hw.engine.columns import Columns
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import LOOPS, STEP, WINDOW, Kind
from hw.engine.latency import ADDRESS_CYCLES, FLAG_CYCLES, FRONT_CYCLES, MEMORY_CYCLES
from hw.engine.layouts import engine_signature
from hw.engine.loader import Loader
from hw.engine.memory import ActivationMemory
from hw.engine.reserve import Reserve
from hw.engine.results import Results
from hw.engine.sequencer import Sequencer
from hw.engine.store import Store
from hw.engine.transfers import Transfers
from hw.engine.weights import WeightBuffer
from hw.engine.window import Window


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
        kinds: dict[str, tuple[Any, ...]] = {
            "loader": (Loader, config),
            "sequencer": (Sequencer, config),
            "addresses": (AddressGenerator, config),
            "steps": (Store, config, "steps", encoding.width(STEP), 2 * len(LOOPS)),
            "weights": (WeightBuffer, config),
            "memory": (ActivationMemory, config),
            "array": (Array, config.core),
            "results": (Results, config),
            "transfers": (Transfers, config),
        }
        if config.memory_ports == 1:
            kinds["reserve"] = (Reserve, config)
        if config.depthwise:
            kinds["array"] = (Array, config.core, Operand, WINDOW - 1)
            kinds |= {"columns": (Columns, config), "window": (Window, config)}
        parts = {name: instantiate(m, platform, name, *kind) for name, kind in kinds.items()}
        # Of the element whose address is there: the array, port a and the results have it, not the transfers.
        self._conv = later(m, "conv", parts["sequencer"].job.kind == Kind.CONV, ADDRESS_CYCLES)
        self._load(m, parts)
        self._jobs(m, parts)
        self._elements(m, parts)
        self._array(m, parts)
        self._memory(m, parts)
        if "reserve" in parts:
            self._reserve(m, parts)
        if "window" in parts:
            self._window(m, parts)
        return m

    def _load(self, m: Module, parts: dict[str, Any]) -> None:
        """What the loader fills, and what it must know for that."""
        loader, results, buffers = parts["loader"], parts["results"], parts["loader"].buffers
        connect(m, flipped(self.program), loader.program)
        connect(m, loader.steps, parts["steps"].fill)
        connect(m, buffers.beats, parts["weights"].fill)
        connect(m, buffers.scales, results.scales)
        connect(m, buffers.offsets, results.offsets)
        m.d.comb += [
            Cat(self.busy, self.error).eq(Cat(loader.busy, loader.error)),
            Cat(parts["weights"].two_word_in, parts["weights"].last_in).eq(Cat(buffers.two_word, buffers.last)),
            buffers.front_frees.eq(parts["sequencer"].front_frees),
            buffers.back_frees.eq(results.back_frees),
            results.table_word.eq(loader.steps.word),
            Cat(results.table_write, results.table_target).eq(Cat(loader.table_write, loader.table_target)),
            loader.table_free.eq(results.table_free),
            loader.idle.eq(parts["sequencer"].idle & results.written & parts["transfers"].idle),
        ]

    def _jobs(self, m: Module, parts: dict[str, Any]) -> None:
        """From the loader's job to the sequencer's, and to all that need its fields."""
        loader, sequencer, results = parts["loader"], parts["sequencer"], parts["results"]
        m.d.comb += [
            Value.cast(sequencer.next_job).eq(Value.cast(loader.job)),
            sequencer.job_valid.eq(loader.job_valid & ~results.waiting),
            loader.job_taken.eq(sequencer.start),
            sequencer.full.eq(loader.buffers.full),
            Value.cast(sequencer.idles).eq(Value.cast(loader.buffers.idles)),
            Value.cast(sequencer.ends).eq(Value.cast(loader.buffers.ends)),
            sequencer.drained.eq(results.drained),
            sequencer.code_valid.eq(parts["transfers"].code_valid),
            sequencer.output_room.eq(parts["transfers"].output_room),
            results.starts.eq(sequencer.started & (sequencer.job.kind == Kind.CONV)),
        ]
        for name in ("addresses", "results", "transfers"):
            m.d.comb += Value.cast(parts[name].job).eq(Value.cast(sequencer.job))

    def _elements(self, m: Module, parts: dict[str, Any]) -> None:
        """From an element that is due to its address, and to what happens where its position ends."""
        sequencer, addresses, weights = parts["sequencer"], parts["addresses"], parts["weights"]
        results, transfers = parts["results"], parts["transfers"]
        conv = sequencer.job.kind == Kind.CONV
        m.d.comb += [
            addresses.started.eq(sequencer.started),
            addresses.issue.eq(sequencer.issue),
            addresses.finish.eq(sequencer.finish),
            addresses.level.eq(sequencer.level),
            addresses.two_word.eq(weights.two_word & later(m, "conv_flags", conv, FLAG_CYCLES)),
            parts["steps"].read.eq(1),
            parts["steps"].entry.eq(addresses.step_entry),
            Value.cast(addresses.step).eq(parts["steps"].value),
            weights.read.eq(sequencer.issue & conv),
            weights.entry.eq(Cat(sequencer.index, sequencer.half)),
            Value.cast(results.event).eq(Value.cast(sequencer.event)),
            results.finish.eq(sequencer.finish & self._has_sums(parts)),
            transfers.issue.eq(sequencer.issue),
            transfers.ends.eq(sequencer.event.ends),
            transfers.lane.eq(addresses.lane),
        ]

    def _has_sums(self, parts: dict[str, Any]) -> Value:
        """Whether the position whose element may be due has sums."""
        conv = parts["sequencer"].job.kind == Kind.CONV
        return conv & parts["columns"].whole if "columns" in parts else conv

    def _array(self, m: Module, parts: dict[str, Any]) -> None:
        """Tiles and activations meet in the array, whose sums go to the requantizer."""
        addresses, weights, array = parts["addresses"], parts["weights"], parts["array"]
        conv = later(m, "summed", self._has_sums(parts), ADDRESS_CYCLES) if "columns" in parts else self._conv
        flags = later(m, "flags", Cat(weights.two_word, weights.last), FRONT_CYCLES - FLAG_CYCLES)
        beat, first = later(m, "beat", Cat(addresses.beat & conv, addresses.valid & conv), MEMORY_CYCLES)
        m.d.comb += [
            array.tiles.valid.eq(beat),
            Value.cast(array.tiles.payload).eq(Cat(weights.words, flags)),
            array.acts.valid.eq(first),
            Value.cast(array.acts.payload).eq(parts["window"].acts if "window" in parts else parts["memory"].a_word),
        ]
        connect(m, array.sums, parts["results"].sums)

    def _memory(self, m: Module, parts: dict[str, Any]) -> None:
        """Port a reads elements; port b is the results', and the transfers', whose jobs are alone."""
        addresses, memory, results, transfers = (parts[n] for n in ("addresses", "memory", "results", "transfers"))
        connect(m, flipped(self.inputs), transfers.inputs)
        connect(m, flipped(self.outputs), transfers.outputs)
        for name in ("fill", "store", "shows", "shown"):
            m.d.comb += getattr(results, name).eq(getattr(transfers, name))
        m.d.comb += [
            memory.a_read.eq(addresses.valid & self._conv),
            memory.a_address.eq(addresses.address),
            results.moved.eq(transfers.codes),
            transfers.shown_codes.eq(results.shown_codes),
            results.added.eq(memory.b_word),
            memory.b_read.eq(results.read | transfers.read),
            memory.b_address.eq(Mux(self._conv, results.address, addresses.address)),
            memory.b_data.eq(results.data),
            memory.b_write.eq(transfers.write | results.write.replicate(self._config.array.lanes)),
        ]

    def _reserve(self, m: Module, parts: dict[str, Any]) -> None:
        """Cycles of the memory's only port for the results."""
        sequencer, reserve = parts["sequencer"], parts["reserve"]
        adds = self._has_sums(parts) & sequencer.job.add_terms.any()
        m.d.comb += [
            reserve.adds.eq(sequencer.finish & adds),
            reserve.writes.eq(parts["results"].takes),
            sequencer.reserved.eq(reserve.reserved),
        ]

    def _window(self, m: Module, parts: dict[str, Any]) -> None:
        """Where a window is not whole, it takes the words that are read, and the array has no beat."""
        sequencer, columns, window = parts["sequencer"], parts["columns"], parts["window"]
        m.d.comb += [
            columns.window.eq(sequencer.next_job.window),
            columns.pairs.eq(sequencer.next_job.pairs),
            columns.start.eq(sequencer.start),
            columns.finish.eq(sequencer.finish),
            columns.same_row.eq(sequencer.event.x),
            window.word.eq(parts["memory"].a_word),
            window.read.eq(later(m, "reads", parts["addresses"].valid, MEMORY_CYCLES)),
            window.on.eq(later(m, "windowed", columns.on, FRONT_CYCLES)),
        ]
