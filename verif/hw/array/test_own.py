"""An array whose PEs have some activations of their own, against sums lane by lane."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth import Cat

from hw.array.alignment import Alignment
from hw.array.array import Array
from hw.array.operand import Operand
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.faults import driven

SMALL = ArrayConfig(format=StlqFormat(act_signed=False), pe=3, lanes=5, depth=64)
CONFIGS = {
    "single": SMALL,
    "without registers": replace(SMALL, pipeline=0, choices=1),
    "ping-pong": replace(SMALL, pe=5, pipeline=4, choices=1),
}
TILES = 40
FAULTS = {
    "another PE's": driven(Array, "own0_1_late0", lambda was, at: at.own2_2_late0),
    "a cycle late": driven(Alignment, "activations", lambda was, at: Cat(was[:40], at.activations[40:])),
}


def own_tiles(config: ArrayConfig, own: int, rng: Any) -> tuple[list[int], list[int], list[int]]:
    """Payloads of `tiles` beats and of `acts` beats, and of the `sums` beats that they make."""
    fmt, (pe, lanes) = config.format, config.tile
    tiles, acts, sums, total = [], [], [], [0] * pe
    for number in range(TILES):
        two_word, last = rng.randrange(2), int(number == TILES - 1 or rng.random() < 0.3)
        shared = [rng.randrange(1 << fmt.act_bits) for _ in range(lanes)]
        mine = [[rng.randrange(1 << fmt.act_bits) for _ in range(own)] for _ in range(pe)]
        acts.append(packed([*shared, *(code for codes in mine for code in codes)], fmt.act_bits))
        for beat in range(1 + two_word):
            words = [[rng.randrange(-fmt.levels, fmt.levels) for _ in range(lanes)] for _ in range(pe)]
            bits = packed([word & ((1 << fmt.bits) - 1) for row in words for word in row], fmt.bits)
            flags = (two_word | last << 1) << config.words_per_beat * fmt.bits
            tiles.append(bits | flags)
            for p in range(pe):
                # From the lane behind that of its own number on.
                codes = [*shared[p:], *shared[:p]]
                codes[1 : 1 + own] = mine[p]
                codes = codes[-p:] + codes[:-p] if p else codes
                operand = sum(fmt.term(word) * code for word, code in zip(words[p], codes, strict=True))
                total[p] += operand << (0 if beat else fmt.residual_shift)
        if last:
            sums.append(packed([value & ((1 << config.acc_bits) - 1) for value in total], config.acc_bits))
            total = [0] * pe
    return tiles, acts, sums


def check(config: ArrayConfig, own: int = 2) -> None:
    device: Any = Array(config, Operand, own)
    rng = dice(own)
    tiles, acts, sums = own_tiles(config, own, rng)

    async def bench(ctx: Any) -> None:
        waiting, found = {"tiles": list(tiles), "acts": list(acts)}, list[int]()
        for _ in range(20 * TILES):
            for name, payloads in waiting.items():
                ctx.set(getattr(device, name).valid, bool(payloads))
                ctx.set(getattr(device, name).payload.as_value(), payloads[0] if payloads else 0)
            ctx.set(device.sums.ready, ready := rng.randrange(2))
            taken = [name for name in waiting if waiting[name] and ctx.get(getattr(device, name).ready)]
            if ready and ctx.get(device.sums.valid):
                found.append(ctx.get(device.sums.payload.as_value()))
            await ctx.tick()
            for name in taken:
                waiting[name].pop(0)
        assert found == sums

    simulate(device, bench)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_each_pe_has_its_own(config: ArrayConfig) -> None:
    check(config)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(SMALL)
