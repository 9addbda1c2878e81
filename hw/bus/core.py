"""What is the same on every bus: the engine between registers, and bursts of words."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from amaranth import Cat, Module, Mux, Value
from amaranth.lib.wiring import connect, flipped

from hw.bus.bank import RegisterBank, host_members
from hw.bus.config import BusConfig
from hw.bus.control import Control
from hw.bus.master import master_members
from hw.bus.ranges import Ranges
from hw.bus.read_buffer import ReadBuffer
from hw.bus.registers import Range, RunError
from hw.bus.restart import add_restarted
from hw.bus.write_buffer import WriteBuffer
from hw.component import Component, instantiate
from hw.engine.engine import Engine

TO_CORE = ("read_address", "write_address", "data", "write")
FROM_CORE = ("value", "read_known", "write_known")
FROM_MASTER = ("read", "word", "read_failed", "write_failed", "quiet")
"""Members that a top connects by their names: between the registers' adapter and the core, and from the master."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the core connects."""

    bank: RegisterBank
    control: Control
    ranges: Ranges
    engine: Engine
    program: ReadBuffer
    inputs: ReadBuffer
    outputs: WriteBuffer

    @property
    def reads(self) -> dict[Range, ReadBuffer]:
        """The buffers of what is read."""
        return {Range.PROGRAM: self.program, Range.INPUTS: self.inputs}

    @property
    def buffers(self) -> dict[Range, ReadBuffer | WriteBuffer]:
        """The buffer of each range."""
        return {**self.reads, Range.OUTPUTS: self.outputs}


class Core(Component):
    """Runs the engine on ranges of memory.

    A run begins with a reset of engine and buffers, so it never sees anything of the one before.

    Members
    -------
    As :func:`host_members`, and those of :func:`master_members` in the other direction.
    """

    def __init__(self, config: BusConfig):
        self._config = config
        members = host_members() | {name: member.flip() for name, member in master_members(config).items()}
        super().__init__(members, module=f"{config.name}_core")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        run: Any = SimpleNamespace(submodules={})  # what each run resets
        parts = Parts(
            bank=instantiate(m, platform, "bank", RegisterBank, config),
            control=instantiate(m, platform, "control", Control, config),
            ranges=instantiate(m, platform, "ranges", Ranges, config),
            engine=instantiate(run, platform, "engine", Engine, config.engine),
            program=instantiate(run, platform, "program", ReadBuffer, config, config.program_words),
            inputs=instantiate(run, platform, "inputs", ReadBuffer, config, config.code_words),
            outputs=instantiate(run, platform, "outputs", WriteBuffer, config),
        )
        add_restarted(m, platform, run.submodules, parts.control.clear)
        self._host(m, parts)
        self._runs(m, parts)
        self._streams(m, parts)
        self._bursts(m, parts)
        return m

    def _host(self, m: Module, parts: Parts) -> None:
        """Registers: the host's side, and what they show."""
        bank, control = parts.bank, parts.control
        m.d.comb += [getattr(bank, name).eq(getattr(self, name)) for name in TO_CORE]
        m.d.comb += [getattr(self, name).eq(getattr(bank, name)) for name in (*FROM_CORE, "irq")]
        m.d.comb += [getattr(bank, name).eq(getattr(control, name)) for name in ("busy", "done", "error", "cycles")]
        m.d.comb += bank.engine_error.eq(Mux(control.error == RunError.ENGINE, parts.engine.error, 0))

    def _runs(self, m: Module, parts: Parts) -> None:
        """What control must know."""
        bank, control, ranges, outputs = parts.bank, parts.control, parts.ranges, parts.outputs
        beyond = ranges.used_up[Range.OUTPUTS] & (outputs.level != 0)
        m.d.comb += [getattr(control, name).eq(getattr(bank, name)) for name in ("start", "stop", "intrusion", "given")]
        m.d.comb += [getattr(control, name).eq(getattr(self, name)) for name in ("read_failed", "write_failed")]
        m.d.comb += [
            control.engine_busy.eq(parts.engine.busy),
            control.engine_error.eq(parts.engine.error),
            control.quiet.eq(self.quiet & ranges.idle),
            control.drained.eq(outputs.level == 0),
            control.whole.eq(ranges.used_up[Range.OUTPUTS] & parts.program.whole & parts.inputs.whole),
            control.astray.eq(ranges.astray | beyond | parts.program.short | parts.inputs.short),
        ]

    def _streams(self, m: Module, parts: Parts) -> None:
        """Words to and from the engine."""
        engine, program, outputs, feeds = parts.engine, parts.program, parts.outputs, parts.control.feeds
        connect(m, parts.inputs.words, engine.inputs)
        connect(m, outputs.words, flipped(self.words))
        m.d.comb += [
            engine.program.payload.eq(program.words.payload),
            engine.program.valid.eq(program.words.valid & feeds),
            program.words.ready.eq(engine.program.ready & feeds),
            outputs.outputs.payload.eq(engine.outputs.payload.codes),
            outputs.outputs.valid.eq(engine.outputs.valid),
            engine.outputs.ready.eq(outputs.outputs.ready),
        ]
        for which, buffer in parts.reads.items():
            m.d.comb += [buffer.write.eq(self.read[which]), buffer.word.eq(self.word)]
            m.d.comb += buffer.used_up.eq(parts.ranges.used_up[which])

    def _bursts(self, m: Module, parts: Parts) -> None:
        """When bursts may start, and what they take or need."""
        control, ranges, outputs = parts.control, parts.ranges, parts.outputs
        last = control.flush & (outputs.level != 0)
        wanted = [control.reads & buffer.room for buffer in parts.reads.values()]
        moves = ranges.bursts.valid & ranges.bursts.ready
        connect(m, ranges.bursts, flipped(self.bursts))
        m.d.comb += [
            Value.cast(ranges.load).eq(Value.cast(parts.bank.load)),
            ranges.restart.eq(control.clear),
            ranges.level.eq(outputs.level),
            ranges.wanted.eq(Cat(*wanted, control.writes & (outputs.ready | last))),
        ]
        for which, buffer in parts.buffers.items():
            m.d.comb += [
                buffer.claim.eq(moves & (ranges.bursts.payload.range == which)),
                buffer.more.eq(ranges.bursts.payload.more),
            ]
