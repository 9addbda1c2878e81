"""Wishbone in tests: a host, and a memory that watches the rules of pipelined masters."""

from collections import deque
from typing import Any

from verif.hw.bus.bench import Memory

RESPONSES = ("ack", "err")


class WishboneHost:
    """Reads and writes registers; `classic`: holds a request until its answer."""

    def __init__(self, bus: Any, classic: bool):
        self._bus, self._classic = bus, classic

    async def read(self, ctx: Any, address: int) -> int | None:
        """The register, or None for an error response."""
        return await self._access(ctx, address, 0, 15, we=0)

    async def write(self, ctx: Any, address: int, value: int, sel: int = 15) -> bool:
        """Whether the response is no error."""
        return await self._access(ctx, address, value, sel, we=1) is not None

    async def _access(self, ctx: Any, address: int, value: int, sel: int, *, we: int) -> int | None:
        bus, asked = self._bus, False
        ctx.set(bus.cyc, 1)
        for name, now in (("adr", address // 4), ("dat_w", value), ("sel", sel), ("we", we)):
            ctx.set(getattr(bus, name), now)
        for _ in range(10):
            ctx.set(bus.stb, self._classic or not asked)
            answers = [ctx.get(getattr(bus, name)) for name in RESPONSES]
            if any(answers):
                assert asked
                found = ctx.get(bus.dat_r)
                await ctx.tick()
                ctx.set(bus.stb, 0)
                ctx.set(bus.cyc, 0)
                return None if answers[1] else found
            asked = asked or not ctx.get(bus.stall)
            await ctx.tick()
        raise AssertionError("no answer")


class WishboneMemory:
    """Serves a pipelined master in order.

    Raises ``AssertionError`` if a request changes while it is stalled, if the direction changes within a cycle of the
    bus, if a cycle ends before all its answers came, or if not all bytes of a word are selected.
    """

    def __init__(self, memory: Memory):
        self.memory = memory

    async def serve(self, ctx: Any, top: Any) -> None:
        """For ever."""
        bus, memory, rng = top.memory, self.memory, self.memory.rng
        pending: deque[tuple[int, int, bool]] = deque()  # due in, word, good
        held: tuple[int, ...] | None = None
        direction: int | None = None
        while True:
            if memory.forgets:
                pending.clear()
                held = direction = None
            stall = rng.random() < memory.pauses
            ctx.set(bus.stall, stall)
            cyc, stb, we = (ctx.get(getattr(bus, name)) for name in ("cyc", "stb", "we"))
            request = (we, ctx.get(bus.adr), ctx.get(bus.dat_w) if we else 0)
            assert cyc or not (stb or pending), "a bus cycle ended early"
            assert held is None or (stb and request == held), "a stalled request changed"
            assert not cyc or direction in (None, we), "the direction changed"
            direction, held = we if cyc else None, request if stb and stall else None
            if stb and not stall:
                assert ctx.get(bus.sel) == (1 << len(bus.sel)) - 1
                address = memory.size * request[1]
                word, good = memory.read(address) if not we else (0, memory.write(address, request[2]))
                pending.append((rng.choice(memory.latencies), word, good))
            due = pending.popleft() if pending and pending[0][0] <= 0 else None
            ctx.set(bus.ack, due is not None and due[2])
            ctx.set(bus.err, due is not None and not due[2])
            ctx.set(bus.dat_r, due[1] if due else rng.getrandbits(8 * memory.size))
            memory.pending = len(pending)
            pending = deque((wait - 1, word, good) for wait, word, good in pending)
            await ctx.tick()
