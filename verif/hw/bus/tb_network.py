"""In-simulator test of a bus top's Verilog; the launcher says which in STLQ_BUS."""

import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

from hw.bus.verilog import bus_ports
from verif.hw.bus.inference import Inference
from verif.hw.bus.kits import KITS

UNKNOWN = -1  # what no word and no flag is


class Context:
    """What hosts and memories need of Amaranth's simulator: outputs are read, and inputs set, at falling edges."""

    def __init__(self, clock: Any):
        self._clock = clock

    def get(self, signal: Any) -> int:
        """The signal's value."""
        value = signal.value
        return int(value) if value.is_resolvable else UNKNOWN

    def set(self, signal: Any, value: int) -> None:
        """Give an input its value."""
        signal.value = int(value)

    def tick(self) -> FallingEdge:
        """The next cycle."""
        return FallingEdge(self._clock)


class Port:
    """The signals of the top that begin with a name."""

    def __init__(self, dut: Any, name: str):
        self._dut, self._name = dut, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dut, f"{self._name}__{name}")


class Top:
    """The top's two ports."""

    def __init__(self, dut: Any):
        self.registers, self.memory = Port(dut, "registers"), Port(dut, "memory")


@cocotb.test()
async def a_network(dut: Any) -> None:
    kit = KITS[os.environ["STLQ_BUS"]]
    task, top, context = Inference(kit, 32, Path.cwd()), Top(dut), Context(dut.clk)
    for port in bus_ports(task.config):
        if port["direction"] == "input":
            getattr(dut, port["name"]).value = int(port["name"] == "rst")
    Clock(dut.clk, 10, unit="ns").start()
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    cocotb.start_soon(kit.serve(task.memory)(context, top))
    await task.bench(context, top, dut.rst)
