"""Control of ping-pong accumulators: beats on time, each sum offered until taken, the pipeline as in PingPong."""

from typing import Any

import pytest

from hw.array.ping_pong_control import PingPongControl
from hw.config import ArrayConfig
from verif.hw.array.bench import Beat, dice, random_beat, simulate
from verif.hw.faults import driven

CYCLES = 250
CONFIGS = [ArrayConfig(pe=1, lanes=lanes, pipeline=4, choices=1) for lanes in (1, 4)]
FAULTS = {
    "ends lost": driven(PingPongControl, "ends", lambda was, at: was & ~at.ends),
    "ends repeated": driven(PingPongControl, "ends", lambda was, at: was | at.ends),
    "valid falls": driven(PingPongControl, "valid", lambda was, at: was & at.ready),
    "beat early": driven(PingPongControl, "pe__beat", lambda was, at: at.beat),
    "never stalled": driven(PingPongControl, "enable", lambda was, at: 1),
}


def check(config: ArrayConfig, share: float) -> None:
    """The consumer is ready in `share` of the cycles, and in the last ones always."""
    control, rng = PingPongControl(config), dice((config, share))
    stages = config.schedule.stages

    async def bench(ctx: Any) -> None:
        way, due = [Beat()] * (stages - 2), [False] * (stages + 2)
        completed = taken = 0
        offered, beat = False, Beat()
        await ctx.tick()  # what enables has no value in reset
        for cycle in range(CYCLES):
            flush = cycle > CYCLES - 40
            ready = flush or rng.random() < share
            ctx.set(control.beat, beat._asdict())
            ctx.set(control.ready, not ready)
            early = ctx.get(control.valid)
            ctx.set(control.ready, ready)
            assert ctx.get(control.valid) == early, "valid depends on ready"
            valid, moves = ctx.get(control.valid), ctx.get(control.enable)
            assert moves or not beat.valid
            assert valid or not offered, "an offer was withdrawn"
            found = ctx.get(control.pe.beat)
            assert Beat(found.valid, found.first_word, found.ends) == [beat, *way][-1], cycle
            assert ctx.get(control.pe.ready) == ready
            if share == 1:
                assert moves
                assert valid == due.pop(), cycle
                due.insert(0, bool(beat.ends))
            if moves and way:
                way = [beat, *way[:-1]]
            completed += beat.ends
            taken += valid and ready
            assert taken <= completed
            offered = valid and not ready
            enable_next = ctx.get(control.enable_next)
            await ctx.tick()
            assert ctx.get(control.enable) == enable_next
            beat = random_beat(rng) if enable_next and not flush else Beat()
        assert taken == completed > CYCLES // 20

    simulate(control, bench)


@pytest.mark.parametrize("share", [0.2, 0.7, 1])
@pytest.mark.parametrize("config", CONFIGS, ids=["two stages more", "longer"])
def test_every_sum_is_offered_once(config: ArrayConfig, share: float) -> None:
    check(config, share)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(CONFIGS[1], 0.2)
