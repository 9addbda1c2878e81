"""The Python driver: against a model of the registers, and against the C driver's rules."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hw.bus.registers import CONTROL, ENGINE, STATUS, VERSION, RunError
from rtl_gen.driver import stlq
from rtl_gen.driver.stlq import Block, Engine, EngineError, Interface, MappedMemory, MappedRegisters, Tensor
from rtl_gen.driver.tables import python_driver
from verif.rtl_gen.driver.model import DIGEST, Registers

PROGRAM = np.array([stlq.MAGIC, 1, DIGEST, 64, *range(12)], "<u4").tobytes()
LONGER = np.array([stlq.MAGIC, 1, DIGEST, 68, *range(13)], "<u4").tobytes()
PLACE = 0x1_0000_2000


def interface(code_bytes: int = 1, digest: int = DIGEST) -> Interface:
    return Interface(
        digest=digest,
        program_bytes=64,
        inputs_bytes=16,
        outputs_bytes=8,
        code_bytes=code_bytes,
        highest_code=255 if code_bytes == 1 else 4095,
        inputs=(
            Tensor(name="a", shape=(1, 1, 3), offset=0, step=0.5, zero=3),
            Tensor(name="b", shape=(2, 1, 1), offset=8, step=2.0, zero=0),
        ),
        outputs=(Tensor(name="c", shape=(2, 1, 1), offset=4, step=0.25, zero=100),),
    )


class Memory:
    """Blocks whose contents the engine has only between `flush` and `invalidate`, as PYNQ's have."""

    def __init__(self) -> None:
        self.blocks: list[Any] = []

    def allocate(self, shape: tuple[int, ...], dtype: Any) -> Any:
        block = np.zeros(shape, dtype).view(Block)
        block.device_address = PLACE + 0x100 * len(self.blocks)
        self.blocks.append(block)
        return block


def engine_on(registers: Registers, code_bytes: int = 1) -> tuple[Engine, Memory]:
    memory = Memory()
    return Engine(registers, memory.allocate, PROGRAM, interface(code_bytes)), memory


@pytest.mark.parametrize("code_bytes", [1, 2])
def test_a_run(code_bytes: int) -> None:
    registers = Registers(polls=3)
    engine, memory = engine_on(registers, code_bytes)
    program, inputs, outputs = memory.blocks
    assert program.tobytes() == PROGRAM
    outputs.view(f"<u{code_bytes}")[4 // code_bytes :][:2] = 104, 96
    (values,) = engine.infer([[[-9.0, 0.25, 500.0]]], np.array([2.0, np.nan]).reshape(2, 1, 1))
    assert (values.dtype, values.ravel().tolist()) == (np.float32, [1.0, -1.0])
    highest = engine.interface.highest_code
    codes = inputs.view(f"<u{code_bytes}")
    assert codes[: 16 // code_bytes].tolist()[:3] == [0, 3, min(highest, 1003)]
    assert codes[8 // code_bytes :][:2].tolist() == [1, 0]
    ranges = [
        (0x40 + 16 * at + 4 * part, value)
        for at, size in enumerate((64, 16, 8))
        for part, value in enumerate(((PLACE + 0x100 * at) % 2**32, 1, size))
    ]
    assert registers.written == [*ranges, (CONTROL.address, 1)]
    assert engine.cycles == 99


@pytest.mark.parametrize("error", list(RunError)[1:])
def test_every_error_has_its_message(error: RunError) -> None:
    engine, _ = engine_on(Registers(polls=1, error=error))
    with pytest.raises(EngineError) as raised:
        engine.infer(np.zeros((1, 1, 3)), np.zeros((2, 1, 1)))
    assert raised.value.error == error
    meaning = stlq.MEANINGS["status", "error"][error]
    reason = "a check in the program is wrong: it was changed"
    assert str(raised.value) == (f"the engine refused its program; {reason}" if error == RunError.ENGINE else meaning)


@pytest.mark.parametrize(
    ("change", "program", "digest", "message"),
    [
        ({VERSION.address: 0}, PROGRAM, DIGEST, "no engine with registers of version 1: version reads as 0"),
        ({}, b"X" + PROGRAM[1:], DIGEST, "the program of 64 bytes is damaged"),
        ({}, PROGRAM + b"more", DIGEST, "the program of 68 bytes is damaged"),
        ({}, LONGER, DIGEST, "the program has 68 bytes; that of the network has 64"),
        ({ENGINE.address: 1}, PROGRAM, DIGEST, "the program is for engine 0x12345678; this is engine 0x00000001"),
        ({}, PROGRAM, 5, "the network is for engine 0x00000005; this is engine 0x12345678"),
    ],
)
def test_what_is_wrong_before_a_run(change: dict[int, int], program: bytes, digest: int, message: str) -> None:
    registers, memory = Registers(), Memory()
    registers.values |= change
    with pytest.raises(EngineError, match=message):
        Engine(registers, memory.allocate, program, interface(digest=digest))
    assert (registers.written, memory.blocks) == ([], [])


@pytest.mark.parametrize(("polls", "then"), [(10**9, "cannot be stopped: reset the engine"), (0, "was stopped")])
def test_time_out_stops_the_run(polls: int, then: str) -> None:
    registers = Registers(polls=10**9)
    engine, _ = engine_on(registers)
    plain = registers.write

    def write(address: int, value: int) -> None:
        plain(address, value)
        if (address, value) == (CONTROL.address, 2):
            registers.polls = polls

    registers.write = write
    with pytest.raises(EngineError, match=f"the run did not end in 0.002 s, and {then}") as raised:
        engine.infer(np.zeros((1, 1, 3)), np.zeros((2, 1, 1)), timeout=0.002)
    assert raised.value.error is None
    assert registers.written[-1] == (CONTROL.address, 2)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ((np.zeros((1, 1, 3), int),), "inputs given: 1; allowed: one for each of a, b"),
        ((np.zeros((1, 3), int), 0), r"input a is int64 of shape \(1, 3\); allowed: integers of shape \(1, 1, 3\)"),
        ((np.zeros((1, 1, 3)), 0), "input a is float64 of shape"),
        ((np.full((1, 1, 3), 256), 0), "input a has codes 256 to 256; allowed: 0 to 255"),
        ((np.full((1, 1, 3), -1), 0), "input a has codes -1 to -1; allowed: 0 to 255"),
    ],
)
def test_inputs_that_are_refused(codes: tuple[Any, ...], message: str) -> None:
    registers = Registers()
    engine, _ = engine_on(registers)
    with pytest.raises(ValueError, match=message):
        engine.run(*codes)
    assert registers.written == []


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_no_time_is_refused(timeout: float) -> None:
    registers = Registers()
    engine, _ = engine_on(registers)
    with pytest.raises(ValueError, match=f"timeout is {timeout}; allowed: seconds above 0"):
        engine.infer(np.zeros((1, 1, 3)), np.zeros((2, 1, 1)), timeout=timeout)
    assert registers.written == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": 3}', '{"inputs": [], "outputs": []}'])
def test_a_damaged_interface(tmp_path: Path, text: str) -> None:
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(ValueError, match="is damaged" if text else "Expecting value"):
        Interface.read(tmp_path / "net.json")


def test_codes_are_those_of_the_golden() -> None:
    rng = np.random.default_rng(3)
    for step, zero, highest in ((0.05, 128, 255), (2.5, 0, 15), (1e-3, 65535, 65535)):
        tensor = Tensor(name="", shape=(), offset=0, step=step, zero=zero)
        values = (rng.uniform(-1.5, 1.5, 500) * step * highest).astype(np.float32)
        halves = ((np.arange(-20, 20) + 0.5) * step).astype(np.float32)
        given = np.concatenate((values, halves, np.array([np.inf, -np.inf, 3e38], np.float32)))
        with np.errstate(over="ignore"):
            expected = np.clip(np.rint(given / np.float32(step)) + np.float32(zero), 0, highest)
        assert np.array_equal(stlq.quantize(given, tensor, highest), expected)
        assert stlq.quantize(np.nan, tensor, highest) == zero
        assert stlq.dequantize(3, tensor) == np.float32(step) * np.float32(3 - zero)


def test_mapped_registers_and_memory(tmp_path: Path) -> None:
    device = tmp_path / "mem"
    device.write_bytes(bytes(3 << 16))
    registers = MappedRegisters(device, 0x1010)
    registers.write(STATUS.address, 0xFFFF0001)
    assert registers.read(STATUS.address) == 0xFFFF0001
    assert device.read_bytes()[0x101C:0x1020] == b"\x01\x00\xff\xff"
    memory = MappedMemory(device, 0x10080, 200, address=0x7000)
    first, second = memory.allocate((65,)), memory.allocate((2, 4), np.uint16)
    assert (first.device_address, second.device_address) == (0x7000, 0x7080)
    second[1, 0] = 0x1234
    second.flush()
    assert device.read_bytes()[0x10108:0x1010A] == b"\x34\x12"
    with pytest.raises(MemoryError, match="memory has 200 bytes; 201 are needed"):
        memory.allocate((9,))
    with pytest.raises(FileNotFoundError):
        MappedRegisters(tmp_path / "none")


def test_the_file_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a build has it: with numpy and the standard library alone, and the same tables."""
    text = python_driver()
    assert "rtl_gen" not in text
    module: Any = ModuleType("stlq_alone")
    monkeypatch.setitem(sys.modules, "stlq_alone", module)
    exec(compile(text, "stlq.py", "exec"), module.__dict__)
    for table in ("MAP_VERSION", "ADDRESSES", "FIELDS", "MEANINGS"):
        assert getattr(module, table) == getattr(stlq, table)
    imported = {name.split(".")[0] for name in sys.modules if getattr(module, name, None) is sys.modules[name]}
    assert imported <= {*sys.stdlib_module_names, "numpy"}
    engine = module.Engine(Registers(), Memory().allocate, PROGRAM, interface())
    assert engine.cycles == 99
