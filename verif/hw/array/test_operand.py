"""The operand part against a naive sum of ``term(word) * act``: skewed activations, all pipelines, stalls."""

from dataclasses import replace
from typing import Any

import pytest

from hw.array import operand
from hw.array.operand import Operand
from hw.config import ArrayConfig
from sw_ref.format import StlqFormat
from verif.hw.array.bench import FORMATS, dice, packed, random_act, simulate
from verif.hw.faults import Fault, driven

SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=4), lanes=5, depth=40, pixels=2)
CONFIGS = {
    **{f"pipeline {level}": replace(SMALL, pipeline=level) for level in range(5)},
    "multiplexers": replace(SMALL, choices=1),
    "two choices": replace(SMALL, pipeline=4, choices=2),
    "one lane": replace(SMALL, lanes=1, pixels=1),
    "nine lanes": replace(SMALL, lanes=9, pixels=1),
    **{f"format {index}": replace(SMALL, format=fmt, lanes=3, pixels=1) for index, fmt in enumerate(FORMATS)},
}
FAULTS = {
    "lanes exchanged": Fault(operand, "acts_of_lane", lambda right, acts, config, lane: right(acts, config, 0)),
    "carry lost": driven(Operand, "carry", lambda was, at: 0),
    "skew forgotten": Fault(operand, "word_of_lane", lambda right, registers, words, config, lane: words[:3]),
}


def check(config: ArrayConfig) -> None:
    part, fmt, schedule = Operand(config), config.format, config.schedule
    latency = schedule.stages - schedule.buffered
    registered, rng = schedule.registered(0), dice(config)

    async def bench(ctx: Any) -> None:
        history: list[tuple[list[int], list[list[int]]]] = []
        bubbles: list[bool] = []
        for cycle in range(40):
            words = [rng.choice(fmt.codes) for _ in range(config.lanes)]
            acts = [[random_act(rng, fmt) for _ in words] for _ in range(config.pixels)]
            history.append((words, acts))
            # The activation of a lane comes later than its word.
            past = [history[max(cycle - schedule.skew(lane), 0)][1] for lane in range(config.lanes)]
            fields = [past[lane][pixel][lane] for pixel in range(config.pixels) for lane in range(config.lanes)]
            ctx.set(part.words, packed(words, fmt.bits))
            ctx.set(part.acts, packed(fields, fmt.act_bits))
            if cycle >= latency:
                old_words, old_acts = history[cycle - latency]
                terms = [fmt.term(word) for word in old_words]
                wanted = [sum(t * a for t, a in zip(terms, row, strict=True)) for row in old_acts]
                found = [ctx.get(value) + ctx.get(part.carry) for value in part.values]
                assert bubbles[-1:] == [True] or found == wanted, cycle
            ctx.set(part.enable, 0)
            if part.clocked:
                if rng.random() < 0.3:
                    await ctx.tick()  # a stall
                ctx.set(part.enable, 1)
                # The beat that leaves the last registers next was none: its carry is 0.
                bubbles.append(registered and rng.random() < 0.2)
                ctx.set(part.bubble, bubbles[-1])
                await ctx.tick()
                ctx.set(part.bubble, 0)
                assert not bubbles[-1] or ctx.get(part.carry) == 0

    simulate(part, bench)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_sum_over_the_lanes(config: ArrayConfig) -> None:
    check(config)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(SMALL)
