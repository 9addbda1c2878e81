"""The sequencer of two accumulators, which here are Python's: each value is added once, each sum offered once."""

from typing import Any

import pytest

from hw.array.ping_pong import PingPong
from verif.hw.array.bench import dice, simulate
from verif.hw.faults import driven

CYCLES = 300
FAULTS = {
    "added while it waits": driven(PingPong, "add", lambda was, at: was | (~was.any() << at.turn)),
    "added to both": driven(PingPong, "add", lambda was, at: was.any().replicate(2)),
    "cleared too early": driven(PingPong, "move", lambda was, at: at.ended),
    "never the other one": driven(PingPong, "turn", lambda was, at: 0),
    "read from one": driven(PingPong, "read", lambda was, at: 0),
    "kept sum forgotten": driven(PingPong, "done", lambda was, at: at.ended),
    "never stalled": driven(PingPong, "enable", lambda was, at: 1),
}


def check(name: str = "", *, share: float = 0.5) -> None:
    """Random ends and a consumer that is ready in `share` of the cycles; in the end all sums must have come."""
    part, rng = PingPong("any"), dice(f"{name}{share}")

    async def bench(ctx: Any) -> None:
        accumulators, registers = [0, 0], [0, 0]
        wanted: list[int] = []
        so_far = operand = 0
        value, ends = rng.randint(1, 99), False
        for cycle in range(CYCLES):
            ready = rng.random() < share or cycle > CYCLES - 20
            ctx.set(part.ends, ends)
            ctx.set(part.ready, ready)
            if ctx.get(part.valid):
                # The offer is the oldest sum that was not taken, in every cycle in which it is made.
                assert [registers[ctx.get(part.read)]] == wanted[:1], cycle
                wanted = wanted[ready:]
            add, move = ctx.get(part.add), ctx.get(part.move)
            for index in range(2):
                if move >> index & 1:
                    registers[index], accumulators[index] = accumulators[index], 0
                elif add >> index & 1:
                    accumulators[index] += operand
            moves = ctx.get(part.enable)
            if moves:
                operand, so_far = value, so_far + value
                if ends:
                    wanted.append(so_far)
                    so_far = 0
            enable_next = ctx.get(part.enable_next)
            await ctx.tick()
            assert ctx.get(part.enable) == enable_next
            assert share < 1 or enable_next, "a stall though every sum is taken"
            if moves:
                last = cycle > CYCLES - 20
                value, ends = (0, False) if last else (rng.randint(1, 99), rng.random() < 0.4)
        assert not wanted

    simulate(part, bench)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1])
def test_sums_come_in_order_and_once(share: float) -> None:
    check(share=share)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
