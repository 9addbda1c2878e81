"""The C driver, compiled: against a model of the registers, and against the golden quantizer."""

import ctypes
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hw.bus.registers import CONTROL, ENGINE, VERSION, RunError
from rtl_gen.driver.interface import interface_of
from rtl_gen.driver.network_header import network_header
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network
from verif.rtl_gen.driver import c_driver
from verif.rtl_gen.driver.c_driver import NO_ENGINE, NO_PROGRAM, READ, TIME_OUT, WRITE, WRONG_ENGINE, Bus, Span, Tensor
from verif.rtl_gen.driver.model import Registers

HEADER = b"STLQ" + bytes((1, 0, 0, 0)) + bytes((0x78, 0x56, 0x34, 0x12)) + bytes((0, 2, 0, 0))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    network = pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 3))
    return c_driver.load_driver(c_driver.write_driver(tmp_path_factory.mktemp("build"), CONFIG, network, 512))


@pytest.fixture
def bus() -> Callable[[Registers], Bus]:
    return lambda registers: Bus(
        READ(lambda _, address: registers.read(address)),
        WRITE(lambda _, address, value: registers.write(address, value)),
        None,
    )


def test_a_run(driver: ctypes.CDLL, bus: Callable[[Registers], Bus]) -> None:
    registers = Registers(polls=3)
    reached = bus(registers)
    assert driver.stlq_check(ctypes.byref(reached), HEADER) == 0
    assert driver.stlq_program_length(HEADER) == 512
    spans = [Span(0x1_0000_1000 + 0x100 * at, 64 + at) for at in range(3)]
    driver.stlq_start(ctypes.byref(reached), *spans, 1)
    ranges = [
        pair
        for at, span in enumerate(spans)
        for pair in zip(range(0x40 + 16 * at, 0x4C + 16 * at, 4), (span.address % 2**32, 1, span.length), strict=True)
    ]
    assert registers.written == [*ranges, (CONTROL.address, 5)]
    assert driver.stlq_wait(ctypes.byref(reached), 3) == 0
    assert driver.stlq_cycles(ctypes.byref(reached)) == 99


def test_every_error_has_its_message(driver: ctypes.CDLL, bus: Callable[[Registers], Bus]) -> None:
    messages = [driver.stlq_message(result).decode() for result in (*RunError, *range(16, 20))]
    assert len(set(messages)) == 12
    assert messages[RunError.READ] == "a read got an error response"
    assert driver.stlq_message(8) == driver.stlq_message(-1) == b"unknown result"
    for error in RunError:
        reached = bus(Registers(polls=1, error=error))
        assert driver.stlq_wait(ctypes.byref(reached), 5) == error
        assert b"a check in the program is wrong" in driver.stlq_program_message(ctypes.byref(reached))


def test_what_is_wrong_before_a_run(driver: ctypes.CDLL, bus: Callable[[Registers], Bus]) -> None:
    changes: list[tuple[dict[int, int], bytes, int]] = [
        ({VERSION.address: 0}, HEADER, NO_ENGINE),
        ({}, b"X" + HEADER[1:], NO_PROGRAM),
        ({ENGINE.address: 1}, HEADER, WRONG_ENGINE),
    ]
    for change, header, result in changes:
        registers = Registers()
        registers.values |= change
        assert driver.stlq_check(ctypes.byref(bus(registers)), header) == result
        assert registers.written == []


def test_time_out_stops_the_run(driver: ctypes.CDLL, bus: Callable[[Registers], Bus]) -> None:
    registers = Registers(polls=1000)
    assert driver.stlq_wait(ctypes.byref(bus(registers)), 10) == TIME_OUT
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


@pytest.mark.parametrize(("zero", "highest"), [(0, 15), (128, 255), (65535, 65535)])
def test_codes_of_integers(driver: ctypes.CDLL, zero: int, highest: int) -> None:
    for steps in (-(2**31), -zero - 1, -zero, 1 - zero, -1, 0, 1, highest - zero - 1, highest - zero, 2**31 - 1):
        code = driver.stlq_code(steps, zero, highest)
        assert code == min(max(steps + zero, 0), highest), steps
        assert driver.stlq_steps(code, zero) == code - zero


@pytest.mark.parametrize("code_bytes", [1, 2])
def test_whole_tensors(driver: ctypes.CDLL, code_bytes: int) -> None:
    """From byte 4 on, and nothing else."""
    tensor, highest = Tensor(4, 3, 0.5, 2), 255 if code_bytes == 1 else 1000
    values = np.array([-1.0, 0.25, 1e9], np.float32)
    memory = np.full(16, 0xEE, np.uint8)
    driver.stlq_put(memory.ctypes.data, ctypes.byref(tensor), values.ctypes.data, code_bytes, highest)
    codes = memory[4 : 4 + 3 * code_bytes].view(f"<u{code_bytes}")
    assert codes.tolist() == [0, 2, highest]
    assert np.all(np.delete(memory, range(4, 4 + 3 * code_bytes)) == 0xEE)
    driver.stlq_get(memory.ctypes.data, ctypes.byref(tensor), values.ctypes.data, code_bytes)
    assert values.tolist() == [-1.0, 0.0, 0.5 * (highest - 2)]


def test_what_the_header_says_of_a_network() -> None:
    """On a bus of 64 bits, whose words lengths count."""
    network = pointwise_network(CONFIG, np.random.default_rng(1), groups=1, size=(2, 3))
    info = replace(network.tensors["in"], step=0.1, zero=7)
    network = replace(network, tensors={**network.tensors, "in": info})
    text = network_header(interface_of(replace(CONFIG, bus_bits=64), network, 512))
    assert "#define STLQ_INPUTS_BYTES 24u" in text
    assert "/* in: 4 x 2 x 3 */" in text
    assert "    {0u, 24u, 0.10000000149011612f, 7}, \\" in text
