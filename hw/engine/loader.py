"""The loader: takes a program apart, section by section, into the stores and the next job."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import connect, flipped

from hw.component import Component, instantiate
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.encoding import FLAGS_PER_WORD, GROUP, HEADER, JOB, LOOPS, Error, Kind
from hw.engine.intake import Intake
from hw.engine.layouts import loader_signature, struct
from hw.engine.tiles import TileCounter


class Loader(Component):
    """Consumes the program as long as there is room for what comes next.

    The next job waits in `job` until it is taken. Only then the job after it is read; the groups of a job are read as
    halves of the stores become free. A job is offered only if the check behind it is right. If a section is wrong, no
    further job is offered, and all words up to the next header are dropped.

    Throughput: a bus word a cycle.

    Members
    -------
    program : In(stream)
        The port. `ready` depends on registers alone.
    busy, error : Out
        The port `busy`; an :class:`Error`, which stays until the next program starts.
    idle : In(1)
        No job is under way, all outputs have left.
    job, job_valid : Out, job_taken : In(1)
        The next job, offered until it is taken.
    word, *_slot, *_target, two_word, last : Out
        What goes to the stores of steps, beats (with its flags), scales and offsets; see :class:`Store`.
    table_write, table_target : Out, table_free : In(1)
        `word` is an entry of the next job's table; see :class:`Tables`. Whether it may be written.
    full, ends, idles : Out
        The half holds a whole group; the index of its last beat, or element; the idle cycles before each position.
    front_frees, back_frees : In(2)
        The half's beats, its channel parameters are no longer needed.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(loader_signature(config), module=f"{config.name}_loader")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        self._room = Signal(init=1)
        self._intake = intake = instantiate(m, platform, "intake", Intake, config)
        self._counter = counter = instantiate(m, platform, "tiles", TileCounter, config)
        self._take = intake.take
        self._slot = Signal(range(max(config.slots(encoding.width(JOB)), config.beat_slots) + 1))
        self._half, self._header_seen = Signal(), Signal()
        self._groups = Signal(JOB["trips_group"].bits)
        self._index = Signal(range(max(len(LOOPS), config.requant_steps)))
        self._kept, self._table_half = Signal(2), Signal()

        connect(m, flipped(self.program), intake.program)
        m.d.comb += [
            intake.room.eq(self._room),
            self.word.eq(intake.word),
            counter.word.eq(intake.word),
            self.two_word.eq(counter.two_word),
            self.last.eq(counter.last),
            self.beat_target.eq(Cat(counter.beat, self._half)),
            self.step_target.eq(Cat(self._index[: (len(LOOPS) - 1).bit_length()], self._bank(m))),
            self.chunk_target.eq(self._index + self._half * config.requant_steps),
        ]
        m.d.sync += [self.full.eq(self.full & ~self.front_frees), self._kept.eq(self._kept & ~self.back_frees)]
        with m.If(self.job_taken):
            m.d.sync += [self.job_valid.eq(0), self._table_half.eq(self._table_half ^ self.job.table)]
        self._states(m)
        return m

    def _bank(self, m: Module) -> Signal:
        """Which half of the steps the next job's go to."""
        bank = Signal(name="bank")
        with m.If(self.job_taken):
            m.d.sync += bank.eq(~bank)
        return bank

    def _states(self, m: Module) -> None:
        with m.FSM(init="HEADER"):
            with m.State("HEADER"):
                self._header(m)
            with m.State("JOB"), m.If(self._collect(m, encoding.width(JOB))):
                m.next = "STEPS"
                # Of a job that is one bus word, the register does not hold the kind yet.
                kind = self.job.kind if self._config.slots(encoding.width(JOB)) > 1 else self.word[: JOB["kind"].bits]
                with m.If(kind == Kind.END):
                    m.next = "CHECK"
            with m.State("STEPS"), m.If(self._fill(m, self.step_slot, self._index, len(LOOPS))):
                m.next = "CHECK"
                if self._config.tables:
                    with m.If(self.job.table):
                        m.next = "TABLE"
            if self._config.tables:
                with m.State("TABLE"):
                    self._table(m)
            with m.State("CHECK"), m.If(self._take):
                self._checked(m)
            with m.State("OFFER"):
                self._offer(m)
            with m.State("GROUP"):
                self._group(m)
            with m.State("FLAGS"):
                self._flags(m)
            with m.State("BEATS"):
                self._beats(m)
            with m.State("SCALES"):
                # The parameters of the group that used this half before may still be needed.
                m.d.comb += self._room.eq(~self._kept.bit_select(self._half, 1))
                with m.If(self._fill(m, self.scale_slot, self._index, self._config.requant_steps)):
                    m.next = "OFFSETS"
            with m.State("OFFSETS"), m.If(self._fill(m, self.offset_slot, self._index, self._config.requant_steps)):
                m.d.sync += self._kept.bit_select(self._half, 1).eq(1)
                self._complete(m)
            with m.State("NEXT"):
                m.d.comb += self._room.eq(0)
                with m.If(~self.job_valid):
                    m.next = "JOB"
            with m.State("FINISH"):
                m.d.comb += self._room.eq(0)
                with m.If(self.idle & ~self.job_valid):
                    m.d.comb += self._intake.clear.eq(1)
                    m.d.sync += self.busy.eq(0)
                    m.next = "HEADER"

    def _section(self, m: Module, slots: int) -> Value:
        """Count the words of a section; whether its last one is taken."""
        done = self._take & (self._slot == slots - 1)
        with m.If(self._take):
            m.d.sync += self._slot.eq(Mux(self._slot == slots - 1, 0, self._slot + 1))
        return done

    def _collect(self, m: Module, bits: int) -> Value:
        """Keep a section of `bits` bits in the job's register."""
        width = self._config.bus_bits
        register = Value.cast(self.job)
        for index, offset in enumerate(range(0, bits, width)):
            part = register[offset : min(offset + width, len(register))]
            with m.If(self._take & (self._slot == index)):
                m.d.sync += part.eq(self.word)
        return self._section(m, self._config.slots(bits))

    def _fill(self, m: Module, slot: Value, index: Signal, entries: int) -> Value:
        """Pass sections on to a store, one for each entry; whether the last one is complete."""
        done = self._section(m, len(slot))
        m.d.comb += slot.eq(self._take << self._slot)
        with m.If(done):
            m.d.sync += index.eq(Mux(index == entries - 1, 0, index + 1))
        return done & (index == entries - 1)

    def _header(self, m: Module) -> None:
        bits = encoding.width(HEADER)
        known = min(self._config.bus_bits, HEADER["magic"].bits)
        wrong = (self._slot == 0) & (self.word[:known] != encoding.MAGIC & ((1 << known) - 1))
        with m.If(self._take & wrong):
            m.d.comb += self._intake.clear.eq(1)
            m.d.sync += self._slot.eq(0)
            with m.If(self.error == Error.NONE):
                m.d.sync += self.error.eq(Error.MAGIC)
        with m.Else():
            with m.If(self._take):
                m.d.sync += [self.busy.eq(1), self._header_seen.eq(0), self.error.eq(Error.NONE)]
            with m.If(self._collect(m, bits)):
                m.next = "CHECK"

    def _checked(self, m: Module) -> None:
        """Behind a check: the header's fields are right, or the job is offered."""
        header = struct(HEADER)(Value.cast(self.job)[: encoding.width(HEADER)])
        m.next = "OFFER"
        m.d.sync += self._header_seen.eq(1)
        with m.If(~self._header_seen):
            m.next = "JOB"
        for wrong, error in (
            ((~self._header_seen) & (header.engine != self._config.digest), Error.ENGINE),
            ((~self._header_seen) & (header.version != encoding.VERSION), Error.VERSION),
            (self._header_seen & ~self.job.kind.matches(*map(int, Kind)), Error.KIND),
            (self._intake.check != 0, Error.CHECK),
        ):
            with m.If(wrong):
                m.d.sync += self.error.eq(error)
                m.next = "FINISH"

    def _offer(self, m: Module) -> None:
        """The job's register is the job until it is taken: groups are read, the job after it is not."""
        m.d.comb += self._room.eq(0)
        m.d.sync += self._groups.eq(self.job.trips_group)
        m.next = "GROUP"
        with m.If(self.job.kind == Kind.END):
            m.next = "FINISH"
        with m.Else():
            m.d.sync += self.job_valid.eq(1)

    def _table(self, m: Module) -> None:
        """The next job's table; the tables take turns."""
        code, half = Signal(self._config.code_bits), self._table_half
        m.d.comb += [
            self._room.eq(self.table_free),
            self.table_write.eq(self._take),
            self.table_target.eq(Cat(code, half)),
        ]
        with m.If(self._take):
            m.d.sync += code.eq(code + 1)
            with m.If(code.all()):
                m.next = "CHECK"

    def _group(self, m: Module) -> None:
        # The words of the last beat are read ADDRESS_CYCLES after its flags: a cycle more keeps the next ones away.
        released = Signal(2)
        m.d.sync += released.eq(self.front_frees)
        m.d.comb += self._room.eq(~(self.full | released).bit_select(self._half, 1))
        first = Signal(self._config.bus_bits, name="tiles_word")
        with m.If(self._take):
            m.d.sync += first.eq(self.word)
        section = self.word if self._config.bus_bits >= encoding.width(GROUP) else Cat(first, self.word)
        group = struct(GROUP)(section[: encoding.width(GROUP)])
        m.d.comb += self._counter.tiles.eq(group.tiles)
        with m.If(self._section(m, self._config.slots(encoding.width(GROUP)))):
            m.d.comb += self._counter.begin.eq(1)
            m.d.sync += self.idles[self._half].eq(group.idle)
            with m.If(self.job.kind == Kind.CONV):
                m.next = "FLAGS"
            with m.Else():
                # The elements of a position: no words, so the index of the last one alone.
                m.d.sync += self.ends[self._half].eq(group.tiles - 1)
                self._complete(m)

    def _flags(self, m: Module) -> None:
        m.d.comb += self._counter.load.eq(self._take)
        with m.If(self._section(m, self._config.slots(FLAGS_PER_WORD))):
            m.next = "BEATS"

    def _beats(self, m: Module) -> None:
        m.d.comb += self.beat_slot.eq(self._take << self._slot)
        with m.If(self._section(m, self._config.beat_slots)):
            m.d.comb += self._counter.step.eq(1)
            m.d.sync += self.ends[self._half].eq(self._counter.beat)
            with m.If(self._counter.refill):
                m.next = "FLAGS"
            with m.If(self._counter.end):
                m.next = "SCALES"

    def _complete(self, m: Module) -> None:
        """A group is in its half: on to the next one, or the next job once this one was taken."""
        m.d.sync += [
            self.full.bit_select(self._half, 1).eq(1),
            self._half.eq(~self._half),
            self._groups.eq(self._groups - 1),
        ]
        m.next = "GROUP"
        with m.If(self._groups == 0):
            m.next = "NEXT"
