"""The real drivers on a simulated bus: they wait for each access, and the simulation meanwhile for them."""

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hw.bus.registers import Range
from rtl_gen.driver.stlq import Block, Interface
from rtl_gen.driver.stlq import Tensor as Place
from verif.hw.bus.bench import Host, Memory
from verif.rtl_gen.driver.c_driver import READ, WRITE, Bus, Span, Tensor

T = TypeVar("T")


class Registers:
    """What a driver in a thread of its own reads and writes; None comes behind its last access."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[tuple[int, int | None] | None] = SimpleQueue()
        self.answered: SimpleQueue[int | None] = SimpleQueue()
        self.open = True

    def read(self, offset: int) -> int:
        """A register."""
        return self._ask(offset, None)

    def write(self, offset: int, value: int) -> None:
        """A register."""
        self._ask(offset, value)

    def _ask(self, offset: int, value: int | None) -> int:
        if not self.open:
            raise RuntimeError("the simulation has ended")
        self.asked.put((offset, value))
        answer = self.answered.get()
        assert answer is not None, f"an error response at 0x{offset:x}"
        return answer


async def run(ctx: Any, host: Host, software: Callable[[Registers], T]) -> T:
    """What software gives whose accesses `host` makes."""
    registers = Registers()

    def whole() -> T:
        try:
            return software(registers)
        finally:
            registers.asked.put(None)

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(whole)
        try:
            while (access := registers.asked.get()) is not None:
                offset, value = access
                answer = await host.read(ctx, offset) if value is None else await host.write(ctx, offset, value) or None
                registers.answered.put(answer)
        finally:
            registers.open = False
            registers.answered.put(None)
        return result.result()


class Contents(Protocol):
    """Memory that the engine reaches."""

    def put(self, address: int, data: bytes) -> None: ...
    def take(self, address: int, size: int) -> bytes: ...


@dataclass(frozen=True)
class Words:
    """Contents of a memory in words: what was never written is 0."""

    memory: Memory

    def put(self, address: int, data: bytes) -> None:
        """Whole words to memory."""
        self.memory.fill(address, np.frombuffer(data, f"<u{self.memory.size}").tolist())

    def take(self, address: int, size: int) -> bytes:
        """Whole words from memory."""
        words = [word or 0 for word in self.memory.get(address, size // self.memory.size)]
        return np.array(words, f"<u{self.memory.size}").tobytes()


def allocator(contents: Contents, places: Sequence[int]) -> Callable[..., Block]:
    """Gives the Python driver a block at each place.  Memory has its contents after `flush`, it after `invalidate`."""

    class Copied(Block):
        def flush(self) -> None:
            contents.put(self.device_address, self.tobytes())

        def invalidate(self) -> None:
            self[:] = np.frombuffer(contents.take(self.device_address, len(self)), np.uint8)

    left = iter(places)

    def allocate(shape: tuple[int, ...], dtype: Any) -> Block:
        block = np.zeros(shape, dtype).view(Copied)
        block.device_address = next(left)
        return block

    return allocate


@dataclass(frozen=True, kw_only=True)
class CHost:
    """A program with one input and one output that uses the C driver as its header says; `places`: of the ranges."""

    driver: ctypes.CDLL
    bus: Bus
    interface: Interface
    contents: Contents
    places: Sequence[int]

    def check(self, program: bytes) -> int:
        """Whether the program is for this engine."""
        return self.driver.stlq_check(ctypes.byref(self.bus), program[:16])

    def infer(self, program: bytes, values: NDArray[np.float32], polls: int = 2000) -> NDArray[np.float32] | str:
        """Real values to real values, or what went wrong."""
        driver, interface, bus = self.driver, self.interface, ctypes.byref(self.bus)
        sizes = {
            Range.PROGRAM: driver.stlq_program_length(program[:16]),
            Range.INPUTS: interface.inputs_bytes,
            Range.OUTPUTS: interface.outputs_bytes,
        }
        (given,), (made,) = interface.inputs, interface.outputs
        inputs, outputs = np.zeros(interface.inputs_bytes, np.uint8), np.zeros(made.shape, np.float32)
        size, highest = interface.code_bytes, interface.highest_code
        driver.stlq_put(inputs.ctypes.data, _tensor(given), values.ctypes.data, size, highest)
        self.contents.put(self.places[Range.PROGRAM], program)
        self.contents.put(self.places[Range.INPUTS], inputs.tobytes())
        driver.stlq_start(bus, *(Span(self.places[which], sizes[which]) for which in Range), 0)
        result = driver.stlq_wait(bus, polls)
        if result:
            reason = driver.stlq_program_message(bus).decode()
            return f"{driver.stlq_message(result).decode()}: {reason}"
        found = self.contents.take(self.places[Range.OUTPUTS], interface.outputs_bytes)
        driver.stlq_get(found, _tensor(made), outputs.ctypes.data, size)
        return outputs


def bus_of(registers: Registers) -> Bus:
    """Registers for the C driver."""
    return Bus(
        READ(lambda _, address: registers.read(address)),
        WRITE(lambda _, address, value: registers.write(address, value)),
        None,
    )


def _tensor(place: Place) -> Any:
    return ctypes.byref(Tensor(place.offset, place.codes, place.step, place.zero))
