"""In-simulator test of `stlq_axi` with cocotbext-axi: others' reading of the rules, beside that of our own memory."""

from collections.abc import Iterator
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from hw.bus.registers import CONTROL, RANGES, STATUS, Part, Range, RunError, unpack
from verif.hw.array.bench import dice
from verif.hw.bus.bench import START
from verif.hw.bus.case import Task, tasks

BASE = 0xFEDC_BA97_FFFF_0000
SIZE = 3 << 16  # bytes of the memory, in which addresses count modulo this
PLACES = (BASE + 0x0FF8, BASE + 0x5FFC, BASE + 0xFFF8)
"""Of program, inputs and outputs: multiples of 4 KiB, and for the outputs one of 4 GiB, are in their middle."""


def pauses(rng: Random) -> Iterator[bool]:
    """For ever: the share of cycles without a transfer changes."""
    while True:
        share = rng.choice((0, 0.3, 0.8))
        for _ in range(20):
            yield rng.random() < share


class Devices:
    """A host on AXI4-Lite and a memory on AXI4, both with pauses on every channel."""

    def __init__(self, dut: Any):
        self.host: Any = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "registers_"), dut.clk, dut.rst)
        self.memory: Any = AxiRam(AxiBus.from_prefix(dut, "memory_"), dut.clk, dut.rst, size=SIZE)
        rng = dice("cocotbext")
        for device in (self.host, self.memory):
            writes, reads = device.write_if, device.read_if
            for channel in (writes.aw_channel, writes.w_channel, writes.b_channel, reads.ar_channel, reads.r_channel):
                channel.set_pause_generator(pauses(rng))

    async def run(self, task: Task) -> tuple[bytes, dict[str, int]]:
        """The outputs, and the status at the end."""
        for which, data in zip((Range.PROGRAM, Range.INPUTS), task.ranges, strict=False):
            self.memory.write(PLACES[which] % SIZE, data)
        for which, data in zip(Range, task.ranges, strict=True):
            address = PLACES[which]
            for part, value in zip(Part, (address % 2**32, address >> 32, len(data)), strict=True):
                await self.host.write_dword(RANGES + 16 * which + 4 * part, value)
        await self.host.write_dword(CONTROL.address, START)
        status = {"done": 0}
        while not status["done"]:
            status = unpack(STATUS, await self.host.read_dword(STATUS.address))
        return self.memory.read(PLACES[Range.OUTPUTS] % SIZE, len(task.ranges[Range.OUTPUTS])), status


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def others_axi(dut: Any) -> None:
    """Two networks, one after the other."""
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    devices = Devices(dut)
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    for task in tasks()[:2]:
        outputs, status = await devices.run(task)
        assert status == {"busy": 0, "done": 1, "error": RunError.NONE, "engine_error": 0}
        assert outputs == task.ranges[Range.OUTPUTS]
