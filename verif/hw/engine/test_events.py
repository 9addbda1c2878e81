"""The event queue against a list: events in order, and whether all positions have left."""

from typing import Any

import pytest

from hw.engine.events import IN_FLIGHT, EventQueue
from verif.hw.array.bench import dice, simulate
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven

WAY = 3  # cycles until an event may be asked for
KINDS = ("pool", "x", "y", "group", "ends")
FAULTS = {
    "always drained": driven(EventQueue, "drained", lambda was, at: 1),
    "drained while an event enters": driven(EventQueue, "drained", lambda was, at: at.written == at.last),
    "does not see one that leaves as one enters": driven(
        EventQueue, "written", lambda was, at: was - (at.entering & at.leaves)
    ),
    "loses an event": driven(EventQueue, "entering", lambda was, at: was & (at.last != 5)),
    "an event twice": driven(EventQueue, "first", lambda was, at: was - (was == 9)),
}


def check() -> None:
    """Phases in which the queue fills up, and runs empty."""
    device: Any = EventQueue(CONFIG)
    rng = dice()
    queue: list[tuple[int, dict[str, int]]] = []
    entered = taken = left = 0

    async def bench(ctx: Any) -> None:
        nonlocal entered, taken, left
        fullest = empty = 0
        for cycle in range(400):
            filling = cycle // 100 % 2 == 0
            enter = len(queue) < IN_FLIGHT - 2 and rng.random() < (0.8 if filling else 0.1)
            ready = bool(queue) and queue[0][0] + WAY <= cycle
            take = ready and rng.random() < (0.2 if filling else 0.9)
            leaves = left < taken and rng.random() < 0.7
            event = dict.fromkeys(KINDS, 0) | {rng.choice(KINDS): 1, "half": rng.randrange(2)}
            ctx.set(device.event, event)
            ctx.set(device.enter, enter)
            ctx.set(device.take, take)
            ctx.set(device.leaves, leaves)
            assert ctx.get(device.drained) == (entered == left)
            empty += entered == left
            if ready:
                front = ctx.get(device.front)
                assert {name: getattr(front, name) for name in queue[0][1]} == queue[0][1]
            if take:
                queue.pop(0)
            taken, left = taken + take, left + leaves
            if enter:
                queue.append((cycle, event))
                entered += 1
            fullest = max(fullest, len(queue))
            await ctx.tick()
        assert fullest == IN_FLIGHT - 2
        assert empty > 10

    simulate(device, bench)


def test_events_come_in_order_and_that_all_have_left_is_known() -> None:
    check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check()
