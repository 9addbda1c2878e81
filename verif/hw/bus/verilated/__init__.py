"""Bus tops in Verilator: fast enough for whole networks and thousands of runs.  See ``bench.cpp``."""

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.bus.config import BusConfig
from hw.bus.verilog import bus_verilog
from hw.engine.verilog import engine_verilog
from rtl_gen import tools
from verif.rtl_gen.driver.c_driver import READ, WRITE, Bus

SOURCES = Path(__file__).parent
FAR = (1 << 64) - 1
LIBRARY = "bench.so"


class _Settings(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("base", "bad_first", "bad_last")),
        *((name, ctypes.c_uint64 * 3) for name in ("first", "last")),
        *((name, ctypes.c_uint32) for name in ("latency", "jitter", "pace", "outstanding", "pauses", "seed")),
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the memory behaves; `struct Settings` in ``memory.h`` explains each."""

    base: int = 0
    bad: tuple[int, int] = (FAR, 0)  # none
    allowed: tuple[tuple[int, int], ...] = field(default=((0, FAR),) * 3)
    latency: int = 1
    jitter: int = 0
    pace: int = 1
    outstanding: int = 64
    pauses: int = 0
    seed: int = 1

    def struct(self) -> _Settings:
        """For the library."""
        triple = ctypes.c_uint64 * 3
        names = ("base", "latency", "jitter", "pace", "outstanding", "pauses", "seed")
        return _Settings(
            bad_first=self.bad[0],
            bad_last=self.bad[1],
            first=triple(*(first for first, _ in self.allowed)),
            last=triple(*(last for _, last in self.allowed)),
            **{name: getattr(self, name) for name in names},
        )


def compile_top(config: BusConfig, folder: Path, engine: str | None = None) -> Path:
    """The library of a top; `engine`: its engine's Verilog.  Raises :class:`CheckError` if Verilator fails."""
    files = {f"{config.name}.v": bus_verilog(config), "engine.v": engine or engine_verilog(config.engine)}
    for name, text in files.items():
        (folder / name).write_text(text)
    program, env = tools.verilator_command()
    flags = f"-std=c++17 -fPIC -DBUS_HEADER='\"{config.bus.value}.h\"' -I{SOURCES}"
    options = ["--cc", "--exe", "--build", "--prefix", "Vtop", "-O3", "-Wno-fatal", "-Wno-lint", "--Mdir", "obj"]
    options += ["--top-module", config.name, "-CFLAGS", flags, "-LDFLAGS", "-shared", "-o", LIBRARY]
    tools.run([program, *options, str(SOURCES / "bench.cpp"), *files], folder=folder, env=env)
    return folder / "obj" / LIBRARY


class Bench:
    """A compiled top: `read` and `write` are the host's accesses, as drivers want them."""

    def __init__(self, path: Path):
        self._library: Any = ctypes.CDLL(str(path))
        for name, result in {
            "bench_read": ctypes.c_uint32,
            "bench_memory": ctypes.POINTER(ctypes.c_uint8),
            "bench_problem": ctypes.c_char_p,
            "bench_accesses": ctypes.c_uint64,
            "bench_refused": ctypes.c_uint64,
        }.items():
            getattr(self._library, name).restype = result
        self.bytes, self._base = np.empty(0, np.uint8), 0

    def reset(self, settings: Settings, size: int) -> None:
        """All as new: `size` bytes of memory, 0."""
        self._library.bench_reset(ctypes.byref(settings.struct()), ctypes.c_uint64(size))
        memory = self._library.bench_memory()
        self._base = settings.base
        self.bytes: NDArray[np.uint8] = np.ctypeslib.as_array(memory, (size,))

    def restart(self) -> None:
        """Reset the top alone."""
        self._library.bench_restart()

    def settings(self, settings: Settings) -> None:
        """Another memory from here on, with the same contents."""
        self._library.bench_settings(ctypes.byref(settings.struct()))

    def read(self, offset: int) -> int:
        """A register."""
        return int(self._library.bench_read(None, offset))

    def write(self, offset: int, value: int) -> None:
        """A register."""
        self._library.bench_write(None, offset, value)

    def put(self, address: int, data: bytes) -> None:
        """Bytes to memory."""
        at = address - self._base
        self.bytes[at : at + len(data)] = np.frombuffer(data, np.uint8)

    def take(self, address: int, size: int) -> bytes:
        """Bytes from memory."""
        at = address - self._base
        return self.bytes[at : at + size].tobytes()

    def bus(self) -> Bus:
        """For the C driver: its accesses pass no Python."""
        library = self._library
        return Bus(ctypes.cast(library.bench_read, READ), ctypes.cast(library.bench_write, WRITE), None)

    def wait(self, cycles: int) -> None:
        """Let cycles pass."""
        self._library.bench_wait(cycles)

    def until_irq(self, cycles: int) -> bool:
        """Let at most so many cycles pass; whether the interrupt came."""
        return bool(self._library.bench_until_irq(ctypes.c_uint64(cycles)))

    @property
    def problem(self) -> str:
        """The first rule that the top broke."""
        return self._library.bench_problem().decode()

    @property
    def accesses(self) -> int:
        """Words that were read or written."""
        return int(self._library.bench_accesses())

    @property
    def refused(self) -> int:
        """Accesses of the host that got an error response."""
        return int(self._library.bench_refused())

    @property
    def pending(self) -> bool:
        """Whether the memory owes an answer."""
        return bool(self._library.bench_pending())
