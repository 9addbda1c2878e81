"""Control, cycle by cycle: beats come on time, sums are offered until taken, nothing moves while two sums wait."""

from typing import Any

import pytest

from hw.array import control as controls
from hw.array.control import Control
from hw.config import ArrayConfig
from verif.hw.array.bench import Beat, dice, random_beat, simulate
from verif.hw.faults import Fault, driven

CYCLES = 250
FAULTS = {
    "valid falls": driven(Control, "valid", lambda was, at: at.ends),
    "sums repeated": driven(Control, "valid", lambda was, at: was | at.valid),
    "bubble in a stall": driven(Control, "pe__bubble", lambda was, at: ~at.beat0[0]),
    "never stalled": driven(Control, "enable", lambda was, at: 1),
    "beat lost": Fault(controls, "delay_beat", lambda right, *args: [*(beats := right(*args))[:-1], beats[-2]]),
    "beat in a stall": driven(Control, "pe__beat_next", lambda was, at: at.beat0),
}


class SumsModel:
    """How many complete sums the consumer has not taken yet: one is offered, and one may wait behind it."""

    def __init__(self, stages: int):
        self.way = [Beat()] * stages
        self.outstanding = 0

    @property
    def enable(self) -> bool:
        return self.outstanding < 2

    def step(self, beat: Beat, *, ready: bool) -> Beat:
        """One cycle; returns the beat whose operand is accumulated in it."""
        now = Beat()
        if self.enable:
            self.way.insert(0, beat)
            now = self.way.pop()
        self.outstanding += now.ends - (ready and self.outstanding > 0)
        return now

    def bubble(self, beat: Beat) -> bool:
        """Whether what enters the operand's last registers in this cycle is no beat, if `beat` enters the pipeline."""
        return bool(self.way) and self.enable and not [beat, *self.way][-2].valid

    def next(self, following: Beat) -> Beat:
        """The beat whose operand is accumulated in the next cycle, if `following` enters then."""
        return [following, *self.way][-1] if self.enable else Beat()


def check(stages: int) -> None:
    config = ArrayConfig(pe=1, lanes=1 << max(stages - 1, 0), pipeline=3 if stages else 0, choices=1)
    assert config.schedule.stages == stages
    control, model, rng = Control(config), SumsModel(stages), dice(stages)

    async def bench(ctx: Any) -> None:
        beat = Beat()
        for cycle in range(CYCLES):
            ready = rng.random() < (0.3, 0.9, 1)[cycle * 3 // CYCLES]
            ctx.set(control.beat, beat._asdict())
            ctx.set(control.ready, ready)
            assert ctx.get(control.valid) == ctx.get(control.pe.valid) == (model.outstanding > 0), cycle
            assert ctx.get(control.enable) == model.enable, cycle
            assert ctx.get(control.pe.bubble) == model.bubble(beat), cycle
            model.step(beat, ready=ready)
            assert ctx.get(control.enable_next) == ctx.get(control.pe.enable_next) == model.enable, cycle
            # While nothing moves, the inputs hand nothing over.
            beat = random_beat(rng) if model.enable else Beat()
            ctx.set(control.beat_next, beat._asdict())
            wanted, found = model.next(beat), ctx.get(control.pe.beat_next)
            assert (found.valid, found.ends) == (wanted.valid, wanted.ends), cycle
            assert not wanted.valid or found.first_word == wanted.first_word, cycle
            await ctx.tick()

    simulate(control, bench)


@pytest.mark.parametrize("stages", [0, 1, 2, 4])
def test_every_cycle_is_as_the_model_says(stages: int) -> None:
    check(stages)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(2)
