"""Drivers of the array's streams: a source for each input, a sink for the output."""

import random
from collections.abc import Sequence
from functools import lru_cache

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


async def source(port: Port, beats: Sequence[int], ignored: Sequence[int], pace: Pace, seed: str) -> None:
    """Offer `beats` in order, each when `pace` says so and then until it is taken.

    What must not count is unknown, so that a device that takes it all the same is found out: the bits that a beat's
    mask in `ignored` has, and the whole payload while nothing is offered. Simulators without X get noise.
    """
    rng = random.Random(seed)
    width = len(port.payload)
    everything = (1 << width) - 1
    edge = RisingEdge(port.clk)
    offered: object = None  # a signal that stays is not written again: cocotb's writes are what a simulation waits for
    for beat, mask in zip(beats, ignored, strict=True):
        while not next(pace):
            offered = None
            port.valid.value = 0
            port.payload.value = unknown(rng.getrandbits(width), everything, width)
            await edge
        if offered is None:
            port.valid.value = 1
        if offered != (beat, mask):
            port.payload.value = unknown(beat, mask, width)
        offered = beat, mask
        await edge
        while not port.ready.value:
            await edge
    port.valid.value = 0
    port.payload.value = unknown(rng.getrandbits(width), everything, width)


@lru_cache(maxsize=64)
def unknown(payload: int, mask: int, width: int) -> int | LogicArray:
    """`payload` with X where `mask` has a 1; as it is in a simulator without X."""
    if not mask or not cocotb.SIM_NAME.startswith("Icarus"):
        return payload
    bits = zip(f"{payload:0{width}b}", f"{mask:0{width}b}", strict=True)
    return LogicArray("".join("X" if ignored == "1" else bit for bit, ignored in bits))


async def sink(port: Port, pace: Pace) -> None:
    """Be ready when `pace` says so, whether or not there is something to take."""
    edge = RisingEdge(port.clk)
    was = None
    while True:
        if (ready := next(pace)) != was:
            port.ready.value = int(ready)
        was = ready
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
