"""Transfers: input codes and constant codes to the memory, codes of the memory to the output, each in its cycle."""

from typing import Any

import pytest

from hw.engine.encoding import Kind
from hw.engine.latency import ADDRESS_CYCLES, MEMORY_CYCLES
from hw.engine.transfers import Transfers
from verif.hw.array.bench import dice, packed, simulate
from verif.hw.engine.bench import CONFIG, LANES, kept
from verif.hw.faults import driven

PER_WORD = CONFIG.codes_per_transfer
CODES = 21  # one more than whole bus words: the next tensor shows whether the last one was counted
FAULTS = {
    "writes the next lane": driven(Transfers, "write", lambda was, at: was.rotate_left(1)),
    "writes one cycle too long": driven(Transfers, "own_1", lambda was, at: was | at.own_1),
    "lanes in reverse": driven(Transfers, "lane_late1", lambda was, at: ~was),
    "fills one lane": driven(Transfers, "whole_1", lambda was, at: 0),
    "a word of the output early": driven(Transfers, "shown_1", lambda was, at: at.shows_1),
    "stays at the first code": driven(Transfers, "codes_late0", lambda was, at: at.job[:1]),
    "writes one lane of a pair": driven(Transfers, "own_1", lambda was, at: was[:1]),
}


class Elements:
    """Elements at random, whose lanes come `ADDRESS_CYCLES` later, and whose chunks `MEMORY_CYCLES` after that."""

    def __init__(self, device: Any, rng: Any, codes: list[int], each: int):
        self.device, self.rng, self.codes, self.each = device, rng, codes, each
        self.at = 0
        self.lanes = [rng.randrange(0, LANES, each) for _ in codes[::each]]
        self.due: list[int] = []  # cycles in which elements were due
        self.written: list[tuple[int, int, list[int]]] = []  # cycle, lanes, codes of even and odd ones
        self.words: list[int] = []
        self.stored: list[list[int]] = []  # codes to store, [-1] for that of a fill, none in other cycles
        self.chunk = 0  # that was asked for
        self.fills = self.stores = 0  # a cycle ago

    async def run(self, ctx: Any, kind: Kind, *, until: int) -> None:
        device = self.device
        ctx.set(device.job, {"kind": kind, "last": 1, "pairs": self.each == 2})
        for cycle in range(until):
            ready = {Kind.INPUT: ctx.get(device.code_valid), Kind.OUTPUT: ctx.get(device.output_room)}.get(kind, 1)
            issue = self.at < len(self.lanes) and ready and self.rng.random() < 0.7
            ctx.set(device.issue, issue)
            ctx.set(device.ends, self.at == len(self.lanes) - 1)
            self._memory(ctx, cycle, kind)
            if ctx.get(device.write):
                self.written.append((cycle, ctx.get(device.write), self.stored[-CONFIG.store_cycles]))
            stored = [*divmod(ctx.get(device.codes), 256)][::-1] if self.stores else []
            self.stored.append([-1] if self.fills else stored)
            self.fills, self.stores = ctx.get(device.fill), ctx.get(device.store)
            if issue:
                self.due.append(cycle)
                self.at += 1
            await self._ports(ctx)

    def _memory(self, ctx: Any, cycle: int, kind: Kind) -> None:
        """Lane and chunk of the elements whose turn it is; otherwise they may be anything."""
        device, lanes = self.device, CONFIG.requant_lanes
        lane, codes = self.rng.randrange(LANES), [self.rng.randrange(256) for _ in range(lanes)]
        if cycle - ADDRESS_CYCLES in self.due:
            lane = self.lanes[self.due.index(cycle - ADDRESS_CYCLES)]
        if cycle - ADDRESS_CYCLES - MEMORY_CYCLES in self.due:
            at = self.due.index(cycle - ADDRESS_CYCLES - MEMORY_CYCLES)
            others = [self.rng.randrange(256) for _ in range(LANES)]
            word = [self.codes[at] if n == self.lanes[at] else c for n, c in enumerate(others)]
            codes = word[self.chunk * lanes :][:lanes]
        ctx.set(device.lane, lane)
        ctx.set(device.shown_codes, packed(kept(codes), 8))
        self.chunk = ctx.get(device.shown)
        assert ctx.get(device.read) == (kind == Kind.OUTPUT and cycle - ADDRESS_CYCLES in self.due)
        shows = cycle - ADDRESS_CYCLES - MEMORY_CYCLES + 1 in self.due
        assert ctx.get(device.shows) == (kind == Kind.OUTPUT and shows)

    async def _ports(self, ctx: Any) -> None:
        """A bus word at random to the inputs, if there are any left; one from the outputs."""
        device = self.device
        ready = self.rng.random() < 0.5
        ctx.set(device.outputs.ready, ready)
        if ready and ctx.get(device.outputs.valid):
            self.words.append(ctx.get(device.outputs.payload).codes)
            assert ctx.get(device.outputs.payload).last == (len(self.words) == -(-CODES // PER_WORD))
        sent = getattr(self, "sent", 0)
        valid = sent < len(self.codes) and self.rng.random() < 0.8
        ctx.set(device.inputs.valid, valid)
        ctx.set(device.inputs.payload, packed(self.codes[sent : sent + PER_WORD], 8))
        self.sent = sent + PER_WORD * (valid and ctx.get(device.inputs.ready))
        await ctx.tick()


async def transfer(ctx: Any, elements: Elements, kind: Kind, each: int) -> None:
    """Check what comes of a job."""
    codes = elements.codes
    await elements.run(ctx, kind, until=200)
    assert elements.at == CODES // each
    assert ctx.get(elements.device.idle)
    if kind == Kind.OUTPUT:
        assert not elements.written
        assert elements.words == [packed(codes[at : at + PER_WORD], 8) for at in range(0, CODES, PER_WORD)]
        return
    assert not elements.words
    cycles = [cycle + ADDRESS_CYCLES for cycle in elements.due]
    lanes = [(1 << LANES) - 1 if kind == Kind.FILL else ((1 << each) - 1) << lane for lane in elements.lanes]
    expected = [(codes[at : at + each] * 2)[:2] for at in range(0, len(codes), each)]
    if kind == Kind.FILL:
        expected = [[-1]] * CODES
    assert elements.written == list(zip(cycles, lanes, expected, strict=True))


def check(kind: Kind, each: int) -> None:
    device: Any = Transfers(CONFIG)
    rng = dice((kind, each))
    codes = [rng.randrange(256) for _ in range(CODES - CODES % each)]

    async def bench(ctx: Any) -> None:
        # What is left of the first job's last bus word is dropped.
        for _ in range(2):
            await transfer(ctx, Elements(device, rng, codes, each), kind, each)

    simulate(device, bench)


KINDS = [(Kind.INPUT, 1), (Kind.INPUT, 2), (Kind.OUTPUT, 1), (Kind.FILL, 1)]


def check_all() -> None:
    for kind, each in KINDS:
        check(kind, each)


@pytest.mark.parametrize(("kind", "each"), KINDS)
def test_each_code_arrives(kind: Kind, each: int) -> None:
    check(kind, each)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check_all()
