"""The Python driver on a serial line to `stlq_rom`, simulated from its pins."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.bus.rom_config import Codes, RomConfig
from hw.bus.verilog import rom_verilog
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode
from rtl_gen.driver import stlq
from rtl_gen.driver.interface import interface_of
from rtl_gen.driver.stlq_serial import SerialEngine
from rtl_gen.engine_simulator import hex_lines
from sw_ref.network import execute
from verif.hw.bus.bench import small_engine
from verif.hw.bus.serial_line import compile_line, serial_line
from verif.hw.engine.bench import CONFIG
from verif.rtl_gen.compiler.networks import pointwise_network

SEED = 16
SECONDS = 600  # for a simulated answer


@dataclass(frozen=True, kw_only=True)
class Board:
    """A simulated board with its network: real values, and what it should give for them."""

    folder: Path
    command: list[str]
    interface: stlq.Interface
    values: NDArray[np.float32]
    expected: NDArray[np.float32]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    folder, rng = tmp_path_factory.mktemp("board"), np.random.default_rng(SEED)
    network = pointwise_network(CONFIG, rng, groups=1, size=(2, 2))
    program = encode(CONFIG, lower(network, CONFIG))
    config = RomConfig(engine=CONFIG, program=tuple(program), codes=Codes.UART, clock_hz=5_000_000, baud=1_000_000)
    (folder / "program.hex").write_text(hex_lines(CONFIG, program))
    (folder / "rom.v").write_text(rom_verilog(config, "program.hex"))
    (folder / "engine.v").write_text(small_engine())
    interface = interface_of(CONFIG, network, 4 * len(program))
    images = rng.integers(0, 256, (1, *network.tensors["in"].shape))
    golden = execute(network, {"in": images})[network.outputs[0]]
    return Board(
        folder=folder,
        command=compile_line(folder, config.divisor, "rom.v", "engine.v"),
        interface=interface,
        values=stlq.dequantize(images[0], interface.inputs[0]),
        expected=stlq.dequantize(golden[0], interface.outputs[0]),
    )


def test_inferences_are_the_goldens(board: Board) -> None:
    """After a break in the middle of an answer, too."""
    with serial_line(board.command, board.folder) as line:
        for _ in range(2):
            (found,) = SerialEngine(line, board.interface).infer(board.values, timeout=SECONDS)
            assert np.array_equal(found, board.expected)
            line.write(bytes(board.interface.inputs_bytes))
            while not line.read(1):
                pass
    assert line.sent.count("break") == 2


def test_another_engine_is_refused_before_anything_is_sent(board: Board) -> None:
    wrong = replace(board.interface, digest=board.interface.digest ^ 1)
    message = f"the network is for engine 0x{wrong.digest:08x}; this is engine 0x{board.interface.digest:08x}"
    with serial_line(board.command, board.folder) as line, pytest.raises(stlq.EngineError, match=message):
        SerialEngine(line, wrong)
    assert line.sent == ["break"]


def test_an_answer_that_does_not_come_resets_the_board(board: Board) -> None:
    """A host that waits for a byte too many gets the next answer right all the same."""
    long = replace(board.interface, outputs_bytes=board.interface.outputs_bytes + 1)
    size = board.interface.outputs_bytes
    with serial_line(board.command, board.folder) as line:
        engine = SerialEngine(line, long)
        with pytest.raises(stlq.EngineError, match=f"{size} of {size + 1} bytes came in 0.2 s; the board was reset"):
            engine.infer(board.values, timeout=0.2)
        (found,) = SerialEngine(line, board.interface).infer(board.values, timeout=SECONDS)
        assert np.array_equal(found, board.expected)


def test_an_interrupted_inference_leaves_no_answer_to_the_next(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C comes while the host waits."""
    with serial_line(board.command, board.folder) as line:
        engine = SerialEngine(line, board.interface)
        with monkeypatch.context() as patch:
            patch.setattr(type(line), "read", interrupt)
            with pytest.raises(KeyboardInterrupt):
                engine.infer(np.zeros_like(board.values), timeout=SECONDS)
        (found,) = engine.infer(board.values, timeout=SECONDS)
        assert np.array_equal(found, board.expected)
    assert line.sent.count("break") == 2


def interrupt(*_: object) -> bytes:
    raise KeyboardInterrupt


class Silent:
    """A port to which nothing is connected."""

    def __init__(self, timeout: float | None, came: bytes = b""):
        self.timeout, self._came = timeout, came

    def read(self, size: int) -> bytes:
        came, self._came = self._came[:size], self._came[size:]
        return came

    def write(self, data: bytes) -> None:
        raise AssertionError("nothing may be sent")

    def send_break(self, duration: float) -> None:
        pass


def test_ports_that_are_refused(board: Board) -> None:
    for timeout in (None, 0):
        with pytest.raises(ValueError, match=rf"timeout of the port is {timeout}; allowed: seconds, such as 0\.1"):
            SerialEngine(Silent(timeout), board.interface)
    with pytest.raises(stlq.EngineError, match="there is no engine: 3 bytes came after a break; 4 are right"):
        SerialEngine(Silent(0.1, bytes(3)), board.interface)
