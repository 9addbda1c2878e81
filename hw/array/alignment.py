"""Operand alignment: the input registers, where every tile beat meets the activations that it needs."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.array.beat import BEAT
from hw.component import Component
from hw.config import BaseArrayConfig
from hw.layouts import acts_layout, tiles_layout


class Alignment(Component):
    """One register per input stream, and the rules of tiles: which beat is a residual, which ends a dot product.

    Both ready signals are registers. A register can be refilled in the cycle in which it is used, and whether it
    will be used is known one cycle ahead (`enable_next`), so one entry per stream sustains a beat per cycle.

    Latency: 1, from transfer to beat. Throughput: a beat each cycle.

    Members
    -------
    tiles, acts : In(stream)
        The array's streams.
    enable_next : In(1)
        Whether the consumer will take a beat in the next cycle, if there is one.
    words, activations : Out
        Payload of the beat; meaningful while there is one.
    beat : Out(BEAT)
        The beat that is handed over in this cycle, if any.
    beat_next : Out(BEAT)
        The one of the next cycle.
    """

    def __init__(self, config: BaseArrayConfig):
        self._residual_beats = config.format.residual_beats
        members = {
            "tiles": In(stream.Signature(tiles_layout(config))),
            "acts": In(stream.Signature(acts_layout(config))),
            "enable_next": In(1),
            "words": Out(config.words_per_beat * config.format.bits),
            "activations": Out(config.acts_per_beat * config.format.act_bits),
            "beat": Out(BEAT),
            "beat_next": Out(BEAT),
        }
        super().__init__(f"{config.name}_alignment", members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = Signal.like(self.words, name="words_held", reset_less=True)
        acts = Signal(self.acts.payload.shape(), name="held", reset_less=True)
        two_word = Signal(reset_less=True)
        two_word_next = Signal()
        last = Signal(reset_less=True)
        last_next = Signal()
        tile_full = Signal()
        tile_full_next = Signal()
        acts_full = Signal()
        acts_full_next = Signal()
        residual = Signal()
        residual_next = Signal()
        issue = Signal()
        issue_next = Signal()
        accept_tile = Signal()
        accept_acts = Signal()
        tile_done = Signal()
        done_next = Signal()
        # Of numbers without residual words each tile is one beat, and the flag is ignored.
        flag = self.tiles.payload.two_word if self._residual_beats else Const(0)

        m.d.comb += [
            accept_tile.eq(self.tiles.valid & self.tiles.ready),
            accept_acts.eq(self.acts.valid & self.acts.ready),
            # The beat in hand completes its tile, and with it lets go of the activations.
            tile_done.eq(residual | ~two_word),
            residual_next.eq(Mux(issue, ~tile_done, residual)),
            # The flags of a residual beat are ignored: `two_word` is not looked at, and `last` stays.
            two_word_next.eq(Mux(self.tiles.ready, flag, two_word)),
            last_next.eq(Mux(self.tiles.ready & ~residual_next, self.tiles.payload.last, last)),
            done_next.eq(residual_next | ~two_word_next),
            tile_full_next.eq(accept_tile | (tile_full & ~issue)),
            acts_full_next.eq(accept_acts | (acts_full & ~(issue & tile_done))),
            issue_next.eq(tile_full_next & acts_full_next & self.enable_next),
        ]
        m.d.sync += [
            tile_full.eq(tile_full_next),
            acts_full.eq(acts_full_next),
            residual.eq(residual_next),
            issue.eq(issue_next),
            two_word.eq(two_word_next),
            last.eq(last_next),
            self.tiles.ready.eq(~tile_full_next | issue_next),
            self.acts.ready.eq(~acts_full_next | (issue_next & done_next)),
        ]
        # A register that may be filled takes what is there, valid or not: ready enables it without logic between.
        with m.If(self.tiles.ready):
            m.d.sync += words.eq(self.tiles.payload.words)
        with m.If(self.acts.ready):
            m.d.sync += acts.eq(self.acts.payload)

        m.d.comb += [
            self.words.eq(words),
            self.activations.eq(acts),
            self.beat.valid.eq(issue),
            self.beat.first_word.eq(~residual),
            self.beat.ends.eq(issue & tile_done & last),
            self.beat_next.valid.eq(issue_next),
            self.beat_next.first_word.eq(~residual_next),
            self.beat_next.ends.eq(issue_next & done_next & last_next),
        ]
        return m
