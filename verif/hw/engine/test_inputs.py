"""The input port: each code of each bus word once, in order; the rest of a tensor's last word is dropped."""

from dataclasses import replace
from typing import Any

import pytest

from hw.engine.inputs import Inputs
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

TENSORS = (1, 2, 3, 4, 5, 8, 9, 30)
PAIRS = (2, 4, 6, 8, 10, 30)
FAULTS = {
    "a bus word again": driven(Inputs, "valid", lambda was, at: was | at.valid),
    "index not reset by the last code": driven(Inputs, "index", lambda was, at: at.index + at.take),
    "the first code of a pair twice": driven(Inputs, "codes", lambda was, at: was[:8].replicate(2)),
    "a cycle lost with each word": driven(Inputs, "inputs__ready", lambda was, at: was & ~at.take),
}


def check(bus_bits: int, share: float, each: int = 1) -> None:
    """Words are offered, and `each` code or two are taken, in `share` of the cycles."""
    config = replace(CONFIG, bus_bits=bus_bits)
    port: Any = Inputs(config)
    rng = dice((bus_bits, share))
    count = config.codes_per_transfer
    tensors = [[rng.randrange(256) for _ in range(size)] for size in (TENSORS if each == 1 else PAIRS)]
    words = []
    for codes in tensors:
        filled = codes + [rng.randrange(256) for _ in range(-len(codes) % count)]
        words += [filled[at : at + count] for at in range(0, len(filled), count)]
    expected = [
        (_packed([*codes[at : at + each], codes[at]][:2]), at + each == len(codes))
        for codes in tensors
        for at in range(0, len(codes), each)
    ]

    async def bench(ctx: Any) -> None:
        given = 0
        offered = False
        # A cycle for each code or two and each bus word, and the first one, in which the port is not ready.
        least = len(expected) + len(words) + 1
        for _ in range(least if share == 1 else 8 * least):
            offered = given < len(words) and (offered or rng.random() < share)
            ctx.set(port.inputs.valid, offered)
            ctx.set(port.inputs.payload, _packed(words[given]) if offered else rng.getrandbits(bus_bits))
            take = bool(ctx.get(port.valid)) and rng.random() < share
            ctx.set(port.take, take)
            ctx.set(port.pairs, each == 2)
            if take:
                assert expected, "a code more than there are"
                codes, last = expected.pop(0)
                assert ctx.get(port.codes) == codes
                ctx.set(port.last, last)
            if offered and ctx.get(port.inputs.ready):
                given, offered = given + 1, False
            await ctx.tick()
        assert (given, expected) == (len(words), [])

    simulate(port, bench)


def _packed(codes: list[int]) -> int:
    return sum(code << 8 * index for index, code in enumerate(codes))


@pytest.mark.parametrize("bus_bits", [16, 32, 64])
@pytest.mark.parametrize("share", [0.6, 1])
@pytest.mark.parametrize("each", [1, 2])
def test_codes_come_once_in_order_and_on_time(bus_bits: int, share: float, each: int) -> None:
    check(bus_bits, share, each)


def check_both() -> None:
    for each in (1, 2):
        check(32, 1, each)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check_both()
