"""Operand alignment against a naive list of beats: flags, residual words, one act for both, stalls on all sides."""

from dataclasses import dataclass
from typing import Any

import pytest
from amaranth import Mux

from hw.array.alignment import Alignment
from hw.baseline.config import BaselineConfig
from hw.config import ArrayConfig, BaseArrayConfig
from sw_ref.baseline import IntegerFormat
from verif.hw.array.bench import Beat, dice, simulate
from verif.hw.faults import driven

SMALL = ArrayConfig(pe=2, lanes=2, pixels=2)
INTEGERS = BaselineConfig(format=IntegerFormat(bits=4), pe=1, lanes=2)
TILES = 60
FAULTS = {
    "flag ignored": driven(Alignment, "two_word_next", lambda was, at: 0),
    "last of the residual beat": driven(
        Alignment, "last_next", lambda was, at: Mux(at.tiles__ready, at.tiles__payload[-1], at.last)
    ),
    "acts let go early": driven(Alignment, "acts_full_next", lambda was, at: at.accept_acts | at.acts_full & ~at.issue),
    "always ready": driven(Alignment, "tiles__ready", lambda was, at: 1),
    "issued unasked": driven(Alignment, "issue_next", lambda was, at: at.tile_full_next & at.acts_full_next),
    "slow": driven(Alignment, "tiles__ready", lambda was, at: was & ~at.accept_tile),
}


@dataclass
class Source:
    """Offers payloads, each until it is taken, in `share` of the cycles; noise otherwise."""

    stream: Any
    payloads: list[int]
    share: float
    offered: bool = False

    def offer(self, ctx: Any, rng: Any) -> None:
        self.offered = bool(self.payloads) and (self.offered or rng.random() < self.share)
        payload = self.stream.payload.as_value()
        ctx.set(self.stream.valid, self.offered)
        ctx.set(payload, self.payloads[0] if self.offered else rng.getrandbits(len(payload)))

    def take(self, ctx: Any) -> None:
        if self.offered and ctx.get(self.stream.ready):
            self.payloads = self.payloads[1:]
            self.offered = False


def beats_of(config: BaseArrayConfig, rng: Any) -> tuple[list[int], list[int], list[tuple[Beat, int, int]]]:
    """Payloads of both streams; and the beats that they make, with words and activations."""
    tiles, acts, wanted = [], [], []
    width = config.words_per_beat * config.format.bits
    for _ in range(TILES):
        two_word, last = rng.randrange(2), rng.randrange(2)
        words, residual = rng.getrandbits(width), rng.getrandbits(width)
        acts.append(rng.getrandbits(config.payload_bits["acts"]))
        tiles.append(words | two_word << width | last << width + 1)
        more = two_word and config.format.residual_beats
        wanted.append((Beat(1, 1, last and not more), words, acts[-1]))
        if more:
            tiles.append(residual | rng.getrandbits(2) << width)  # flags that are ignored
            wanted.append((Beat(1, 0, last), residual, acts[-1]))
    return tiles, acts, wanted


def check(config: BaseArrayConfig, shares: tuple[float, float, float]) -> None:
    """`shares`: of the cycles in which tiles and activations are offered, and beats asked for."""
    part, rng = Alignment(config), dice((config, shares))
    tiles, acts, wanted = beats_of(config, rng)
    sources = Source(part.tiles, tiles, shares[0]), Source(part.acts, acts, shares[1])

    async def bench(ctx: Any) -> None:
        left, expected, cycle, asked = wanted, None, 0, False
        while left:
            assert cycle < 12 * TILES, "beats do not come"
            for source in sources:
                source.offer(ctx, rng)
            found = ctx.get(part.beat)
            assert expected is None or (found.valid, found.ends) == (expected.valid, expected.ends)
            assert asked or not found.valid
            if found.valid:
                beat = Beat(found.valid, found.first_word, found.ends)
                assert (beat, ctx.get(part.words), ctx.get(part.activations)) == left[0], len(left)
                left = left[1:]
            asked = rng.random() < shares[2]
            ctx.set(part.enable_next, asked)
            expected = ctx.get(part.beat_next)
            for source in sources:
                source.take(ctx)
            await ctx.tick()
            cycle += 1
        # The ready signals are 0 in reset; then a beat each cycle, which comes a cycle after its transfer.
        assert shares != (1, 1, 1) or cycle == len(wanted) + 2

    simulate(part, bench)


@pytest.mark.parametrize("shares", [(1, 1, 1), (0.4, 1, 1), (1, 0.4, 1), (1, 1, 0.4), (0.6, 0.6, 0.6)])
@pytest.mark.parametrize("config", [SMALL, INTEGERS], ids=["words", "integers"])
def test_beats_are_those_of_the_tiles(config: BaseArrayConfig, shares: tuple[float, float, float]) -> None:
    check(config, shares)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_rejected(name: str) -> None:
    with FAULTS[name].planted(), pytest.raises(AssertionError):
        check(SMALL, (1, 1, 1 if name == "slow" else 0.4))


def test_integers_ignore_the_flag() -> None:
    """The fault that is one for words is none here."""
    with FAULTS["flag ignored"].planted():
        check(INTEGERS, (0.6, 0.6, 0.6))
