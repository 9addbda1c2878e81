"""The loader: takes a program apart, section by section, into the stores and the next job."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.component import Component, instantiate
from hw.engine import encoding
from hw.engine.config import EngineConfig
from hw.engine.encoding import HEADER, JOB, LOOPS, STEP, Error, Kind
from hw.engine.groups import GroupLoader
from hw.engine.intake import Intake
from hw.engine.layouts import buffers_signature, fill_signature, struct
from hw.engine.section import Sections
from hw.engine.verdict import Verdict


def loader_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Loader`."""
    return wiring.Signature(
        {
            "program": In(stream.Signature(config.bus_bits)),
            "busy": Out(1),
            "error": Out(4),
            "idle": In(1),
            "job": Out(struct(JOB)),
            "job_valid": Out(1),
            "job_taken": In(1),
            "steps": Out(fill_signature(config, encoding.width(STEP), 2 * len(LOOPS))),
            "table_write": Out(1),
            "table_target": Out(config.code_bits + 1),
            "table_free": In(1),
            "buffers": Out(buffers_signature(config)),
        }
    )


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
        The next job, offered until it is taken. Until it is offered, `job` may be anything.
    steps : Out(Fill)
        What goes to the store of steps.
    table_write, table_target : Out, table_free : In(1)
        The word of `steps` is an entry of the next job's table; see :class:`Tables`. Whether it may be written.
    buffers : Out
        Groups; see :func:`buffers_signature`.
    """

    def __init__(self, config: EngineConfig):
        self._config = config
        super().__init__(loader_signature(config), module=f"{config.name}_loader")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        self._intake = intake = instantiate(m, platform, "intake", Intake, config)
        self._groups = groups = instantiate(m, platform, "groups", GroupLoader, config)
        self._room, self._table_half = Signal(init=1, name="room"), Signal(name="table_half")
        self._header_seen, self._wrong, bank = Signal(name="header_seen"), Signal(name="wrong"), Signal(name="bank")
        slots = config.slots(encoding.width(JOB))
        self._sections = Sections(m, longest=max(slots, 2), entries=len(LOOPS))
        # Sections enter at the top, a bus word at a time; a whole job is `next`.
        register = Signal(slots * config.bus_bits)
        self._next = Cat(register, intake.word)[config.bus_bits :]
        self._verdict = Verdict(m, config, register, self._header_seen)

        connect(m, flipped(self.program), intake.program)
        connect(m, flipped(self.buffers), groups.buffers)
        m.d.comb += [
            intake.room.eq(self._room),
            Value.cast(self.job).eq(register),
            self.steps.word.eq(intake.word),
            self.steps.target.eq(Cat(self._sections.entry, bank)),
            groups.word.eq(intake.word),
            groups.valid.eq(intake.valid),
            groups.conv.eq(self.job.kind == Kind.CONV),
            Cat(groups.trips, groups.single).eq(Cat(self.job.trips_group, self.job.single_group)),
            groups.add_terms.eq(self.job.add_terms),
        ]
        with m.If(self.job_taken):
            # The other half of the steps; and of the tables, if this one was used.
            m.d.sync += [self.job_valid.eq(0), bank.eq(~bank), self._table_half.eq(self._table_half ^ self.job.table)]
        self._states(m, register)
        with m.If(self._wrong):
            m.d.sync += [self.error.eq(Error.CHECK), self.job_valid.eq(0), self._wrong.eq(0)]
        return m

    def _states(self, m: Module, register: Signal) -> None:
        # Where there is always room, what is there is taken: it is not worth a look.
        config, sections, valid = self._config, self._sections, self._intake.valid
        with m.FSM(init="HEADER"):
            with m.State("HEADER"):
                self._read_header(m, register)
            with m.State("JOB"):
                self._read_job(m, register)
            with m.State("STEPS"), m.If(sections.fill(valid, self.steps, len(LOOPS))):
                m.next = "CHECK"
                if config.tables:
                    with m.If(self.job.table):
                        m.next = "TABLE"
            if config.tables:
                with m.State("TABLE"):
                    self._table(m)
            with m.State("CHECK"), m.If(valid):
                m.next = "JUDGE"
            with m.State("JUDGE"):
                self._judge(m)
            with m.State("GROUPS"):
                self._read_groups(m)
            with m.State("FINISH"):
                m.d.comb += self._room.eq(0)
                with m.If(self.idle & ~self.job_valid):
                    m.d.comb += self._intake.clear.eq(1)
                    m.d.sync += self.busy.eq(0)
                    m.next = "HEADER"

    def _read_header(self, m: Module, register: Signal) -> None:
        """Words are dropped until one is the magic one, or its start."""
        valid, wrong = self._intake.valid, (self._sections.slot == 0) & ~self._intake.begins
        with m.If(valid):
            m.d.sync += register.eq(self._next)
        with m.If(valid & wrong):
            m.d.comb += self._intake.clear.eq(1)
            with m.If(self.error == Error.NONE):
                m.d.sync += self.error.eq(Error.MAGIC)
        with m.Else():
            with m.If(valid):
                m.d.sync += [self.busy.eq(1), self._header_seen.eq(0), self.error.eq(Error.NONE)]
            with m.If(self._sections.read(valid, self._config.slots(encoding.width(HEADER)))):
                m.next = "CHECK"

    def _read_job(self, m: Module, register: Signal) -> None:
        with m.If(self._intake.valid):
            m.d.sync += register.eq(self._next)
        m.d.comb += self._room.eq(~self._wrong)
        with m.If(self._sections.read(self._intake.take, self._config.slots(encoding.width(JOB)))):
            m.next = "STEPS"
            with m.If(self._next[: JOB["kind"].bits] == Kind.END):
                m.next = "CHECK"
        with m.If(self._wrong):
            m.next = "FINISH"

    def _judge(self, m: Module) -> None:
        """Behind a check: the header's fields are right, or the job is offered, which stays in its register.

        What the check says is known a cycle later, before anybody takes the job; nothing more is read until then.
        """
        m.d.comb += [self._room.eq(0), self._groups.begins.eq(1)]
        m.d.sync += [self._header_seen.eq(1), self._wrong.eq(self._intake.check != 0)]
        with m.If(~self._header_seen):
            m.next = "JOB"
        with m.Elif(self._verdict.ends):
            m.next = "FINISH"
        with m.Else():
            m.d.sync += self.job_valid.eq(1)
            m.next = "GROUPS"
        with m.If(self._verdict.error != Error.NONE):
            m.d.sync += [self.error.eq(self._verdict.error), self.job_valid.eq(0)]
            m.next = "FINISH"

    def _table(self, m: Module) -> None:
        """The next job's table; the tables take turns."""
        code, take = Signal(self._config.code_bits, name="code"), self._intake.take
        m.d.comb += [
            self._room.eq(self.table_free),
            self.table_write.eq(take),
            self.table_target.eq(Cat(code, self._table_half)),
        ]
        with m.If(take):
            m.d.sync += code.eq(code + 1)
            with m.If(code.all()):
                m.next = "CHECK"

    def _read_groups(self, m: Module) -> None:
        """All groups of the job; then the job after it, once this one was taken."""
        m.d.comb += [self._room.eq(self._groups.room & ~self._wrong), self._groups.due.eq(~self._wrong)]
        with m.If(self._groups.over & ~self.job_valid):
            m.next = "JOB"
        with m.If(self._wrong):
            m.next = "FINISH"
