"""`stlq_rom` simulated from its pins: codes over a UART, the program in block RAM or in a model of a flash."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.bus.rom_config import RomConfig, Source
from hw.engine.config import EngineConfig
from rtl_gen import tools
from rtl_gen.compiler.program import to_bytes
from rtl_gen.engine_build import PROGRAM_HEX
from rtl_gen.engine_simulator import bus_words, hex_lines
from rtl_gen.simulator import compile_bench
from sw_ref.network import Network, execute

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class UartTask:
    """The bytes that go in, and those that must come out: `greeting`, the engine's digest, before all outputs."""

    inputs: bytes
    greeting: bytes
    outputs: bytes

    @classmethod
    def of(cls, config: EngineConfig, network: Network, images: NDArray[np.integer]) -> "UartTask":
        """What a network with one input and one output does with codes, (n, *shape)."""
        golden = execute(network, {network.inputs[0]: images})[network.outputs[0]]
        inputs, outputs = (
            b"".join(to_bytes(config, bus_words(config, one)) for one in codes) for codes in (images, golden)
        )
        return cls(inputs=inputs, greeting=config.digest.to_bytes(4, "little"), outputs=outputs)

    @property
    def answer(self) -> bytes:
        """All that must come out."""
        return self.greeting + self.outputs


@dataclass(frozen=True, kw_only=True)
class UartAnswer:
    """What the bench printed: the `lines`, each in words."""

    lines: list[list[str]]

    @property
    def bytes(self) -> bytes:
        """What left over the UART."""
        return bytes(int(line[2]) for line in self.lines if line[0] == "byte")

    @property
    def cycles(self) -> int:
        """Clock cycles from the reset to the last bit of the answer."""
        return max(int(line[1]) for line in self.lines if line[0] == "byte")

    @property
    def kinds(self) -> set[str]:
        """Of the lines: `byte`, `read` of the flash, and what is wrong."""
        return {line[0] for line in self.lines}


def run_pins(
    folder: Path, config: RomConfig, sources: Mapping[str, str], task: UartTask, *, sim: str = "icarus", **bench: int
) -> UartAnswer:
    """Simulate Verilog files in `folder`; Verilator has no model of the flash, whose lanes are driven from both ends.

    `bench`: parameters of the bench; `before`: bytes that come before the answer.
    """
    program = to_bytes(config.engine, config.program)
    data = {"flash.hex": program, "inputs.hex": task.inputs}
    texts = {name: "\n".join(f"{byte:x}" for byte in given) for name, given in data.items()}
    for name, text in {**texts, PROGRAM_HEX: hex_lines(config.engine, config.program), **sources}.items():
        (folder / name).write_text(text)
    in_flash = config.source is Source.FLASH
    values = {
        "DIVISOR": config.divisor,
        "INPUTS": len(task.inputs),
        "OUTPUTS": len(task.answer) + bench.pop("before", 0),
        "FLASH_BYTES": len(program),
        "FLASH_ADDRESS": config.flash_address,
        "WAKE": config.wake_cycles,
    } | {name.upper(): value for name, value in bench.items()}
    (folder / "source.v").write_text("`define IN_FLASH\n" if in_flash else "")
    models = ["rom_bench.v", "uart_reader.v", *(["flash.v"] if in_flash else [])]
    files = ["source.v", *(str(FOLDER / name) for name in models), *sources]
    command = compile_bench(sim, folder, "rom_bench", files, parameters=values)
    # Verilator ends with lines of its own, `- file:line: $finish` and a report.
    said = [line for line in tools.run(command, folder=folder).splitlines() if line.strip() and line[0] != "-"]
    return UartAnswer(lines=[line.split() for line in said])
