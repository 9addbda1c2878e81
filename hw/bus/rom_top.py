"""The Verilog top `stlq_rom`: an engine that needs nobody to feed it a program."""

from types import SimpleNamespace
from typing import Any

from amaranth import Const, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.bus.flash_reader import FlashReader, flash_signature
from hw.bus.restart import add_restarted
from hw.bus.rom_config import Codes, RomConfig, Source
from hw.bus.rom_memory import RomMemory
from hw.bus.uart_codes import UartCodes
from hw.bus.uart_receiver import UartReceiver
from hw.component import Component, instantiate
from hw.engine.engine import Engine
from hw.engine.layouts import outputs_layout


def rom_signature(config: RomConfig) -> wiring.Signature:
    """The members of :class:`RomTop`."""
    members: dict[str, Any] = {"busy": Out(1), "error": Out(4)}
    if config.source is Source.FLASH:
        members["flash"] = Out(flash_signature())
    if config.codes is Codes.UART:
        members |= {"rx": In(1), "tx": Out(1), "overrun": Out(1)}
    else:
        members["inputs"] = In(stream.Signature(config.bus_bits))
        members["outputs"] = Out(stream.Signature(outputs_layout(config.engine)))
    return wiring.Signature(members)


class RomTop(Component):
    """Runs one program for ever: each time it takes the inputs of an inference, and gives its outputs.

    On a UART, a frame without a stop bit starts all over, so a host brings it to a known state by a break. The first
    four bytes after a reset are the engine's digest, the lowest one first; codes of outputs follow.

    Members
    -------
    busy : Out(1), error : Out(4)
        The engine's.
    flash : Out
        With the program in flash; see :func:`flash_signature`.
    rx : In(1), tx : Out(1), overrun : Out(1)
        With a UART; see :class:`UartReceiver` and :class:`UartCodes`.
    inputs : In(stream), outputs : Out(stream)
        With streams; the engine's.
    """

    def __init__(self, config: RomConfig):
        self._config = config
        super().__init__(rom_signature(config), module=config.name)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        run: Any = SimpleNamespace(submodules={})  # what a break resets
        flash = config.source is Source.FLASH
        engine = instantiate(run, platform, "engine", Engine, config.engine)
        program = instantiate(run, platform, "program", FlashReader if flash else RomMemory, config)
        connect(m, program.words, engine.program)
        m.d.comb += [self.busy.eq(engine.busy), self.error.eq(engine.error)]
        if flash:
            connect(m, program.flash, flipped(self.flash))
        restart = Const(0)
        if config.codes is Codes.UART:
            receiver = instantiate(m, platform, "receiver", UartReceiver, config.divisor, config.name)
            codes = instantiate(run, platform, "codes", UartCodes, config)
            connect(m, codes.inputs, engine.inputs)
            connect(m, engine.outputs, codes.outputs)
            m.d.comb += [receiver.rx.eq(self.rx), codes.data.eq(receiver.data), codes.valid.eq(receiver.valid)]
            m.d.comb += [self.tx.eq(codes.tx), self.overrun.eq(codes.overrun)]
            restart = receiver.broken
        else:
            connect(m, flipped(self.inputs), engine.inputs)
            connect(m, engine.outputs, flipped(self.outputs))
        add_restarted(m, platform, run.submodules, restart)
        return m
