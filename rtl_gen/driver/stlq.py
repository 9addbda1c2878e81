"""Runs a network on an STLQ engine on a bus, from Python.  This file needs numpy alone: copy it to the board.

On Linux, with registers and reserved memory at two physical addresses:

    registers = MappedRegisters("/dev/mem", 0x43C00000)
    memory = MappedMemory("/dev/mem", 0x18000000, 1 << 20)
    engine = Engine(registers, memory.allocate, program, Interface.read("stlq_network.json"))
    (scores,) = engine.infer(image)

With PYNQ, `pynq.MMIO` takes the place of the registers, and `pynq.allocate` that of `memory.allocate`.
"""

import json
import math
import mmap
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtl_gen.driver.tables import ADDRESSES, FIELDS, MAP_VERSION, MEANINGS

MAGIC = 0x514C5453
START, STOP = (1 << FIELDS["control", name][0] for name in ("start", "stop"))
MAP_BYTES = max(ADDRESSES.values()) + 4
ALIGNMENT = 64  # of blocks of memory: no cache line and no bus word is shared
POLL_SECONDS = 1e-4


class EngineError(RuntimeError):
    """The engine is not the right one, or a run went wrong; `error`: field of the status register, if it was a run."""

    def __init__(self, message: str, error: int | None = None):
        super().__init__(message)
        self.error = error


class Registers(Protocol):
    """Accesses of 32 bits at byte addresses, as by PYNQ's MMIO."""

    def read(self, offset: int, /) -> int: ...
    def write(self, offset: int, value: int, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Codes from byte `offset` of inputs or outputs on; real value = `step` * (code - `zero`)."""

    name: str
    shape: tuple[int, ...]
    offset: int
    step: float
    zero: int

    @property
    def codes(self) -> int:
        """How many there are, in the order channel, row, column."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What `stlq_network.json` says of a network."""

    digest: int
    program_bytes: int
    inputs_bytes: int
    outputs_bytes: int
    code_bytes: int
    highest_code: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    def read(cls, path: str | Path) -> "Interface":
        """From the file.  Raises ``OSError``, or ``ValueError`` if it is damaged."""
        try:
            fields = json.loads(Path(path).read_text())
            for kind in ("inputs", "outputs"):
                fields[kind] = tuple(Tensor(**{**tensor, "shape": tuple(tensor["shape"])}) for tensor in fields[kind])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged: {error}; allowed: what `stlq` wrote") from error


class MappedRegisters:
    """Registers at `offset` of a file: `/dev/mem`, or `/dev/uioN` with offset 0."""

    def __init__(self, path: str | Path, offset: int = 0):
        self._words = _map(path, offset, MAP_BYTES).view(np.uint32)

    def read(self, offset: int) -> int:
        """One access of 32 bits."""
        return int(self._words[offset // 4])

    def write(self, offset: int, value: int) -> None:
        """One access of 32 bits."""
        self._words[offset // 4] = value


class Block(np.ndarray[Any, Any]):
    """Memory that the engine reaches at `device_address`, with what PYNQ's buffers have."""

    device_address: int

    def flush(self) -> None:
        """Nothing: the mapping is not cached."""

    def invalidate(self) -> None:
        """Nothing: the mapping is not cached."""


class MappedMemory:
    """Memory of nobody else: `size` bytes at `offset` of a file such as `/dev/mem` or `/dev/udmabuf0`.

    `address`: where the engine sees it; without one, at `offset`.
    """

    def __init__(self, path: str | Path, offset: int, size: int, address: int | None = None):
        self._bytes, self._address, self._used = _map(path, offset, size), offset if address is None else address, 0

    def allocate(self, shape: Sequence[int], dtype: Any = np.uint8) -> Block:
        """The next block.  Raises ``MemoryError``."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        first, self._used = self._used, self._used + -(-size // ALIGNMENT) * ALIGNMENT
        if first + size > len(self._bytes):
            raise MemoryError(f"memory has {len(self._bytes):,} bytes; {first + size:,} are needed")
        block = self._bytes[first : first + size].view(dtype).reshape(shape).view(Block)
        block.device_address = self._address + first
        return block


def _map(path: str | Path, offset: int, size: int) -> NDArray[np.uint8]:
    """Bytes of a file or device, shared and not cached.  Raises ``OSError``."""
    skip = offset % mmap.ALLOCATIONGRANULARITY
    file = os.open(path, os.O_RDWR | os.O_SYNC)
    try:
        return np.frombuffer(mmap.mmap(file, size + skip, offset=offset - skip), np.uint8)[skip:]
    finally:
        os.close(file)


def quantize(values: ArrayLike, tensor: Tensor, highest: int) -> NDArray[np.uint16]:
    """Codes of real values, in float32.  Half a step goes to the even one; what is not a number becomes `zero`."""
    with np.errstate(over="ignore"):
        steps = np.rint(np.asarray(values, np.float32) / np.float32(tensor.step))
    codes = np.clip(steps, -tensor.zero, highest - tensor.zero) + tensor.zero
    return np.where(np.isnan(codes), tensor.zero, codes).astype(np.uint16)


def dequantize(codes: ArrayLike, tensor: Tensor) -> NDArray[np.float32]:
    """The real values of codes, in float32."""
    return np.float32(tensor.step) * (np.asarray(codes, np.int32) - tensor.zero).astype(np.float32)


class Driver(ABC):
    """A network on an engine that is reached somehow.  `_inputs` and `_outputs`: bytes, as the engine has them."""

    _inputs: Any
    _outputs: Any

    def __init__(self, interface: Interface):
        self.interface = interface

    @abstractmethod
    def _exchange(self, timeout: float) -> None:
        """Let the engine make `_outputs` from `_inputs`.  Raises :class:`EngineError`, after `timeout` seconds, too."""

    def infer(self, *values: ArrayLike, timeout: float = 1.0) -> tuple[NDArray[np.float32], ...]:
        """As :meth:`run`, from real values to real values."""
        interface = self.interface
        pairs = zip(self._one_each(values), interface.inputs, strict=True)
        codes = self.run(*(quantize(v, tensor, interface.highest_code) for v, tensor in pairs), timeout=timeout)
        return tuple(dequantize(c, tensor) for c, tensor in zip(codes, interface.outputs, strict=True))

    def run(self, *codes: NDArray[Any], timeout: float = 1.0) -> tuple[NDArray[Any], ...]:
        """The codes of all outputs, from those of all inputs; integers of the tensors' shapes, without a batch.

        Raises ``ValueError`` for other inputs or no time, and :class:`EngineError` if the run goes wrong, or does not
        end in `timeout` seconds: then it is stopped.
        """
        if not timeout > 0:
            raise ValueError(f"timeout is {timeout}; allowed: seconds above 0")
        for tensor, given in zip(self.interface.inputs, self._one_each(codes), strict=True):
            self._put(tensor, np.asarray(given))
        self._exchange(timeout)
        return tuple(self._view(self._outputs, tensor).copy() for tensor in self.interface.outputs)

    def _check_digest(self, whose: str, needed: int, found: int) -> None:
        if found != needed:
            raise EngineError(f"the {whose} is for engine 0x{needed:08x}; this is engine 0x{found:08x}")

    def _one_each(self, given: Sequence[Any]) -> Sequence[Any]:
        names = [tensor.name for tensor in self.interface.inputs]
        if len(given) != len(names):
            raise ValueError(f"inputs given: {len(given)}; allowed: one for each of {', '.join(names)}")
        return given

    def _put(self, tensor: Tensor, codes: NDArray[Any]) -> None:
        if codes.shape != tensor.shape or not np.issubdtype(codes.dtype, np.integer):
            said = f"{codes.dtype} of shape {codes.shape}"
            raise ValueError(f"input {tensor.name} is {said}; allowed: integers of shape {tensor.shape}")
        highest = self.interface.highest_code
        if codes.min() < 0 or codes.max() > highest:
            raise ValueError(f"input {tensor.name} has codes {codes.min()} to {codes.max()}; allowed: 0 to {highest}")
        self._view(self._inputs, tensor)[...] = codes

    def _view(self, block: Any, tensor: Tensor) -> NDArray[Any]:
        size = self.interface.code_bytes
        whole = np.asarray(block)[tensor.offset : tensor.offset + tensor.codes * size]
        return whole.view(f"<u{size}").reshape(tensor.shape)


class Engine(Driver):
    """A network on an engine on a bus.

    `allocate` gives memory that the engine reaches: `MappedMemory(...).allocate` or `pynq.allocate`. `program` is what
    `program.bin` holds.

    Raises :class:`EngineError` if there is no engine, or the program is not for it; nothing is written before.
    """

    def __init__(self, registers: Registers, allocate: Callable[..., Any], program: bytes, interface: Interface):
        super().__init__(interface)
        self._registers = registers
        self._check(program)
        self._program, self._inputs, self._outputs = (
            allocate(shape=(size,), dtype=np.uint8)
            for size in (len(program), interface.inputs_bytes, interface.outputs_bytes)
        )
        self._program[:] = np.frombuffer(program, np.uint8)
        self._program.flush()

    @property
    def cycles(self) -> int:
        """Of the last run."""
        return self._registers.read(ADDRESSES["cycles"])

    def _exchange(self, timeout: float) -> None:
        self._inputs.flush()
        self._start()
        self._finish(timeout)
        self._outputs.invalidate()

    def _check(self, program: bytes) -> None:
        found = self._field("version", "map")
        if found != MAP_VERSION:
            raise EngineError(f"there is no engine with registers of version {MAP_VERSION}: version reads as {found}")
        header = np.frombuffer(program[:16].ljust(16, b"\0"), "<u4").tolist()
        if header[0] != MAGIC or header[3] != len(program):
            raise EngineError(
                f"the program of {len(program):,} bytes is damaged: its header has another length or mark"
            )
        if len(program) != (right := self.interface.program_bytes):
            raise EngineError(f"the program has {len(program):,} bytes; that of the network has {right:,}")
        digest = self._field("engine", "digest")
        for whose, needed in (("program", header[2]), ("network", self.interface.digest)):
            self._check_digest(whose, needed, digest)

    def _field(self, register: str, field: str) -> int:
        bit, bits = FIELDS[register, field]
        return (self._registers.read(ADDRESSES[register]) >> bit) & ((1 << bits) - 1)

    def _start(self) -> None:
        write = self._registers.write
        for name, block in (("program", self._program), ("inputs", self._inputs), ("outputs", self._outputs)):
            write(ADDRESSES[f"{name}_address_low"], block.device_address & 0xFFFFFFFF)
            write(ADDRESSES[f"{name}_address_high"], block.device_address >> 32)
            write(ADDRESSES[f"{name}_length"], block.nbytes)
        write(ADDRESSES["control"], START)

    def _finish(self, timeout: float) -> None:
        if not self._done(timeout):
            self._registers.write(ADDRESSES["control"], STOP)
            then = "was stopped" if self._done(timeout) else "cannot be stopped: reset the engine"
            raise EngineError(f"the run did not end in {timeout:g} s, and {then}")
        error = self._field("status", "error")
        if error:
            message = MEANINGS["status", "error"][error]
            reason = MEANINGS["status", "engine_error"].get(self._field("status", "engine_error"), "unknown")
            raise EngineError(message.replace("engine_error says why", reason), error)

    def _done(self, timeout: float) -> bool:
        """Whether the run ends in so many seconds."""
        end = time.monotonic() + timeout
        while not self._field("status", "done"):
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)
        return True
