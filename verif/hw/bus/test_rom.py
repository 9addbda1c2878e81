"""`stlq_rom` from its pins: a network whose program is in flash, with inputs and outputs over a UART."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hw.bus.flash_reader import FlashReader
from hw.bus.rom_config import Codes, RomConfig, Source
from hw.bus.verilog import rom_verilog
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode
from rtl_gen.engine_build import PROGRAM_HEX
from verif.hw.bus.bench import small_engine
from verif.hw.bus.pins import UartTask, run_pins
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven
from verif.rtl_gen.compiler.networks import pointwise_network

SEED = 194  # of the first 400 the one whose network gives the most different codes: 68
IMAGES = 2


@pytest.fixture(scope="module")
def engine() -> str:
    return small_engine()


@dataclass(frozen=True, kw_only=True)
class Small:
    """A small network: the bus words of its program, and its task."""

    program: tuple[int, ...]
    task: UartTask


def small() -> Small:
    """The same one, always."""
    rng = np.random.default_rng(SEED)
    network = pointwise_network(CONFIG, rng, groups=2, size=(3, 3))
    images = rng.integers(0, 256, (IMAGES, *network.tensors["in"].shape))
    program = encode(CONFIG, lower(network, CONFIG))
    return Small(program=tuple(program), task=UartTask.of(CONFIG, network, images))


def config_of(program: tuple[int, ...]) -> RomConfig:
    """A clock of which a bit takes 5 cycles."""
    return RomConfig(
        engine=CONFIG, program=program, source=Source.FLASH, codes=Codes.UART, clock_hz=5_000_000, baud=1_000_000
    )


@pytest.mark.parametrize("noise", [0, 5], ids=["at once", "after a break"])
def test_the_network_gives_what_the_golden_does(engine: str, tmp_path: Path, noise: int) -> None:
    made = small()
    task, config = made.task, config_of(made.program)
    sources = {"rom.v": rom_verilog(config, ""), "engine.v": engine}
    # The digest has left before the break, and leaves again after it.
    before = task.greeting if noise else b""
    answer = run_pins(tmp_path, config, sources, task, noise=noise, before=len(before))
    assert answer.bytes == before + task.answer
    # Nothing is said of errors, of the flash, or of words that are lost.
    assert answer.kinds == {"byte", "read"}
    assert len([line for line in answer.lines if line[0] == "read"]) >= IMAGES


def test_a_program_in_block_ram_gives_the_same(engine: str, tmp_path: Path) -> None:
    made = small()
    config = replace(config_of(made.program), source=Source.RAM)
    answer = run_pins(tmp_path, config, {"rom.v": rom_verilog(config, PROGRAM_HEX), "engine.v": engine}, made.task)
    assert (answer.bytes, answer.kinds) == (made.task.answer, {"byte"})


FAULTS = {
    "drives the data": driven(FlashReader, "flash__oe", lambda was, at: 1),
    "no pause": driven(FlashReader, "pause", lambda was, at: 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_flash_finds_what_is_wrong(engine: str, tmp_path: Path, name: str) -> None:
    made = small()
    config = config_of(made.program)
    with FAULTS[name].planted():
        text = rom_verilog(config, "")
    answer = run_pins(tmp_path, config, {"rom.v": text, "engine.v": engine}, made.task, limit=1000)
    assert "flash:" in answer.kinds
