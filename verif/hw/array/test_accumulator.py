"""The accumulator against Python's sums: places of words, extremes, wrap, sums that wait, noise between beats."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth import Const

from hw.array import accumulator as accumulators
from hw.array.accumulator import Accumulator
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import Beat, dice, place, random_beat, simulate, wrapped
from verif.hw.array.test_control import SumsModel
from verif.hw.faults import Fault, driven

BITS, CYCLES = 9, 250
SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=4), lanes=1, depth=4, pixels=2)
CONFIGS = {
    "two pixels": SMALL,
    "no residual shift": replace(SMALL, format=StlqFormat(residual_shift=0)),
    "largest residual shift": replace(SMALL, format=StlqFormat(bits=5, act_bits=16, residual_shift=4), pixels=1),
}
FAULTS = {
    "gap not filled": Fault(
        accumulators, "scaled", lambda right, value, carry, *rest: right(value, Const(0, 1), *rest)
    ),
    "noise counts": driven(Accumulator, "beat", lambda was, at: was | 1),
    "wrong word scaled": driven(Accumulator, "beat", lambda was, at: was ^ 2),
    "not cleared": driven(Accumulator, "accumulator", lambda was, at: at.total),
    "waiting sum overwritten": driven(Accumulator, "finish", lambda was, at: at.beat[2] | ~at.enable),
    "payload follows the total": driven(Accumulator, "sum", lambda was, at: at.total),
    "pixels exchanged": driven(Accumulator, "sums", lambda was, at: was.rotate_left(len(was) // 2)),
}


def check(config: ArrayConfig) -> None:
    part, model, rng = Accumulator(config, BITS), SumsModel(0), dice(config)
    low, high = -1 << BITS - 1, (1 << BITS - 1) - 1

    async def bench(ctx: Any) -> None:
        beat, so_far = Beat(), [0] * config.pixels
        complete: list[list[int]] = []
        for cycle in range(CYCLES):
            ready = rng.random() < (0.3, 0.9)[cycle % 100 >= 50]
            values = [rng.choice([low, high, rng.randint(low, high)]) for _ in so_far]
            carry = rng.randrange(2)
            for member, value in zip(part.values, values, strict=True):
                ctx.set(member, value)
            ctx.set(part.carry, carry)
            ctx.set(part.control.valid, model.outstanding > 0)
            ctx.set(part.control.ready, ready)
            assert cycle == 0 or ctx.get(part.enable) == model.enable, cycle
            if model.outstanding:
                fields = [ctx.get(part.sums.word_select(pixel, config.acc_bits)) for pixel in range(config.pixels)]
                assert [wrapped(field, config.acc_bits) for field in fields] == complete[0], cycle
                complete = complete[ready:]
            if beat.valid:
                so_far = [total + place(config, beat) * (v + carry) for total, v in zip(so_far, values, strict=True)]
            if beat.ends:
                complete.append([wrapped(total, config.acc_bits) for total in so_far])
                so_far = [0] * config.pixels
            model.step(beat, ready=ready)
            beat = random_beat(rng) if model.enable else Beat()
            ctx.set(part.control.enable_next, model.enable)
            ctx.set(part.control.beat_next, beat._asdict())
            await ctx.tick()

    simulate(part, bench)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_sums_are_exact_and_wait(config: ArrayConfig) -> None:
    check(config)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(SMALL)
