"""AXI in tests: a host on AXI4-Lite, and a memory that watches the rules of AXI4 masters."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from verif.hw.bus.bench import Memory

OKAY, SLVERR = 0, 2
PAGE = 4096


class AxiHost:
    """Reads and writes registers; `late`: cycles from the address of a write to its data, or before it if negative."""

    def __init__(self, bus: Any, late: int):
        self._bus, self._late = bus, late

    async def read(self, ctx: Any, address: int) -> int | None:
        """The register, or None for an error response."""
        bus = self._bus
        ctx.set(bus.araddr, address)
        await self._send(ctx, {"ar": 0})
        while not ctx.get(bus.rvalid):
            await ctx.tick()
        ctx.set(bus.rready, 1)
        value, response = ctx.get(bus.rdata), ctx.get(bus.rresp)
        await ctx.tick()
        ctx.set(bus.rready, 0)
        return value if response == OKAY else None

    async def write(self, ctx: Any, address: int, value: int, sel: int = 15) -> bool:
        """Whether the response is no error."""
        bus = self._bus
        for name, now in (("awaddr", address), ("wdata", value), ("wstrb", sel)):
            ctx.set(getattr(bus, name), now)
        await self._send(ctx, {"aw": max(0, -self._late), "w": max(0, self._late)})
        while not ctx.get(bus.bvalid):
            await ctx.tick()
        ctx.set(bus.bready, 1)
        response = ctx.get(bus.bresp)
        await ctx.tick()
        ctx.set(bus.bready, 0)
        assert not ctx.get(bus.bvalid)
        return response == OKAY

    async def _send(self, ctx: Any, channels: dict[str, int]) -> None:
        """Offer on each channel after so many cycles, until all are taken."""
        for cycle in range(40):
            for name, wait in channels.items():
                ctx.set(getattr(self._bus, f"{name}valid"), cycle >= wait)
            taken = [
                name for name, wait in channels.items() if cycle >= wait and ctx.get(getattr(self._bus, f"{name}ready"))
            ]
            await ctx.tick()
            for name in taken:
                ctx.set(getattr(self._bus, f"{name}valid"), 0)
            channels = {name: wait for name, wait in channels.items() if name not in taken}
            if not channels:
                return
        raise AssertionError("not taken")


@dataclass
class Burst:
    """What was asked for; `due`: cycles until it is answered."""

    identifier: int
    address: int
    words: int
    due: int


class AxiMemory:
    """Serves a master; answers with different identifiers come in any order, also word by word.

    Raises ``AssertionError`` if an offer changes or is withdrawn, if a burst crosses 4 KiB or is none of the kind that
    it should be, or if the words of a burst are not as many as it says.
    """

    def __init__(self, memory: Memory):
        self.memory = memory
        self._reads: dict[int, deque[Burst]] = {0: deque(), 1: deque()}
        self._writes: deque[Burst] = deque()
        self._words: deque[tuple[int, bool]] = deque()
        self._held: dict[str, Any] = {}

    async def serve(self, ctx: Any, top: Any) -> None:
        """For ever."""
        bus, memory = top.memory, self.memory
        while True:
            if memory.forgets:
                for kept in (*self._reads.values(), self._writes, self._words, self._held):
                    kept.clear()
            self._requests(ctx, bus)
            self._answers(ctx, bus)
            memory.pending = sum(map(len, self._reads.values())) + len(self._writes)
            await ctx.tick()

    def _requests(self, ctx: Any, bus: Any) -> None:
        for kind in ("ar", "aw"):
            taken = self._offer(ctx, bus, kind, ("addr", "len", "size", "burst", "id"))
            if taken:
                burst = self._burst(len(bus.wdata), taken)
                (self._writes if kind == "aw" else self._reads[burst.identifier]).append(burst)
        taken = self._offer(ctx, bus, "w", ("data", "strb", "last"))
        if taken:
            assert taken["strb"] == (1 << len(bus.wstrb)) - 1
            self._words.append((taken["data"], bool(taken["last"])))

    def _offer(self, ctx: Any, bus: Any, kind: str, names: tuple[str, ...]) -> dict[str, int] | None:
        """What is taken of a channel in this cycle."""
        ready = self.memory.rng.random() >= self.memory.pauses
        ctx.set(getattr(bus, f"{kind}ready"), ready)
        offered = {name: ctx.get(getattr(bus, f"{kind}{name}")) for name in names}
        valid = ctx.get(getattr(bus, f"{kind}valid"))
        held = self._held.pop(kind, None)
        assert held is None or (valid and offered == held), f"an offer on {kind} changed"
        if valid and not ready:
            self._held[kind] = offered
        return offered if valid and ready else None

    def _burst(self, width: int, offered: dict[str, int]) -> Burst:
        size = (offered["len"] + 1) * self.memory.size
        address = offered["addr"]
        assert (offered["burst"], 8 << offered["size"]) == (1, width)
        assert address % self.memory.size == 0
        assert address // PAGE == (address + size - 1) // PAGE, "a burst crosses 4 KiB"
        return Burst(offered["id"], address, offered["len"] + 1, self.memory.rng.choice(self.memory.latencies))

    def _answers(self, ctx: Any, bus: Any) -> None:
        memory, rng = self.memory, self.memory.rng
        for burst in (*self._writes, *self._reads[0], *self._reads[1]):
            burst.due -= 1
        ready = [bursts for bursts in self._reads.values() if bursts and bursts[0].due < 0]
        valid = bool(ready) and rng.random() >= memory.pauses
        ctx.set(bus.rvalid, valid)
        ctx.set(bus.rdata, rng.getrandbits(8 * memory.size))
        if valid:
            bursts = rng.choice(ready)
            burst = bursts[0]
            word, good = memory.read(burst.address)
            burst.address, burst.words = burst.address + memory.size, burst.words - 1
            last = burst.words == 0
            answer = {"data": word, "resp": OKAY if good else SLVERR, "id": burst.identifier, "last": last}
            for name, value in answer.items():
                ctx.set(getattr(bus, f"r{name}"), value)
            assert ctx.get(bus.rready)
            if last:
                bursts.popleft()
        self._write(ctx, bus)

    def _write(self, ctx: Any, bus: Any) -> None:
        """The oldest write is done when all its words have come."""
        ctx.set(bus.bvalid, 0)
        if not self._writes or len(self._words) < self._writes[0].words or self._writes[0].due >= 0:
            return
        burst = self._writes.popleft()
        good = True
        for at in range(burst.words):
            word, last = self._words.popleft()
            assert last == (at == burst.words - 1), "the wrong word is the last one"
            good &= self.memory.write(burst.address + self.memory.size * at, word)
        ctx.set(bus.bvalid, 1)
        ctx.set(bus.bresp, OKAY if good else SLVERR)
        assert ctx.get(bus.bready)
