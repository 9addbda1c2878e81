"""Both example programs, and the C driver under several compilers and sanitizers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.bus.registers import RUN_ERRORS, RunError
from rtl_gen.bus_build import serial_driver_files
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.driver import stlq
from rtl_gen.driver.interface import interface_of
from sw_ref.network import Network, execute
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network
from verif.rtl_gen.driver.c_driver import CLANG, build, write_driver
from verif.rtl_gen.driver.device import MEMORY, REGISTERS, device, idle_device

TARGETS = {
    "host": (),
    **{name: ("-target", name) for name in ("x86-linux-musl", "arm-linux-musleabi", "riscv32-linux-musl")},
}
"""Options of clang: 64 bits, and three targets of 32."""
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A network's driver, program, input and what it should give, in real values."""

    folder: Path
    network: Network
    interface: stlq.Interface
    program: bytes
    values: NDArray[np.float32]
    expected: NDArray[np.float32]

    def run(self, command: Sequence[str], suffix: str, error: RunError = RunError.NONE) -> tuple[str, int]:
        """What an example says, and its status; files are named after `suffix`."""
        files = [str(self.folder / f"{name}{suffix}") for name in ("given", "made")]
        arguments = [str(REGISTERS), hex(MEMORY), str(self.folder / "program.bin"), *files]
        mem = self.folder / "mem"
        with device(mem, self.network, self.interface, self.program, error) as found:
            done = subprocess.run([*command, str(mem), *arguments], capture_output=True, text=True, check=False)
        assert found == [True, True, True]
        return done.stdout + done.stderr, done.returncode


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    folder, rng = tmp_path_factory.mktemp("build"), np.random.default_rng(16)
    network = pointwise_network(CONFIG, rng, groups=2, size=(5, 7))
    program = to_bytes(CONFIG, encode(CONFIG, lower(network, CONFIG)))
    driver = write_driver(folder, CONFIG, network, len(program))
    interface = interface_of(CONFIG, network, len(program))
    assert stlq.Interface.read(driver / "stlq_network.json") == interface
    (given,), (made,) = interface.inputs, interface.outputs
    values = rng.normal(0, 100, given.shape).astype(np.float32)
    golden = execute(network, {given.name: stlq.quantize(values, given, 255).astype(np.int64)[None]})[made.name][0]
    (driver / "program.bin").write_bytes(program)
    np.save(driver / "given.npy", values)
    values.tofile(driver / "given.f32")
    return Setup(
        folder=driver,
        network=network,
        interface=interface,
        program=program,
        values=values,
        expected=stlq.dequantize(golden, made),
    )


def test_the_python_example(setup: Setup) -> None:
    said, status = setup.run([sys.executable, str(setup.folder / "example.py")], ".npy")
    assert (said.split(";")[0], status) == ("12,345 cycles", 0), said
    assert np.array_equal(np.load(setup.folder / "made.npy"), setup.expected)
    said, status = setup.run([sys.executable, str(setup.folder / "example.py")], ".npy", RunError.WRITE)
    assert (said, status) == (f"example: {RUN_ERRORS[RunError.WRITE]}\n", 1)


SERIAL = """\
from pathlib import Path

class Serial:
    def __init__(self, name, baud, timeout):
        assert (name, baud) == ("/dev/ttyUSB1", 1_000_000)
        self.timeout, self.came = timeout, b""
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def send_break(self, duration): self.came = Path("digest").read_bytes()
    def write(self, data):
        Path("sent").write_bytes(data)
        self.came = Path("answer").read_bytes()
    def read(self, size):
        came, self.came = self.came[:size], self.came[size:]
        return came
"""
"""What the example uses of pyserial, with a board behind it that says what two files have."""


def test_the_serial_example(setup: Setup, tmp_path: Path) -> None:
    (given,), (made,) = setup.interface.inputs, setup.interface.outputs
    inputs, outputs = (stlq.quantize(v, t, 255) for v, t in ((setup.values, given), (setup.expected, made)))
    sizes = (setup.interface.inputs_bytes, setup.interface.outputs_bytes)
    sent, answer = (c.astype(np.uint8).tobytes().ljust(n, b"\0") for c, n in zip((inputs, outputs), sizes, strict=True))
    files = {Path(name).name: data for name, data in serial_driver_files(setup.interface).items()}
    digest = setup.interface.digest.to_bytes(4, "little")
    for name, data in {**files, "serial.py": SERIAL.encode(), "answer": answer, "digest": digest}.items():
        (tmp_path / name).write_bytes(data)
    np.save(tmp_path / "given.npy", setup.values)
    command = [sys.executable, "example_serial.py", "/dev/ttyUSB1", "1000000", "given.npy", "made.npy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = f"the highest of {setup.expected.size} outputs is number {setup.expected.argmax()}\n"
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)
    assert (tmp_path / "sent").read_bytes() == sent
    assert np.array_equal(np.load(tmp_path / "made.npy"), setup.expected)

    (tmp_path / "digest").write_bytes(bytes(4))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = f"example: the network is for engine 0x{setup.interface.digest:08x}; this is engine 0x00000000\n"
    assert (done.stderr, done.returncode) == (said, 1)


@pytest.fixture(scope="module")
def example(setup: Setup) -> str:
    """The C example with sanitizers."""
    build(setup.folder, *SANITIZERS, "-o", "example", "example.c", "stlq.c")
    return str(setup.folder / "example")


def test_the_c_example_with_sanitizers(setup: Setup, example: str) -> None:
    said, status = setup.run([example], ".f32")
    assert (said, status) == ("12345 cycles\n", 0)
    assert np.array_equal(np.fromfile(setup.folder / "made.f32", np.float32), setup.expected.ravel())
    said, status = setup.run([example], ".f32", RunError.READ)
    assert (said, status) == (f"example: {RUN_ERRORS[RunError.READ]}\n", 1)


@pytest.mark.parametrize(
    ("at", "given", "message"),
    [
        (0, "none", "none: No such file or directory"),
        (1, "0x1", "this address cannot be mapped: Invalid argument"),
        (3, "none.bin", "none.bin: No such file or directory"),
        (1, "43c00000g", "an address is no number; allowed: one such as 0x43c00000"),
        (2, "", "an address is no number; allowed: one such as 0x43c00000"),
        (3, "long.bin", "the program is longer than that of this network"),
        (4, "long.f32", "there are more inputs than the network has"),
    ],
)
def test_the_c_example_refuses(setup: Setup, example: str, at: int, given: str, message: str) -> None:
    for name in ("program.bin", "given.f32"):
        text = (setup.folder / name).read_bytes()
        (setup.folder / f"long{Path(name).suffix}").write_bytes(text + bytes(1))
    idle_device(setup.folder / "mem", setup.interface)
    arguments = ["mem", str(REGISTERS), hex(MEMORY), "program.bin", "given.f32", os.devnull]
    arguments[at] = given
    done = subprocess.run([example, *arguments], cwd=setup.folder, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == (f"example: {message}\n", 1)


def test_sanitizers_see_a_fault(setup: Setup) -> None:
    """An input with more codes than there is room for."""
    text = (setup.folder / "stlq_network.h").read_text()
    assert text.count("{0u, 140u,") == 1
    broken = setup.folder / "broken"
    shutil.copytree(setup.folder, broken)
    (broken / "stlq_network.h").write_text(text.replace("{0u, 140u,", "{0u, 21000u,"))
    np.zeros(21000, np.float32).tofile(broken / "given.f32")
    build(broken, *SANITIZERS, "-o", "example", "example.c", "stlq.c")
    mem = broken / "mem"
    mem.write_bytes((setup.folder / "mem").read_bytes())
    arguments = [str(REGISTERS), hex(MEMORY), str(broken / "program.bin"), str(broken / "given.f32"), os.devnull]
    done = subprocess.run([broken / "example", mem, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "AddressSanitizer: global-buffer-overflow" in done.stderr


def test_a_32_bit_target(setup: Setup) -> None:
    """The driver needs no library, so a 64-bit system can compile it for another one."""
    build(setup.folder, "-m32", "-ffreestanding", "-O2", "-c", "-o", "driver32.o", "stlq.c")
    assert (setup.folder / "driver32.o").read_bytes()[:5] == b"\x7fELF\x01"


@pytest.fixture
def clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The compiler; nothing is left outside the test's folder."""
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "cache"))
    return CLANG


@pytest.mark.parametrize("target", TARGETS)
def test_clang(setup: Setup, clang: tuple[str, ...], target: str) -> None:
    for name in ("stlq", "example"):
        build(setup.folder, *TARGETS[target], "-O2", "-c", "-o", f"{name}.o", f"{name}.c", compiler=clang)
        bits = (setup.folder / f"{name}.o").read_bytes()[:5]
        assert bits == (b"\x7fELF\x02" if target == "host" else b"\x7fELF\x01")


def test_clang_refuses_what_is_wrong(tmp_path: Path, clang: tuple[str, ...]) -> None:
    (tmp_path / "wrong.c").write_text("int f(int a) { unsigned b = 3; return a < b; }\n")
    with pytest.raises(AssertionError, match="error: comparison of integers of different signs"):
        build(tmp_path, "-c", "wrong.c", compiler=clang)
