"""A host, its memory and a top around the small engine: what the tests of tops do with them."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from hw.bus.registers import CONTROL, Range, RunError
from hw.engine.encoding import Error
from verif.hw.array.bench import dice
from verif.hw.bus.bench import STOP, Memory, set_ranges, simulate, start, until_done
from verif.hw.bus.kits import Kit
from verif.hw.bus.stub import stub_outputs, stub_program

Ranges = dict[Range, tuple[int, int]]
"""Address and length in bytes of each range."""


class Task:
    """A run's words in memory, its ranges side by side: a word too many on either side is seen."""

    def __init__(self, memory: Memory, sizes: tuple[int, int, int], base: int):
        self.memory, self.sizes, self.base = memory, sizes, base
        at, self.ranges = base, Ranges()
        for which, size in zip(Range, sizes, strict=True):
            self.ranges[which] = (at, 4 * size)
            at += 4 * size
        self.inputs = [memory.rng.getrandbits(32) for _ in range(sizes[Range.INPUTS])]
        for kept in (memory.words, memory.reads, memory.writes):
            kept.clear()
        memory.fill(self.ranges[Range.PROGRAM][0], stub_program(memory.rng, *sizes))
        memory.fill(self.ranges[Range.INPUTS][0], self.inputs)

    def check(self) -> None:
        """All was read once, and all outputs are written once and right."""
        program, inputs, outputs = self.sizes
        address = self.ranges[Range.OUTPUTS][0]
        assert self.memory.pending == 0
        assert self.memory.get(address, outputs) == stub_outputs(self.inputs, outputs)
        assert sorted(self.memory.writes) == [address + 4 * at for at in range(outputs)]
        assert sorted(self.memory.reads) == [self.base + 4 * at for at in range(program + inputs)]


class Session:
    """`host` may be replaced, and the memory's behaviour changed, between runs."""

    def __init__(self, ctx: Any, top: Any, reset: Any, kit: Kit, memory: Memory):
        self.ctx, self.top, self.kit, self.memory, self._reset = ctx, top, kit, memory, reset
        self.host = kit.host(top.registers, 0)

    def behave(self, seed: object, variant: int = 0, **memory: Any) -> random.Random:
        """From here on chance begins with a seed; other properties of the memory, and another kind of host."""
        self.memory.rng = dice(seed)
        for name, value in memory.items():
            setattr(self.memory, name, value)
        self.host = self.kit.host(self.top.registers, variant)
        return self.memory.rng

    async def begin(self, ranges: Ranges, also: int = 0) -> None:
        """Set the ranges and start."""
        await set_ranges(self.ctx, self.host, ranges)
        await start(self.ctx, self.host, also)

    async def run(self, sizes: tuple[int, int, int], base: int) -> Task:
        """Begin a task."""
        task = Task(self.memory, sizes, base)
        await self.begin(task.ranges)
        return task

    async def stop(self) -> None:
        """Ask for the end of the run."""
        assert await self.host.write(self.ctx, CONTROL.address, STOP)

    async def reset(self) -> None:
        """Reset the top, and let the memory forget what was asked for."""
        for value in (1, 0):
            self.ctx.set(self._reset, value)
            self.memory.forgets = bool(value)
            if value:
                await self.idle(2)

    async def idle(self, cycles: int) -> None:
        """Let cycles pass."""
        await self.ctx.tick().repeat(cycles)

    async def quiet(self, cycles: int) -> None:
        """Let cycles pass in which nothing is read or written."""
        was = len(self.memory.reads), len(self.memory.writes)
        await self.idle(cycles)
        assert (len(self.memory.reads), len(self.memory.writes)) == was

    async def ends(self, error: RunError = RunError.NONE, engine: Error = Error.NONE) -> None:
        """The run ends so."""
        expected = {"busy": 0, "done": 1, "error": error, "engine_error": engine}
        assert await until_done(self.ctx, self.host) == expected

    async def recovers(self) -> None:
        """After anything a good run is good."""
        good = await self.run((5, 6, 7), 0x400)
        await self.ends()
        good.check()


def on(kit: Kit, bench: Callable[[Session], Awaitable[None]], **memory: Any) -> None:
    """Run a bench on a kit's top, with a memory of some behaviour; after its end nothing happens any more."""

    async def whole(ctx: Any, top: Any, reset: Any) -> None:
        session = Session(ctx, top, reset, kit, kept)
        await bench(session)
        await session.quiet(60)

    kept = Memory(rng=dice(bench.__qualname__), **memory)
    simulate(kit.config, kit.serve(kept), whole)
