"""Drivers of the array's streams: a source for each input, a sink for the output."""

import random
from collections.abc import Sequence

import cocotb
from cocotb.handle import LogicArrayObject, LogicObject
from cocotb.triggers import RisingEdge
from cocotb.types import LogicArray

from verif.hw.pace import Pace


class Port:
    """The three signals of one ready/valid stream of `dut`."""

    def __init__(self, dut, name: str) -> None:
        self.name = name
        self.clk: LogicObject = dut.clk
        self.valid: LogicObject = getattr(dut, f"{name}__valid")
        self.ready: LogicObject = getattr(dut, f"{name}__ready")
        self.payload: LogicArrayObject = getattr(dut, f"{name}__payload")


async def source(port: Port, beats: Sequence[int], pace: Pace, seed: str) -> None:
    """Offer `beats` in order, each when `pace` says so and then until it is taken.

    While it offers nothing the payload is unknown, so that a device that takes it all the same is found out. Simulators
    that have no such value get noise.
    """
    rng = random.Random(seed)
    width = len(port.payload)
    unknown = cocotb.SIM_NAME.startswith("Icarus")
    edge = RisingEdge(port.clk)
    for beat in beats:
        while not next(pace):
            port.valid.value = 0
            port.payload.value = LogicArray("X" * width) if unknown else rng.getrandbits(width)
            await edge
        port.valid.value = 1
        port.payload.value = beat
        await edge
        while not port.ready.value:
            await edge
    port.valid.value = 0
    port.payload.value = LogicArray("X" * width) if unknown else rng.getrandbits(width)


async def sink(port: Port, pace: Pace) -> None:
    """Be ready when `pace` says so, whether or not there is something to take."""
    edge = RisingEdge(port.clk)
    while True:
        port.ready.value = int(next(pace))
        await edge


async def reluctant_sink(port: Port, pace: Pace) -> None:
    """Be ready for one cycle, and only after valid was seen: a source that waits for ready never gets it."""
    edge = RisingEdge(port.clk)
    while True:
        port.ready.value = 0
        await edge
        if port.valid.value and next(pace):
            port.ready.value = 1
            await edge
