"""What a driver must know of a network, as a C header."""

from collections.abc import Iterator, Sequence

import numpy as np

from hw.engine.config import EngineConfig
from sw_ref.network import Network

HEAD = """\
/* A network on an STLQ engine: lengths in bytes, offsets within inputs or outputs, and what its codes stand for:
   value = STEP * (code - ZERO).  Codes are unsigned, in the order channel, row, column. */
#ifndef STLQ_NETWORK_H
#define STLQ_NETWORK_H
"""


def network_header(config: EngineConfig, network: Network, program_bytes: int) -> str:
    """Lengths of the ranges, and for each input and output its place, its size, its step and its zero point."""
    lines = [
        f"#define STLQ_ENGINE_DIGEST 0x{config.digest:08x}u",
        f"#define STLQ_PROGRAM_BYTES {program_bytes}u",
        f"#define STLQ_CODE_BYTES {config.transfer_bits // 8}u",
        f"#define STLQ_HIGHEST_CODE {(1 << config.code_bits) - 1}u",
        *_tensors(config, network, "INPUT", network.inputs),
        *_tensors(config, network, "OUTPUT", network.outputs),
    ]
    return "\n".join([HEAD, *lines, "", "#endif", ""])


def _tensors(config: EngineConfig, network: Network, kind: str, names: Sequence[str]) -> Iterator[str]:
    """One after the other, each from a new bus word on."""
    offset, word = 0, config.bus_bits // 8
    for index, name in enumerate(names):
        tensor = network.tensors[name]
        codes = int(np.prod(tensor.shape))
        label = f"STLQ_{kind}{index}"
        yield f"/* {_printable(name)}: {' x '.join(map(str, tensor.shape))} */"
        yield f"#define {label}_OFFSET {offset}u"
        yield f"#define {label}_CODES {codes}u"
        yield f"#define {label}_STEP {float(np.float32(tensor.step))!r}f"
        yield f"#define {label}_ZERO {tensor.zero}"
        offset += -(-codes * config.transfer_bits // 8 // word) * word
    yield f"#define STLQ_{kind}S_BYTES {offset}u"


def _printable(name: str) -> str:
    """A name that ends no comment."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-. ") else "_" for letter in name)
