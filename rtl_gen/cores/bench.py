"""A test bench of one inference for any Verilog simulator, with its input and the golden's output: no Python there."""

from importlib import metadata
from importlib.resources import files
from typing import Any

import numpy as np

from hw.bus.config import BusConfig
from hw.bus.rom_config import Codes, RomConfig
from hw.engine.config import EngineConfig
from rtl_gen import cores
from rtl_gen.driver.tables import ADDRESSES, FIELDS
from rtl_gen.engine_build import BENCH, PROGRAM_HEX
from rtl_gen.engine_simulator import bus_words, hex_lines
from sw_ref.network import Network, execute

TOP, TEXT = "stlq_bench", f"{BENCH}/bench.v"
INPUTS, OUTPUTS = f"{BENCH}/inputs.hex", f"{BENCH}/outputs.hex"
SEED = 1
HEAD = """\
`timescale 1ns / 1ps
// One inference on {name}, made by stlq {version}: random codes go in, and the golden's must come out.
// It prints `pass`, or ends by $fatal. The files {files} must be where it runs.
"""


def bench_files(
    config: EngineConfig, top: BusConfig | RomConfig | None, network: Network, program_words: int, cycles: int
) -> dict[str, bytes]:
    """The bench around a top, or around the engine itself; `cycles`: those of an inference, as predicted.

    A ROM's top is used only if its program is in a file, and its codes are streams: else its engine is.
    """
    rng = np.random.default_rng(SEED)
    shapes = {name: network.tensors[name].shape for name in network.inputs}
    codes = {name: rng.integers(0, 1 << config.code_bits, (1, *shape)) for name, shape in shapes.items()}
    golden = execute(network, codes)
    inputs, outputs = (
        [word for name in names for word in bus_words(config, found[name][0])]
        for names, found in ((network.inputs, codes), (network.outputs, golden))
    )
    if isinstance(top, RomConfig) and not (top.in_file and top.codes is Codes.STREAM):
        top = None
    defines: dict[str, Any] = {
        "TOP": config.name if top is None else top.name,
        "BUS_BITS": config.bus_bits,
        "PROGRAM_WORDS": program_words,
        "INPUT_WORDS": len(inputs),
        "OUTPUT_WORDS": len(outputs),
        "LIMIT": 100 * (cycles + program_words + 1000),
    }
    if top is None:
        defines["HAS_PROGRAM"] = 1
    if isinstance(top, BusConfig):
        defines |= _register_defines(top)
    text = {
        TEXT: _text(top, defines),
        INPUTS: hex_lines(config, inputs),
        OUTPUTS: hex_lines(config, outputs),
    }
    return {name: content.encode() for name, content in text.items()}


def _register_defines(config: BusConfig) -> dict[str, Any]:
    """The register map for a host in Verilog."""
    masks = {
        f"{register}_{field}".upper(): f"32'h{((1 << bits) - 1) << bit:08x}"
        for (register, field), (bit, bits) in FIELDS.items()
        if register in ("control", "status")
    }
    return {
        **{name.upper(): f"7'h{address:02x}" for name, address in ADDRESSES.items()},
        **masks,
        "ADDRESS_BITS": config.word_address_bits,
        "DIGEST": f"32'h{config.engine.digest:08x}",
    }


def _text(top: BusConfig | RomConfig | None, defines: dict[str, Any]) -> str:
    head = HEAD.format(
        name=defines["TOP"],
        version=metadata.version("stlq"),
        files=f"{PROGRAM_HEX}, {INPUTS.split('/')[1]} and {OUTPUTS.split('/')[1]}",
    )
    lines = "".join(f"`define {name} {value}\n" for name, value in defines.items())
    if not isinstance(top, BusConfig):
        return f"{head}{lines}\n{_part('stream')}"
    return f"{head}{lines}\n{_part('bus')}".replace("// ADAPTER\n", _part(top.bus.value))


def _part(name: str) -> str:
    return (files(cores) / f"{name}.v").read_text()
