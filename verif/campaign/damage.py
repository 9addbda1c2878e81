"""Ways to damage a file.  Each takes its choices from a seeded generator."""

import re

import numpy as np

NUMBERS = (b"-1", b"0", b"1e400", b"9223372036854775807", b"18446744073709551616", b"9" * 5000, b"NaN", b"true")
WORDS = [value.to_bytes(8, "little") for value in (0, 1, 255, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)]
TEXTS = (b"\x00", b"\xff\xfe", b'"', b"\\ud800", b"{", b"}", b"]", b"\n", b"__metadata__", b"PK\x05\x06", b"'O'", b"__")


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """`whole` with one to three kinds of damage, mostly near its beginning, where headers are."""
    for _ in range(int(rng.integers(1, 4))):
        whole = WAYS[int(rng.integers(len(WAYS)))](whole, rng)
    return whole


def _place(whole: bytes, rng: np.random.Generator) -> int:
    reach = len(whole) if rng.random() < 0.5 else min(len(whole), 160)
    return int(rng.integers(reach + 1))


def _flip(whole: bytes, rng: np.random.Generator) -> bytes:
    place = _place(whole, rng)
    return (
        whole[:place]
        + bytes(byte ^ 1 << int(rng.integers(8)) for byte in whole[place : place + 1])
        + whole[place + 1 :]
    )


def _truncate(whole: bytes, rng: np.random.Generator) -> bytes:
    return whole[: _place(whole, rng)]


def _replace(whole: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(whole, rng), int(rng.integers(1, 20))
    return whole[:place] + rng.bytes(int(rng.integers(20))) + whole[place + length :]


def _repeat(whole: bytes, rng: np.random.Generator) -> bytes:
    place, length = _place(whole, rng), int(rng.integers(1, 200))
    return whole[:place] + whole[place : place + length] * int(rng.integers(2, 5)) + whole[place + length :]


def _number(whole: bytes, rng: np.random.Generator) -> bytes:
    """Replace a number in digits by another one."""
    found = list(re.finditer(rb"\d+", whole))
    if not found:
        return whole
    chosen = found[int(rng.integers(len(found)))]
    return whole[: chosen.start()] + NUMBERS[int(rng.integers(len(NUMBERS)))] + whole[chosen.end() :]


def _word(whole: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite some bytes with an extreme binary number."""
    place, size = _place(whole, rng), int(rng.choice([1, 2, 4, 8]))
    return whole[:place] + WORDS[int(rng.integers(len(WORDS)))][:size] + whole[place + size :]


def _text(whole: bytes, rng: np.random.Generator) -> bytes:
    place = _place(whole, rng)
    return whole[:place] + TEXTS[int(rng.integers(len(TEXTS)))] + whole[place:]


def _nest(whole: bytes, rng: np.random.Generator) -> bytes:
    """Insert something very deep or very long."""
    place = _place(whole, rng)
    deep = (b"[" * 100_000, b'{"a":' * 50_000, b"(" * 100_000, b"[1," * 50_000, b"\x0a" * 100_000, b" " * 1_000_000)
    return whole[:place] + deep[int(rng.integers(len(deep)))] + whole[place:]


def _header(whole: bytes, rng: np.random.Generator) -> bytes:
    """Make a safetensors header deeper, with the right length before it: a reader trusts that length first."""
    length = int.from_bytes(whole[:8], "little")
    header = _nest(whole[8 : 8 + length], rng)
    return len(header).to_bytes(8, "little") + header + whole[8 + length :]


WAYS = (_flip, _flip, _truncate, _replace, _repeat, _number, _number, _word, _text, _nest, _header)
