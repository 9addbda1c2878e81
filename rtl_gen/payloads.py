"""Payloads of an array's streams as text: what a test bench reads, and the sums that it writes."""

import numpy as np
from numpy.typing import NDArray

from hw.config import ArrayConfig
from sw_ref.stream import Stream


def tiles_hex(config: ArrayConfig, stream: Stream) -> str:
    """The `tiles` payloads, one a line."""
    words = _bits(stream.words.reshape(len(stream.words), -1), config.format.bits)
    flags = np.stack([stream.two_word, stream.last], axis=1).astype(np.uint8)
    return _hex_lines(np.concatenate([words, flags], axis=1))


def acts_hex(config: ArrayConfig, acts: NDArray[np.integer]) -> str:
    """The `acts` payloads, one a line; `acts`: (passes, tiles, activations of a beat)."""
    return _hex_lines(_bits(acts.reshape(-1, config.acts_per_beat), config.format.act_bits))


def read_sums(text: str, config: ArrayConfig) -> NDArray[np.int64]:
    """The sums that the bench wrote: int64, (beats, sums of a beat). Raises ``ValueError`` for an unknown bit (x)."""
    width = config.payload_bits["sums"]
    digits = (width + 3) // 4
    lines = text.split()
    for line in lines:
        if len(line) != digits or set(line.lower()) - set("0123456789abcdef"):
            raise ValueError(f"a sum is {line}: it has unknown bits")
    packed = np.frombuffer(bytes.fromhex("".join(line.zfill(digits + digits % 2) for line in lines)), np.uint8)
    bits = np.unpackbits(packed.reshape(len(lines), (digits + 1) // 2), axis=1)[:, ::-1][:, :width]
    fields = bits.reshape(len(lines), config.sums_per_beat, config.acc_bits).astype(np.int64)
    weights = np.left_shift(np.int64(1), np.arange(config.acc_bits))
    weights[-1] = -weights[-1]
    return fields @ weights


def _bits(values: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Two's complement, lowest bit first: (rows, fields) to (rows, fields * width)."""
    bits = (values.astype(np.int64)[..., None] >> np.arange(width)) & 1
    return bits.astype(np.uint8).reshape(len(values), -1)


def _hex_lines(bits: NDArray[np.uint8]) -> str:
    packed = np.packbits(np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))[:, ::-1], axis=1)
    digits = -(-bits.shape[1] // 4)
    return "".join(f"{row.tobytes().hex()[-digits:]}\n" for row in packed)
