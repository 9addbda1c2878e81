"""The C driver, compiled: against a model of the registers, and against the golden quantizer."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hw.bus.registers import CONTROL, CYCLES, ENGINE, MAP_VERSION, STATUS, VERSION, RunError
from rtl_gen.driver.c_header import c_header
from rtl_gen.driver.network_header import network_header
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network

SOURCES = Path(__file__).resolve().parents[3] / "rtl_gen/driver"
FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
NO_ENGINE, NO_PROGRAM, WRONG_ENGINE, TIME_OUT = range(16, 20)
HEADER = b"STLQ" + bytes((1, 0, 0, 0)) + bytes((0x78, 0x56, 0x34, 0x12)) + bytes((0, 2, 0, 0))


class Bus(ctypes.Structure):
    _fields_ = (("read", READ), ("write", WRITE), ("user", ctypes.c_void_p))


class Span(ctypes.Structure):
    _fields_ = (("address", ctypes.c_uint64), ("length", ctypes.c_uint32))


class Registers:
    """What the driver reads and writes: a run ends when the status was read `polls` times."""

    def __init__(self, polls: int = 3, error: int = 0):
        self.values = {VERSION.address: MAP_VERSION | 0x40100, ENGINE.address: 0x12345678, CYCLES.address: 99}
        self.written: list[tuple[int, int]] = []
        self.polls, self.error = polls, error
        self.bus = Bus(READ(self._read), WRITE(self._write), None)

    def _read(self, user: object, address: int) -> int:
        if address == STATUS.address:
            self.polls -= 1
            return 1 if self.polls > 0 else 2 | self.error << 4 | 4 << 8
        return self.values[address]

    def _write(self, user: object, address: int, value: int) -> None:
        self.written.append((address, value))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("driver")
    for name in ("stlq.h", "stlq.c"):
        shutil.copy(SOURCES / name, folder)
    (folder / "stlq_registers.h").write_text(c_header())
    network = pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 3))
    (folder / "stlq_network.h").write_text(network_header(CONFIG, network, 512))
    (folder / "use.c").write_text('#include "stlq_network.h"\nint inputs(void) { return STLQ_INPUTS_BYTES; }\n')
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    command = [compiler, *FLAGS, "-shared", "-fPIC", "-o", "driver.so", "stlq.c", "use.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    library = ctypes.CDLL(str(folder / "driver.so"))
    library.stlq_start.argtypes = [ctypes.POINTER(Bus), Span, Span, Span, ctypes.c_int]
    library.stlq_quantize.argtypes = [ctypes.c_float, ctypes.c_float, ctypes.c_int32, ctypes.c_uint16]
    library.stlq_quantize.restype = ctypes.c_uint16
    library.stlq_dequantize.argtypes = [ctypes.c_uint16, ctypes.c_float, ctypes.c_int32]
    library.stlq_dequantize.restype = ctypes.c_float
    library.stlq_message.restype = library.stlq_program_message.restype = ctypes.c_char_p
    library.stlq_cycles.restype = library.stlq_program_length.restype = ctypes.c_uint32
    return library


def test_a_run(driver: ctypes.CDLL) -> None:
    registers = Registers(polls=3)
    bus = ctypes.byref(registers.bus)
    assert driver.stlq_check(bus, HEADER) == 0
    assert driver.stlq_program_length(HEADER) == 512
    spans = [Span(0x1_0000_1000 + 0x100 * at, 64 + at) for at in range(3)]
    driver.stlq_start(bus, *spans, 1)
    ranges = [
        pair
        for at, span in enumerate(spans)
        for pair in zip(range(0x40 + 16 * at, 0x4C + 16 * at, 4), (span.address % 2**32, 1, span.length), strict=True)
    ]
    assert registers.written == [*ranges, (CONTROL.address, 5)]
    assert driver.stlq_wait(bus, 3) == 0
    assert driver.stlq_cycles(bus) == 99
    assert driver.inputs() == 24


def test_every_error_has_its_message(driver: ctypes.CDLL) -> None:
    messages = [driver.stlq_message(result).decode() for result in (*RunError, *range(16, 20))]
    assert len(set(messages)) == 12
    assert messages[RunError.READ] == "a read got an error response"
    assert driver.stlq_message(8) == driver.stlq_message(-1) == b"unknown result"
    for error in RunError:
        registers = Registers(polls=1, error=error)
        assert driver.stlq_wait(ctypes.byref(registers.bus), 5) == error
        assert b"a check in the program is wrong" in driver.stlq_program_message(ctypes.byref(registers.bus))


def test_what_is_wrong_before_a_run(driver: ctypes.CDLL) -> None:
    changes: list[tuple[Callable[[Registers], None], bytes, int]] = [
        (lambda registers: registers.values.update({VERSION.address: 0}), HEADER, NO_ENGINE),
        (lambda registers: None, b"X" + HEADER[1:], NO_PROGRAM),
        (lambda registers: registers.values.update({ENGINE.address: 1}), HEADER, WRONG_ENGINE),
    ]
    for change, header, result in changes:
        registers = Registers()
        change(registers)
        assert driver.stlq_check(ctypes.byref(registers.bus), header) == result
        assert registers.written == []


def test_time_out_stops_the_run(driver: ctypes.CDLL) -> None:
    registers = Registers(polls=1000)
    assert driver.stlq_wait(ctypes.byref(registers.bus), 10) == TIME_OUT
    assert registers.polls == 990
    assert registers.written == [(CONTROL.address, 2)]


def test_codes_are_those_of_the_golden(driver: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    for step, zero, highest in (
        (np.float32(0.05), 128, 255),
        (np.float32(2.5), 0, 15),
        (np.float32(1e-3), 65535, 65535),
    ):
        values = (rng.uniform(-1.5, 1.5, 500) * step * highest).astype(np.float32)
        halves = ((np.arange(-20, 20) + np.float32(0.5)) * step).astype(np.float32)
        for value in (*values, *halves, np.float32(np.inf), np.float32(-np.inf)):
            expected = np.clip(np.rint(value / step) + np.float32(zero), 0, highest)
            assert driver.stlq_quantize(value, step, zero, highest) == expected, (value, step, zero)
        assert driver.stlq_quantize(np.nan, step, zero, highest) == zero
        assert driver.stlq_dequantize(3, step, zero) == step * np.float32(3 - zero)
