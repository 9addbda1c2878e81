"""The weight buffer: the flags and the words of each beat, on time, while the other half is filled."""

from typing import Any

import pytest

from hw.engine.latency import FLAG_CYCLES, FRONT_CYCLES
from hw.engine.weights import WeightBuffer
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG, cycles
from verif.hw.faults import driven

BEATS, SLOTS = CONFIG.group_beats, CONFIG.beat_slots
FAULTS = {
    "flags a cycle early": driven(WeightBuffer, "flags_1", lambda was, at: at.two_word_in),
    "words a cycle early": driven(WeightBuffer, f"entry_{FRONT_CYCLES - 2}", lambda was, at: at.entry_3),
    "flags exchanged": driven(WeightBuffer, "two_word", lambda was, at: at.last),
}


def check() -> None:
    buffer: Any = WeightBuffer(CONFIG)
    rng = dice("weights")

    async def bench(ctx: Any) -> None:
        async def fill(half: int) -> list[tuple[int, int]]:
            """Flags and words of a half's beats; what is read meanwhile comes in the cycle in which it should."""
            beats = [(rng.randrange(4), rng.getrandbits(CONFIG.beat_bits)) for _ in range(BEATS)]
            for index, (flags, words) in enumerate(beats):
                for slot in range(SLOTS):
                    ctx.set(buffer.fill.target, half * BEATS + index)
                    ctx.set(buffer.fill.slot, 1 << slot)
                    ctx.set(buffer.fill.word, words >> slot * CONFIG.bus_bits & ((1 << CONFIG.bus_bits) - 1))
                    # The flags count with the first slot alone.
                    now = flags if not slot else rng.randrange(4)
                    ctx.set(buffer.two_word_in, now & 1)
                    ctx.set(buffer.last_in, now >> 1)
                    await read()
            ctx.set(buffer.fill.slot, 0)
            return beats

        async def read() -> None:
            nonlocal cycle
            entry = rng.randrange(BEATS)
            asked = bool(here) and rng.random() < 0.7
            ctx.set(buffer.read, asked)
            ctx.set(buffer.entry, half * BEATS + entry)
            if asked:
                flags_due[cycle + FLAG_CYCLES], words_due[cycle + FRONT_CYCLES] = here[entry]
            if cycle in flags_due:
                assert ctx.get(buffer.two_word) | ctx.get(buffer.last) << 1 == flags_due[cycle]
            if cycle in words_due:
                assert ctx.get(buffer.words) == words_due[cycle]
            await ctx.tick()
            cycle += 1

        cycle = half = 0
        flags_due: dict[int, int] = {}
        words_due: dict[int, int] = {}
        here: list[tuple[int, int]] = []
        for turn in range(4):
            here, half = await fill(turn % 2), turn % 2
        await cycles(ctx, 1)
        assert len(words_due) > BEATS

    simulate(buffer, bench)


def test_each_beat_has_its_flags_and_its_words() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
