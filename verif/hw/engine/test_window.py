"""The window against lists of the words that each kernel row has read."""

from typing import Any

import pytest
from amaranth import Cat

from hw.engine.window import Window
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES
from verif.hw.faults import driven

ROWS = 3
BITS = CONFIG.code_bits
FAULTS = {
    "keeps words of other jobs": driven(Window, "word1", lambda was, at: at.word),
    "a column late": driven(Window, "acts", lambda was, at: Cat(at.word, was[len(at.word) + BITS :], was[-BITS:])),
    "the same for all PEs": driven(
        Window, "acts", lambda was, at: Cat(at.word, was[len(at.word) :][: 2 * BITS] * LANES)
    ),
    "on in all jobs": driven(
        Window,
        "acts",
        lambda was, at: Cat(at.word, *(w.word_select(p, BITS) for p in range(LANES) for w in (at.word3, at.word6))),
    ),
}


def check() -> None:
    """Jobs with and without a window, one behind the other; cycles without a read between them, and noise there."""
    device: Any = Window(CONFIG)
    rng = dice("window")
    assert len(device.acts) == 3 * LANES * BITS

    async def bench(ctx: Any) -> None:
        past: list[list[int]] = [[0] * LANES] * (2 * ROWS)
        for _ in range(12):
            on = rng.randrange(2)
            ctx.set(device.on, on)
            for _ in range(rng.randrange(20)):
                codes = [rng.randrange(1 << BITS) for _ in range(LANES)]
                read = rng.random() < 0.7
                ctx.set(device.word, packed(codes, BITS))
                ctx.set(device.read, read)
                columns = (past[ROWS - 1], past[2 * ROWS - 1])
                own = [
                    column[pe] if on else codes[(pe + age) % LANES]
                    for pe in range(LANES)
                    for age, column in enumerate(columns, 1)
                ]
                assert ctx.get(device.acts) == packed([*codes, *own], BITS)
                if read and on:
                    past = [codes, *past[:-1]]
                await ctx.tick()

    simulate(device, bench)


def test_each_pe_has_its_channel_of_three_columns() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
