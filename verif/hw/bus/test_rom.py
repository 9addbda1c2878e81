"""`stlq_rom` from its pins: a network whose program is in flash, with inputs and outputs over a UART."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.bus.flash_reader import FlashReader
from hw.bus.rom_config import Codes, RomConfig, Source
from hw.bus.verilog import rom_verilog
from rtl_gen import tools
from rtl_gen.compiler.lower import lower
from rtl_gen.compiler.program import encode, to_bytes
from rtl_gen.engine_simulator import bus_words
from sw_ref.network import execute
from verif.hw.bus.bench import small_engine
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven
from verif.rtl_gen.compiler.networks import pointwise_network

FOLDER = Path(__file__).parent
SEED = 16
IMAGES = 2


@pytest.fixture(scope="module")
def engine() -> str:
    return small_engine()


class Task:
    """A small network: its program, the bytes that go in, and those that must come out, the engine's digest first."""

    def __init__(self) -> None:
        rng = np.random.default_rng(SEED)
        network = pointwise_network(CONFIG, rng, groups=2, size=(3, 3))
        images = rng.integers(0, 256, (IMAGES, *network.tensors["in"].shape))
        golden = execute(network, {"in": images})[network.outputs[0]]
        self.program = encode(CONFIG, lower(network, CONFIG))
        self.inputs, self.outputs = (
            b"".join(word.to_bytes(4, "little") for codes in tensor for word in bus_words(CONFIG, codes))
            for tensor in (images, golden)
        )
        self.greeting = CONFIG.digest.to_bytes(4, "little")


def run(folder: Path, config: RomConfig, sources: dict[str, str], task: Task, **bench: int) -> list[list[str]]:
    """What the bench printed, each line in words."""
    program = to_bytes(config.engine, task.program)
    texts = {"flash.hex": program, "inputs.hex": task.inputs}
    for name, data in texts.items():
        (folder / name).write_text("\n".join(f"{byte:x}" for byte in data))
    for name, text in sources.items():
        (folder / name).write_text(text)
    values: dict[str, int] = {
        "DIVISOR": config.divisor,
        "INPUTS": len(task.inputs),
        "OUTPUTS": len(task.greeting + task.outputs) + bench.pop("before", 0),
        "FLASH_BYTES": len(program),
        "FLASH_ADDRESS": config.flash_address,
        "WAKE": config.wake_cycles,
    } | {name.upper(): value for name, value in bench.items()}
    options = [part for name, value in values.items() for part in ("-P", f"rom_bench.{name}={value}")]
    files = [str(FOLDER / "rom_bench.v"), str(FOLDER / "flash.v"), *sources]
    tools.run([tools.find("iverilog"), "-g2005", "-o", "bench", "-s", "rom_bench", *options, *files], folder=folder)
    return [line.split() for line in tools.run([tools.find("vvp"), "bench"], folder=folder).splitlines()]


def config_of(task: Task, **values: Any) -> RomConfig:
    """A clock of which a bit takes 5 cycles."""
    given = {"source": Source.FLASH, "codes": Codes.UART, "clock_hz": 5_000_000, "baud": 1_000_000, **values}
    return RomConfig(engine=CONFIG, program=tuple(task.program), **given)


def bytes_of(lines: list[list[str]]) -> bytes:
    """What left over the UART."""
    return bytes(int(line[2]) for line in lines if line[0] == "byte")


@pytest.mark.parametrize("noise", [0, 5], ids=["at once", "after a break"])
def test_the_network_gives_what_the_golden_does(engine: str, tmp_path: Path, noise: int) -> None:
    task = Task()
    config = config_of(task)
    sources = {"rom.v": rom_verilog(config, ""), "engine.v": engine}
    # The digest has left before the break, and leaves again after it.
    before = task.greeting if noise else b""
    lines = run(tmp_path, config, sources, task, noise=noise, before=len(before))
    assert bytes_of(lines) == before + task.greeting + task.outputs
    # Nothing is said of errors, of the flash, or of words that are lost.
    assert {line[0] for line in lines} == {"byte", "read"}
    assert len([line for line in lines if line[0] == "read"]) >= IMAGES


FAULTS = {
    "drives the data": driven(FlashReader, "flash__oe", lambda was, at: 1),
    "no pause": driven(FlashReader, "pause", lambda was, at: 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_flash_finds_what_is_wrong(engine: str, tmp_path: Path, name: str) -> None:
    task = Task()
    config = config_of(task)
    with FAULTS[name].planted():
        text = rom_verilog(config, "")
    lines = run(tmp_path, config, {"rom.v": text, "engine.v": engine}, task, limit=1000)
    assert "flash:" in {line[0] for line in lines}
