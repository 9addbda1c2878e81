"""The activation memory: what was written is read behind both ports, lane by lane, and port b's word stays."""

from dataclasses import replace
from typing import Any

import pytest

from hw.engine.latency import MEMORY_CYCLES
from hw.engine.memory import ActivationMemory
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES
from verif.hw.faults import driven

DEPTH = 20
FAULTS = {
    "the word of port b changes": driven(ActivationMemory, "b_held", lambda was, at: at.b_word),
    "read a cycle late": driven(ActivationMemory, "a_entry", lambda was, at: at.a_entry),
    "one lane too many is written": driven(ActivationMemory, "b_writes_1", lambda was, at: was | was << 1),
}


def check(ports: int) -> None:
    """Random reads and writes. With one port, port b is used where port a is not."""
    memory: Any = ActivationMemory(replace(CONFIG, memory_words=DEPTH, memory_ports=ports))
    rng = dice(ports)

    async def bench(ctx: Any) -> None:
        words = [[0] * LANES for _ in range(DEPTH)]
        due: dict[int, int] = {}
        kept: dict[int, int] = {}
        for cycle in range(500):
            read, other = rng.random() < 0.5, rng.random()
            entry, target = rng.randrange(DEPTH), rng.randrange(DEPTH)
            used = not read or (ports == 2 and entry != target)
            lanes = rng.randrange(1, 1 << LANES) if used and other < 0.6 else 0
            asked = used and other > 0.7
            codes = [rng.randrange(256) for _ in range(LANES)]
            for name, value in (("a_read", read), ("a_address", entry), ("b_address", target), ("b_read", asked)):
                ctx.set(getattr(memory, name), value)
            ctx.set(memory.b_write, lanes)
            ctx.set(memory.b_data, packed(codes, 8))
            if read:
                due[cycle + MEMORY_CYCLES] = packed(words[entry], 8)
            if asked:
                kept[cycle + MEMORY_CYCLES] = packed(words[target], 8)
            words[target] = [codes[n] if lanes >> n & 1 else code for n, code in enumerate(words[target])]
            if cycle in due:
                assert ctx.get(memory.a_word) == due[cycle]
            last = max((at for at in kept if at <= cycle), default=None)
            if last is not None:
                assert ctx.get(memory.b_word) == kept[last]
            await ctx.tick()

    simulate(memory, bench)


@pytest.mark.parametrize("ports", [1, 2])
def test_words_are_those_that_were_written(ports: int) -> None:
    check(ports)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(2)
