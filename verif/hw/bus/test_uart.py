"""Serial lines: every byte, other clocks, breaks, and what is no start bit."""

from typing import Any

import pytest

from hw.bus.uart_receiver import FRAME, UartReceiver
from hw.bus.uart_transmitter import UartTransmitter
from verif.hw.array.bench import simulate

DATA = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7E, 0xC3]


class Listener:
    """What a receiver gave: bytes, and the cycles of breaks."""

    def __init__(self, receiver: UartReceiver) -> None:
        self._receiver = receiver
        self.got: list[int] = []
        self.broken: list[int] = []

    async def listen(self, ctx: Any) -> None:
        part = self._receiver
        cycle = 0
        async for _, _, data, valid, bad in ctx.tick().sample(part.data, part.valid, part.broken):
            self.got.extend([data] * valid)
            self.broken.extend([cycle] * bad)
            cycle += 1


def frame(byte: int, stop: int = 1) -> list[int]:
    """The bits of a byte in the order of the line."""
    return [0, *((byte >> bit) & 1 for bit in range(8)), stop]


@pytest.mark.parametrize(("divisor", "cycles"), [(4, 4.0), (5, 5.0), (16, 16.0), (16, 15.3), (16, 16.7)])
def test_the_receiver_reads_what_other_clocks_send(divisor: int, cycles: float) -> None:
    """Up to 4% too fast or too slow, frames one right behind the other."""
    receiver = UartReceiver(divisor)
    listener = Listener(receiver)

    async def send(ctx: Any) -> None:
        line = [1, 1, *(bit for byte in DATA for bit in frame(byte)), 1, 1]
        for cycle in range(int(len(line) * cycles)):
            ctx.set(receiver.rx, line[int(cycle / cycles)])
            await ctx.tick()

    simulate(receiver, send, listener.listen)
    assert (listener.got, listener.broken) == (DATA, [])


def test_a_break_is_told_until_its_end_and_a_glitch_not_at_all() -> None:
    receiver, divisor = UartReceiver(8), 8
    listener = Listener(receiver)

    async def send(ctx: Any) -> None:
        # A glitch of a quarter of a bit; a break of 30 bits; a byte.
        line = [1] * 8 + [0] * 2 + [1] * 30 + [0] * 30 * divisor + [1] * 2 * divisor
        for level in [*line, *(bit for bit in [*frame(0x5A), 1, 1] for _ in range(divisor))]:
            ctx.set(receiver.rx, level)
            await ctx.tick()

    simulate(receiver, send, listener.listen)
    assert listener.got == [0x5A]
    # From the middle of its tenth bit to its end, two registers and the part's own one later.
    begin = 8 + 2 + 30
    assert listener.broken == list(range(begin + 9 * divisor + divisor // 2 + 3, begin + 30 * divisor + 3))


@pytest.mark.parametrize("divisor", [4, 7])
def test_the_transmitter_sends_frames_without_gaps(divisor: int) -> None:
    transmitter = UartTransmitter(divisor)
    line = []

    async def watch(ctx: Any) -> None:
        async for _, _, tx in ctx.tick().sample(transmitter.tx):
            line.append(tx)

    async def feed(ctx: Any) -> None:
        for byte in DATA:
            ctx.set(transmitter.bytes.payload, byte)
            ctx.set(transmitter.bytes.valid, 1)
            while not ctx.get(transmitter.bytes.ready):
                await ctx.tick()
            await ctx.tick()
        ctx.set(transmitter.bytes.valid, 0)
        await ctx.tick().repeat((FRAME + 1) * divisor)

    simulate(transmitter, feed, watch)
    first = line.index(0)
    # One cycle between two bytes, in which the next one is taken.
    size = FRAME * divisor + 1
    for number, byte in enumerate(DATA):
        start = first + number * size
        assert line[start : start + size - 1] == [bit for bit in frame(byte) for _ in range(divisor)]
    assert set(line[first + len(DATA) * size :]) == {1}
