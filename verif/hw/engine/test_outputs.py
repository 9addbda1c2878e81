"""The output port: codes become bus words, none is lost however long the consumer pauses."""

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from hw.engine.config import EngineConfig
from hw.engine.latency import ADDRESS_CYCLES, MEMORY_CYCLES
from hw.engine.outputs import Outputs
from sw_ref.format import StlqFormat
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

ONE_CODE = EngineConfig(
    array=replace(CONFIG.array, format=StlqFormat(act_bits=12, act_signed=False)), requant_lanes=2, bus_bits=16
)
TENSORS = (1, 2, 3, 4, 5, 8, 9, 161)
DELAY = ADDRESS_CYCLES + MEMORY_CYCLES  # from the request of a code to the code
FAULTS = {
    "always room": driven(Outputs, "room", lambda was, at: 1),
    "places forgotten": driven(Outputs, "kept", lambda was, at: 0),
    "idle too early": driven(Outputs, "idle", lambda was, at: ~at.outputs__valid),
    "last word not filled up": driven(Outputs, "word", lambda was, at: was | at.word),
    "last with another word": driven(Outputs, "whole_last", lambda was, at: at.whole_last ^ at.valid),
}


def check(config: EngineConfig, share: float) -> None:
    """The consumer takes a word in `share` of the cycles; where it never pauses, there is always room."""
    port: Any = Outputs(config)
    rng = dice((config.bus_bits, share))
    limit, bits = 1 << config.code_bits, config.transfer_bits
    tensors = [[rng.randrange(limit) for _ in range(size)] for size in TENSORS]
    count = config.codes_per_transfer
    work = deque((code, at == len(codes) - 1, at % count == 0) for codes in tensors for at, code in enumerate(codes))
    expected = []
    for codes in tensors:
        parts = [codes[at : at + count] for at in range(0, len(codes), count)]
        words = [sum(code << bits * index for index, code in enumerate(part)) for part in parts]
        expected += [(word, at == len(words) - 1) for at, word in enumerate(words)]

    async def bench(ctx: Any) -> None:
        way: deque[tuple[int, bool, bool] | None] = deque([None] * DELAY)
        inside = 0  # bus words of which a code was asked for, and that have not left
        for cycle in range(round(4 * len(work) / share)):
            assert ctx.get(port.idle) == (inside == 0)
            issue = bool(work) and bool(ctx.get(port.room)) and (share == 1 or rng.random() < 0.9)
            assert ctx.get(port.room) or share < 1 or not cycle
            asked = work.popleft() if issue else None
            way.append(asked)
            ctx.set(port.issue, issue)
            ctx.set(port.issue_last, bool(asked and asked[1]))
            inside += bool(asked and asked[2])
            arrived = way.popleft()
            ctx.set(port.valid, arrived is not None)
            ctx.set(port.code, arrived[0] if arrived else rng.randrange(limit))
            ctx.set(port.last, bool(arrived and arrived[1]))
            ready = rng.random() < share
            ctx.set(port.outputs.ready, ready)
            if ready and ctx.get(port.outputs.valid):
                assert expected, "a word more than there are"
                payload = ctx.get(port.outputs.payload)
                assert (payload.codes, payload.last) == expected.pop(0)
                inside -= 1
            await ctx.tick()
        assert (len(work), expected, ctx.get(port.idle)) == (0, [], 1)

    simulate(port, bench)


@pytest.mark.parametrize("share", [0.1, 0.6, 1])
@pytest.mark.parametrize("bus_bits", [16, 32])
def test_words_hold_the_codes(bus_bits: int, share: float) -> None:
    check(replace(CONFIG, bus_bits=bus_bits), share)


def test_a_word_of_one_code_leaves_in_each_cycle() -> None:
    check(ONE_CODE, 1)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(CONFIG, 0.1)
