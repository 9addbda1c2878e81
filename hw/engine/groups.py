"""The loader's part for groups: their beats and channel parameters, to halves of the stores."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.component import Component, instantiate
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.delay import later
from hw.engine.encoding import FLAGS_PER_WORD, GROUP, JOB
from hw.engine.latency import RELEASE_CYCLES
from hw.engine.layouts import buffers_signature, struct
from hw.engine.section import Sections
from hw.engine.tiles import TileCounter

STORES = ("beats", "scales", "offsets")


class GroupLoader(Component):
    """Fills one half of the stores with a group, while the other half is used.

    Throughput: a bus word a cycle.

    Members
    -------
    word : In(bus_bits), valid : In(1), due : In(1)
        A bus word is there; where a group may begin, it is one's.
    conv : In(1)
        The groups are those of a convolution; others have a header alone.
    add_terms : In
        Terms of the code that is added, in each group.
    begins : In(1), trips, single : In
        A job with so many groups less 1 begins; it has one.
    room : Out(1), done : Out(1), over : Out(1)
        It may be taken, and is then; a group is complete with it; all groups of the job were, a cycle ago.
    buffers : Out
        What goes to the stores, a cycle after its bus word is taken; see :func:`buffers_signature`.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(
            {
                "word": In(config.bus_bits),
                "valid": In(1),
                "due": In(1),
                "conv": In(1),
                "add_terms": In(JOB["add_terms"].bits),
                "begins": In(1),
                "trips": In(JOB["trips_group"].bits),
                "single": In(1),
                "room": Out(1),
                "done": Out(1),
                "over": Out(1),
                "buffers": Out(buffers_signature(config)),
            },
            module=f"{config.name}_groups",
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        self._half, self._kept = Signal(name="half"), Signal(2, name="kept")
        # Of the half that is filled now, or next.
        self._half_occupied, self._half_kept = Signal(name="half_occupied"), Signal(name="half_kept")
        self._tiles = tiles = instantiate(m, platform, "tiles", TileCounter, config)
        longest = max(config.beat_slots, config.slots(config.offset_bits), config.slots(FLAGS_PER_WORD))
        self._sections = Sections(m, longest=longest, entries=config.requant_steps)
        self._before = Signal(config.bus_bits, name="before")
        section = Cat(self._before, self.word)[(2 - config.slots(encoding.width(GROUP))) * config.bus_bits :]
        members = buffers_signature(config).members
        fills: dict[str, Any] = {name: members[name].signature.create(path=(name,)) for name in STORES}
        self._fills = fills
        self._header = struct(GROUP)(section[: encoding.width(GROUP)])
        self._term = Signal.like(self.add_terms, name="term")
        chunk = Cat(self._sections.entry, self._half)
        m.d.comb += [
            self.room.eq(1),
            tiles.word.eq(self.word),
            tiles.tiles.eq(self._header.tiles),
            fills["beats"].target.eq(Cat(tiles.beat, self._half)),
            fills["scales"].target.eq(Cat(self._term, chunk)),
            fills["offsets"].target.eq(chunk),
        ]
        self._write(m)
        self._halves(m)
        self._states(m)
        self._count(m)
        return m

    def _halves(self, m: Module) -> None:
        """Which halves are full, and which may be filled."""
        buffers, occupied = self.buffers, Signal(2)
        # The words of a half's last beat are read so late that its release counts that much later.
        released = later(m, "released", buffers.front_frees, RELEASE_CYCLES - 2)
        filled = self.done << self._half
        m.d.sync += [
            buffers.full.eq((buffers.full & ~buffers.front_frees) | filled),
            occupied.eq((occupied & ~released) | filled),
            self._kept.eq(self._kept & ~buffers.back_frees),
            self._half.eq(self._half ^ self.done),
            self._half_occupied.eq(occupied.bit_select(self._half ^ self.done, 1)),
            self._half_kept.eq(self._kept.bit_select(self._half, 1)),
        ]
        for half, end in enumerate(buffers.ends):
            with m.If(self.done & (self._half == half)):
                m.d.sync += end.eq(self._tiles.beat)

    def _write(self, m: Module) -> None:
        """To the stores, a cycle later: they are all over the device. A group's last words are read later than that."""
        buffers = self.buffers
        word = later(m, "word", self.word, 1)
        for name, fill in self._fills.items():
            port = getattr(buffers, name)
            m.d.comb += port.word.eq(word)
            m.d.sync += [port.slot.eq(fill.slot), port.target.eq(fill.target)]
        m.d.sync += Cat(buffers.two_word, buffers.last).eq(Cat(self._tiles.two_word, self._tiles.last))

    def _states(self, m: Module) -> None:
        steps = self._config.requant_steps
        with m.FSM(init="GROUP"):
            with m.State("GROUP"):
                self._group(m)
            with m.State("FLAGS"):
                m.d.comb += self._tiles.load.eq(self.valid)
                with m.If(self._sections.read(self.valid, self._config.slots(FLAGS_PER_WORD))):
                    m.next = "BEATS"
            with m.State("BEATS"):
                self._beats(m)
            with m.State("SCALES"):
                # The parameters of the group that used this half before may still be needed.
                m.d.comb += self.room.eq(~self._half_kept)
                self._scales(m)
            with m.State("OFFSETS"), m.If(self._sections.fill(self.valid, self._fills["offsets"], steps)):
                m.d.sync += self._kept.bit_select(self._half, 1).eq(1)
                m.d.comb += self.done.eq(1)
                m.next = "GROUP"

    def _scales(self, m: Module) -> None:
        """Of each chunk the terms, the sum's first."""
        taken = self._sections.pass_on(self.valid & self.room, self._fills["scales"])
        last = taken & (self._term == self.add_terms)
        with m.If(taken):
            m.d.sync += self._term.eq(self._term + 1)
        with m.If(last):
            m.d.sync += self._term.eq(0)
        with m.If(self._sections.count(last, self._config.requant_steps)):
            m.next = "OFFSETS"

    def _count(self, m: Module) -> None:
        """Groups of the job; one ahead, as the counters of `Loops`."""
        count = Signal.like(self.trips)
        last = Signal()
        with m.If(self.done):
            m.d.sync += [count.eq(count + 1), last.eq(count == self.trips)]
        with m.If(self.begins):
            m.d.sync += [count.eq(1), last.eq(self.single)]
        m.d.sync += self.over.eq((self.over | (self.done & last)) & ~self.begins)

    def _group(self, m: Module) -> None:
        """The header."""
        m.d.comb += [self.room.eq(~(self._half_occupied | self.over)), self._tiles.begin.eq(1)]
        take = self.due & self.valid & self.room
        with m.If(take):
            m.d.sync += self._before.eq(self.word)
        with m.If(self._sections.read(take, self._config.slots(encoding.width(GROUP)))):
            m.d.sync += self.buffers.idles[self._half].eq(self._header.idle)
            m.d.comb += self.done.eq(~self.conv)
            with m.If(self.conv):
                m.next = "FLAGS"

    def _beats(self, m: Module) -> None:
        m.d.comb += self._fills["beats"].slot.eq(self.valid << self._sections.slot)
        with m.If(self._sections.read(self.valid, self._config.beat_slots)):
            m.d.comb += self._tiles.step.eq(1)
            with m.If(self._tiles.refill):
                m.next = "FLAGS"
            with m.If(self._tiles.end):
                m.next = "SCALES"
