"""Results: everything behind the array, from sums to words of the activation memory."""

from typing import Any

from amaranth import Cat, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.component import Component, instantiate
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import JOB
from hw.engine.events import EventQueue
from hw.engine.layouts import EVENT, fill_signature, struct
from hw.engine.requantizer import Requantizer
from hw.engine.store import Store
from hw.engine.tables import Tables
from hw.engine.writer import Writer
from hw.layouts import sums_layout


def results_signature(config: EngineConfig) -> wiring.Signature:
    """The members of :class:`Results`."""
    return wiring.Signature(
        {
            "sums": In(stream.Signature(sums_layout(config.core))),
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "event": In(EVENT),
            "finish": In(1),
            "drained": Out(1),
            "takes": Out(1),
            "written": Out(1),
            "scales": In(fill_signature(config, config.scale_bits, config.scale_entries)),
            "offsets": In(fill_signature(config, config.offset_bits, config.offset_entries)),
            "back_frees": Out(2),
            "table_word": In(config.bus_bits),
            "table_write": In(1),
            "table_target": In(config.code_bits + 1),
            "table_free": Out(1),
            "fill": In(1),
            "store": In(1),
            "moved": In(2 * config.code_bits),
            "shows": In(1),
            "shown": In(range(max(config.requant_steps, 2))),
            "shown_codes": Out(config.requant_lanes * config.code_bits),
            "address": Out(config.address_bits),
            "read": Out(1),
            "data": Out(config.word_bits),
            "write": Out(1),
            "added": In(config.word_bits),
        }
    )


class Results(Component):
    """Requantizer, tables and writer, with what they need of channels and positions.

    Latency: a position's word is written `requant_steps` * (1 + `add_terms`) + `CODE_CYCLES` + 1 cycles after its sums
    are there, with `tables` one more. Throughput: as the requantizer's.

    Members
    -------
    sums : In(stream)
        The array's.
    job, starts : In, waiting : Out(1)
        See :class:`Followed`; `waiting` of any stage.
    event, finish : In, drained, written : Out(1)
        A position's last element is due, and how the position ends; the words of all such positions are written soon
        enough for a job that starts in the next cycle; they are written.
    takes : Out(1)
        The sums are taken of a position whose word will be written.
    scales, offsets : In, back_frees : Out(2)
        Of channels; see :func:`buffers_signature`.
    table_word, table_write, table_target : In, table_free : Out(1)
        An entry of a table, see :class:`Tables`; whether the next job's may be written.
    fill, store, moved : In
        See :class:`Requantizer`; `data` holds the codes `store_cycles` later, those of `fill` another cycle later.
    shows, shown : In, shown_codes : Out
        A chunk to show of a word that comes in the next cycle; its codes, in that cycle.
    address, data, write, read : Out, added : In
        Port b of the memory: a word to write; one to add, which comes `MEMORY_CYCLES` later and stays.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(results_signature(config), module=f"{config.name}_results")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        events = instantiate(m, platform, "events", EventQueue, config)
        requantizer = instantiate(m, platform, "requantizer", Requantizer, config)
        writer = instantiate(m, platform, "writer", Writer, config)
        tables = [instantiate(m, platform, "tables", Tables, config)] if config.tables else []
        stages = [requantizer, writer, *tables]
        for stage in stages:
            m.d.comb += [Value.cast(stage.job).eq(Value.cast(self.job)), stage.starts.eq(self.starts)]
        m.d.comb += self.waiting.eq(Cat(stage.waiting for stage in stages).any())
        connect(m, flipped(self.sums), requantizer.sums)
        self._stores = later(m, "stores", self.store | self.fill, 1)
        self._parameters(m, platform, requantizer)
        self._positions(m, events, requantizer, writer)
        source = self._looked_up(m, requantizer, tables[0]) if tables else requantizer
        self._codes(m, requantizer, writer, source)
        return m

    def _parameters(self, m: Module, platform: object, requantizer: Any) -> None:
        """The channels' parameters, in two stores: an offset is needed some cycles after its scale."""
        config = self._config
        for name, bits, depth, entry in (
            ("scales", config.scale_bits, config.scale_entries, requantizer.scale_entry),
            ("offsets", config.offset_bits, config.offset_entries, requantizer.offset_entry),
        ):
            store = instantiate(m, platform, name, Store, config, name, bits, depth)
            connect(m, flipped(getattr(self, name)), store.fill)
            m.d.comb += [store.read.eq(1), store.entry.eq(entry), getattr(requantizer, name).eq(store.value)]
        m.d.comb += self.back_frees.eq(requantizer.back_frees)

    def _positions(self, m: Module, events: Any, requantizer: Any, writer: Any) -> None:
        written = self._config.code_cycles - self._config.drain_cycles + 2
        m.d.comb += [
            Value.cast(events.event).eq(Value.cast(self.event)),
            events.enter.eq(self.finish),
            events.take.eq(requantizer.take),
            events.leaves.eq(requantizer.leaves),
            self.drained.eq(events.drained),
            self.takes.eq(requantizer.take & ~events.front.pool),
            writer.take.eq(requantizer.take),
            writer.add_read.eq(requantizer.add_read),
        ]
        # A register; a position that is due in this cycle is none of the events yet.
        drained = later(m, "drained", events.drained, written)
        m.d.sync += self.written.eq(events.drained & drained & ~self.finish)
        for part in (requantizer, writer):
            m.d.comb += Value.cast(part.event).eq(Value.cast(events.front))

    def _looked_up(self, m: Module, requantizer: Any, tables: Any) -> Any:
        """The tables, behind the requantizer."""
        m.d.comb += [
            tables.codes_in.eq(requantizer.codes),
            Value.cast(tables.about_in).eq(Value.cast(requantizer.about)),
            tables.word.eq(self.table_word),
            tables.write.eq(self.table_write),
            tables.store.eq(later(m, "store", self._stores, 1)),
            tables.target.eq(self.table_target),
            self.table_free.eq(~tables.waiting),
        ]
        return tables

    def _codes(self, m: Module, requantizer: Any, writer: Any, source: Any) -> None:
        """From their source, which is the requantizer or its tables, to the writer and port b."""
        m.d.comb += [
            requantizer.fill.eq(self.fill),
            requantizer.store.eq(self.store),
            requantizer.moved.eq(self.moved),
            writer.codes.eq(source.codes),
            Value.cast(writer.about).eq(Value.cast(source.about)),
            writer.store.eq(later(m, "stored", self._stores, self._config.store_cycles - 1)),
            requantizer.shows.eq(self.shows),
            requantizer.shown.eq(self.shown),
            self.shown_codes.eq(requantizer.added),
            self.address.eq(writer.address),
            self.data.eq(writer.data),
            self.write.eq(writer.write),
            self.read.eq(requantizer.add_read),
            requantizer.add_word.eq(self.added),
        ]
