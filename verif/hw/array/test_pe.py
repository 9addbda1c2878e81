"""A processing element beside its control: sums of whole dot products, skewed activations, both microarchitectures."""

from dataclasses import replace
from typing import Any

import pytest
from amaranth import Module
from amaranth.lib.wiring import connect

from hw.array.control import Control
from hw.array.operand import Operand
from hw.array.pe import PE
from hw.array.ping_pong_control import PingPongControl
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import Beat, dice, packed, place, random_act, random_beat, simulate, wrapped
from verif.hw.faults import driven

SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=4), lanes=3, depth=400, pixels=2)
CONFIGS = {
    **{f"pipeline {level}": replace(SMALL, pipeline=level) for level in range(5)},
    "largest words": replace(SMALL, format=StlqFormat(bits=5, act_bits=16, residual_shift=4), pixels=1),
    "smallest words": replace(SMALL, format=StlqFormat(bits=2, act_bits=2, act_signed=False, residual_shift=0)),
}
FAULTS = {
    "pixels exchanged": driven(PE, "sums", lambda was, at: was.rotate_left(len(was) // 2)),
    "carry inverted": driven(Operand, "carry", lambda was, at: ~was),
}
CYCLES = 120


def check(config: ArrayConfig, share: float) -> None:
    m = Module()
    m.submodules.control = control = (PingPongControl if config.buffered else Control)(config)
    m.submodules.pe = pe = PE(config, Operand)
    connect(m, control.pe, pe.control)
    fmt, schedule, rng = config.format, config.schedule, dice((config, share))

    async def bench(ctx: Any) -> None:
        beat, so_far, complete, past, total = Beat(), [0] * config.pixels, [], [[0] * config.acts_per_beat] * 9, 0
        await ctx.tick()  # what enables has no value in reset
        for cycle in range(CYCLES):
            flush = cycle > CYCLES - 40
            ready = flush or rng.random() < share
            words = [rng.choice(fmt.codes) for _ in range(config.lanes)]
            acts = [random_act(rng, fmt) for _ in range(config.acts_per_beat)]
            late = [[acts, *past][schedule.skew(index % config.lanes)][index] for index in range(config.acts_per_beat)]
            ctx.set(pe.words, packed(words, fmt.bits))
            ctx.set(pe.acts, packed(late, fmt.act_bits))
            ctx.set(control.beat, beat._asdict())
            ctx.set(control.ready, ready)
            if ctx.get(control.enable):
                past = [acts, *past[:-1]]
            if beat.valid:
                terms = [fmt.term(word) * place(config, beat) for word in words]
                rows = [acts[pixel * config.lanes :][: config.lanes] for pixel in range(config.pixels)]
                so_far = [
                    old + sum(t * a for t, a in zip(terms, row, strict=True))
                    for old, row in zip(so_far, rows, strict=True)
                ]
            if beat.ends:
                complete, so_far, total = [*complete, so_far], [0] * config.pixels, total + 1
            if ctx.get(control.valid):
                fields = [ctx.get(pe.sums.word_select(pixel, config.acc_bits)) for pixel in range(config.pixels)]
                assert [wrapped(field, config.acc_bits) for field in fields] == complete[0], cycle
                complete = complete[ready:]
            beat = random_beat(rng) if ctx.get(control.enable_next) and not flush else Beat()
            ctx.set(control.beat_next, beat._asdict())
            await ctx.tick()
        assert not complete
        assert total >= 5

    simulate(m, bench)


@pytest.mark.parametrize("share", [0.3, 1])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_dot_products_are_exact(config: ArrayConfig, share: float) -> None:
    check(config, share)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(SMALL, 1)
