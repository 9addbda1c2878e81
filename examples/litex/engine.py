"""An STLQ engine in a LiteX SoC: `stlq_wishbone` of a build, with its interrupt as an event."""

# pyright: reportMissingImports=false
from pathlib import Path

from litex.gen import LiteXModule
from litex.soc.integration.soc import SoCRegion
from litex.soc.interconnect import wishbone
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel
from migen import ClockSignal, Instance, ResetSignal

TOP, REGISTER_BYTES = "stlq_wishbone", 128
FORWARD, BACK = ("cyc", "stb", "we", "adr", "dat_w", "sel"), ("dat_r", "ack", "err")


class StlqEngine(LiteXModule):
    """The engine of `build`, the folder that `stlq compile --bus wishbone` wrote.

    `registers`: slave for the host. `memory`: master, `bus_bits` wide, for program, inputs and outputs.
    `ev.done`: CSRs of the interrupt.
    """

    def __init__(self, platform, build, bus_bits=32):
        self.registers = wishbone.Interface(data_width=32, address_width=32)
        self.memory = wishbone.Interface(data_width=bus_bits, address_width=32)
        self.ev = EventManager()
        self.ev.done = EventSourceLevel()
        self.ev.finalize()
        host = {name: getattr(self.registers, name) for name in (*FORWARD, *BACK)}
        host["adr"] = host["adr"][: (REGISTER_BYTES // 4 - 1).bit_length()]
        memory = {name: getattr(self.memory, name) for name in (*FORWARD, *BACK)}
        # LiteX's slaves are classic: they want a request to stay until its answer.
        stall = memory["stb"] & ~(memory["ack"] | memory["err"])
        self.specials += Instance(
            TOP,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            o_irq=self.ev.done.trigger,
            i_memory__stall=stall,
            **{f"i_registers__{name}": host[name] for name in FORWARD},
            **{f"o_registers__{name}": host[name] for name in BACK},
            **{f"o_memory__{name}": memory[name] for name in FORWARD},
            **{f"i_memory__{name}": memory[name] for name in BACK},
        )
        for name in ("stlq_engine.v", f"{TOP}.v"):
            platform.add_source(str(Path(build) / name))


def add_engine(soc, platform, build, origin, bus_bits=32):
    """Connect an engine to the bus of a SoC, its registers at byte `origin`."""
    soc.engine = engine = StlqEngine(platform, build, bus_bits)
    region = SoCRegion(origin=origin, size=REGISTER_BYTES, cached=False)
    soc.bus.add_slave("engine", engine.registers, region)
    soc.bus.add_master("engine", engine.memory)
    if soc.irq.enabled:
        soc.irq.add("engine")
