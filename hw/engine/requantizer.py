"""The requantizer: sums to codes, `requant_lanes` at a time."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.array.registers import Registers
from hw.component import Component, instantiate
from hw.engine.chunk import chosen
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import ADD_TERMS, JOB
from hw.engine.follow import Followed
from hw.engine.latency import CODE_CYCLES, OFFSET_CYCLES
from hw.engine.layouts import CODES, EVENT, struct
from hw.engine.requantizer_lane import RequantizerLane
from hw.layouts import sums_layout


def requantizer_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Requantizer`."""
    return wiring.Signature(
        {
            "sums": In(stream.Signature(sums_layout(config.core))),
            "job": In(struct(JOB)),
            "starts": In(1),
            "waiting": Out(1),
            "event": In(EVENT),
            "take": Out(1),
            "leaves": Out(1),
            "add_read": Out(1),
            "add_word": In(config.word_bits),
            "scale_entry": Out(range(config.scale_entries)),
            "scales": In(config.scale_bits),
            "offset_entry": Out(range(config.offset_entries)),
            "offsets": In(config.offset_bits),
            "back_frees": Out(2),
            "fill": In(1),
            "store": In(1),
            "moved": In(2 * config.code_bits),
            "shows": In(1),
            "shown": In(range(max(config.requant_steps, 2))),
            "added": Out(config.requant_lanes * config.code_bits),
            "codes": Out(config.requant_lanes * config.code_bits),
            "about": Out(CODES),
        }
    )


class Requantizer(Component):
    """Takes a `sums` beat in `requant_steps` chunks, each in 1 + `add_terms` steps.

    Sums wait in the array meanwhile. The program leaves so many cycles between dot products that the next ones find
    their place free: the array never stops.

    Latency: `CODE_CYCLES` cycles. Throughput: one step of `requant_lanes` lanes a cycle.

    Members
    -------
    sums : In(stream)
        The array's.
    job, starts : In, waiting : Out(1)
        See :class:`Followed`.
    event : In(EVENT), take : Out(1)
        How the position ends whose sums are here; they are used up in this cycle.
    leaves : Out(1)
        `drain_cycles` - 2 after `take`: a position's codes are about to be written.
    add_read : Out(1), add_word : In(word_bits)
        The word to add is to be read; it comes `MEMORY_CYCLES` later, and stays.
    scale_entry, offset_entry : Out, scales, offsets : In
        Of the stores; a value comes a cycle after its entry.
    back_frees : Out(2)
        The half's parameters are no longer needed.
    fill : In(1)
        The limits become those of `job`, which waited for all codes; all lanes' codes become the lower one in the next
        cycle but one.
    store : In(1), moved : In(2 * code_bits)
        In the next cycle but one, all even lanes' codes become the first one of the next cycle, all odd lanes' the
        second.
    shows : In(1), shown : In
        A chunk to show, instead of that of the position, of a word that comes in the next cycle.
    added : Out
        The chunk that is shown, or added, of `add_word`.
    codes, about : Out
        Codes in the order of channels, and what they are.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(requantizer_signature(config), module=f"{config.name}_requantizer")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self._config.requant_steps
        step, half = Signal(2, name="step"), self.event.half
        chunk = Signal(range(steps))
        # What chunk and step say of a position's first and last chunk: `chunk` selects among many bits, and is late.
        begins = Signal(init=1)
        left = Signal(range(steps), init=steps - 1)
        job_leaves = Signal()
        own = Followed(m, "own", self.job, ("add_terms",), starts=self.starts, leaves=job_leaves)
        last_step, alone = step == own["add_terms"], own["add_terms"] == 0
        # Whether step and chunk are a position's last ones: a register, as the array waits for it. Behind a step before
        # it, the sums are still there.
        final = Signal(init=steps == 1)
        valid = self.sums.valid
        m.d.comb += [
            self.sums.ready.eq(final),
            self.take.eq(final if steps > 1 else valid & final),
            job_leaves.eq(self.take & self.event.ends),
            self.add_read.eq(valid & begins & own["add_terms"].any()),
            self.scale_entry.eq(later(m, "scale", Cat(step, chunk, half), 1)),
            self.leaves.eq(later(m, "taken", self.take, self._config.drain_cycles - 2)),
        ]
        with m.If(valid):
            m.d.sync += [step.eq(step + 1), begins.eq(final)]
            m.d.sync += final.eq(Mux(left == 0, step + 1 == own["add_terms"], (left == 1) & alone))
            with m.If(last_step):
                m.d.sync += [step.eq(0), chunk.eq(chunk + 1), left.eq(left - 1)]
            with m.If(final):
                m.d.sync += [chunk.eq(0), left.eq(left.init), final.eq(alone & (steps == 1))]
        if steps == 1:
            with m.If(own.load):
                m.d.sync += final.eq(self.job.add_terms == 0)
        self._end_groups(m)
        clip = self._lanes(m, platform, chunk, step, self._about(m, chunk, last_step))
        m.d.comb += self.waiting.eq(own.waiting | clip.waiting)
        return m

    def _end_groups(self, m: Module) -> None:
        """Offsets follow the scales; a half is given back with its group's last position."""
        half = self.event.half
        group_ends = self.take & (self.event.group | self.event.ends)
        m.d.comb += [
            self.offset_entry.eq(later(m, "entry", self.scale_entry[ADD_TERMS.bit_length() :], OFFSET_CYCLES)),
            # Not a shift: between positions `half` is that of none.
            self.back_frees.eq(later(m, "frees", Cat(group_ends & ~half, group_ends & half), OFFSET_CYCLES)),
        ]

    def _about(self, m: Module, chunk: Signal, last_step: Value) -> Value:
        """What the codes of this cycle's sums will be."""
        about = Signal(CODES, name="about0")
        m.d.comb += [
            about.valid.eq(self.sums.valid & last_step),
            about.chunk.eq(chunk),
            about.done.eq(self.take),
            about.event.eq(self.event),
        ]
        return Value.cast(about)

    def _lanes(self, m: Module, platform: object, chunk: Signal, step: Signal, about: Value) -> Followed:
        config = self._config
        lanes, bits = config.requant_lanes, config.core.acc_bits
        # The word to add was asked for with the first step; it is here for all others of the position.
        data = Registers(m, 1)
        adds1 = data.register("adds1", step != 0)
        adds2 = data.register("adds2", adds1)
        sums = chosen(config, data, Value.cast(self.sums.payload), chunk, data.clear("not_sum", adds1))
        clipping = CODES(later(m, "about", about, CODE_CYCLES - 2))
        clip = Followed(
            m,
            "clip",
            self.job,
            ("low", "high"),
            starts=self.starts,
            leaves=clipping.valid & clipping.done & clipping.event.ends,
        )
        least, most = self._late_limits(m, clip.load)
        part = data.register("part", Mux(self.shows, self.shown, data.register("chunk1", chunk)))
        m.d.comb += self.added.eq(self.add_word.word_select(part, lanes * config.code_bits))
        for index in range(lanes):
            lane = instantiate(m, platform, f"lane{index}", RequantizerLane, config)
            m.d.comb += [
                lane.x.eq(sums.word_select(index, bits).as_signed()),
                lane.adds.eq(adds2),
                lane.added.eq(self.added.word_select(index, config.code_bits)),
                Value.cast(lane.scale).eq(self.scales.word_select(index, config.scale_bits // lanes)),
                Value.cast(lane.offset).eq(self.offsets.word_select(index, config.offset_bits // lanes)),
                lane.low.eq(clip["low"]),
                lane.high.eq(clip["high"]),
                lane.least.eq(least),
                lane.most.eq(most),
                lane.fill.eq(self.fill),
                lane.store.eq(self.store),
                lane.stored.eq(self.moved.word_select(index % 2, config.code_bits)),
                self.codes.word_select(index, config.code_bits).eq(lane.code),
            ]
        m.d.comb += Value.cast(self.about).eq(later(m, "clipped", Value.cast(clipping), 2))
        return clip

    def _late_limits(self, m: Module, load: Value) -> list[Signal]:
        """The limits a cycle later: of the same job, as no other one has started yet. A job that fills has no sums."""
        least, most = (Signal(self._config.code_bits, name=name) for name in ("least", "most"))
        with m.If(later(m, "clip_loaded", load, 1) | self.fill):
            m.d.sync += [least.eq(self.job.low), most.eq(self.job.high)]
        return [least, most]
