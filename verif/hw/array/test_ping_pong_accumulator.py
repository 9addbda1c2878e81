"""Ping-pong accumulators against Python's sums; a second sequencer, in step with theirs, says when sums are valid."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth import Module, Mux

from hw.array.ping_pong import PingPong
from hw.array.ping_pong_accumulator import PingPongAccumulator
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import Beat, dice, place, random_beat, simulate, wrapped
from verif.hw.faults import driven

BITS, CYCLES = 9, 250
SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=4), lanes=1, depth=4, pixels=2, pipeline=4)
CONFIGS = {
    "two pixels": SMALL,
    "no residual shift": replace(SMALL, format=StlqFormat(residual_shift=0)),
    "largest residual shift": replace(SMALL, format=StlqFormat(bits=5, act_bits=16, residual_shift=4), pixels=1),
}
FAULTS = {
    "noise counts": driven(PingPongAccumulator, "clear_operand", lambda was, at: 0),
    "wrong word scaled": driven(PingPongAccumulator, "beat", lambda was, at: was ^ 2),
    "not cleared": driven(
        PingPongAccumulator, "accumulator1", lambda was, at: Mux(at.ping_pong.move[1], at.accumulator1, was)
    ),
    "sum overwritten": driven(PingPongAccumulator, "sum0", lambda was, at: at.accumulator0),
    "carry lost": driven(PingPongAccumulator, "operand_carry", lambda was, at: 0),
    "wrong order": driven(PingPongAccumulator, "sums", lambda was, at: Mux(at.ping_pong.read, at.sum0, at.sum1)),
}


def check(config: ArrayConfig, share: float) -> None:
    m = Module()
    m.submodules.part = part = PingPongAccumulator(config, BITS)
    m.submodules.twin = twin = PingPong("twin")
    rng = dice((config, share))
    low, high = -1 << BITS - 1, (1 << BITS - 1) - 1

    async def bench(ctx: Any) -> None:
        now, so_far, complete, total = Beat(), [0] * config.pixels, [], 0
        for cycle in range(CYCLES):
            flush = cycle > CYCLES - 30
            ready = flush or rng.random() < share
            values = [rng.choice([low, high, rng.randint(low, high)]) for _ in so_far]
            carry = rng.randrange(2)
            for member, value in zip(part.values, values, strict=True):
                ctx.set(member, value)
            ctx.set(part.carry, carry)
            following = Beat() if flush else random_beat(rng)
            ctx.set(part.control.beat, following._asdict())
            for pin in (part.control.ready, twin.ready):
                ctx.set(pin, ready)
            ctx.set(twin.ends, now.ends)
            assert ctx.get(part.enable) == ctx.get(twin.enable)
            if ctx.get(twin.valid):
                fields = [ctx.get(part.sums.word_select(pixel, config.acc_bits)) for pixel in range(config.pixels)]
                assert [wrapped(field, config.acc_bits) for field in fields] == complete[0], cycle
                complete = complete[ready:]
            if ctx.get(part.enable):
                if now.valid:
                    scale = place(config, now)
                    so_far = [old + scale * (v + carry) for old, v in zip(so_far, values, strict=True)]
                if now.ends:
                    complete.append([wrapped(one, config.acc_bits) for one in so_far])
                    so_far, total = [0] * config.pixels, total + 1
                now = following
            await ctx.tick()
        assert not complete
        assert total > CYCLES // 20

    simulate(m, bench)


@pytest.mark.parametrize("share", [0.2, 0.7, 1])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_sums_are_exact_and_wait(config: ArrayConfig, share: float) -> None:
    check(config, share)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(replace(SMALL, pixels=1), 0.5)
