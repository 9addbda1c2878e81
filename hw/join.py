"""The input registers: meets every tile beat with the activations that it needs."""

from typing import Any

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from hw.config import ArrayConfig
from hw.layouts import acts_layout, tiles_layout


def join_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`Join`."""
    tiles, acts = tiles_layout(config), acts_layout(config)
    return wiring.Signature(
        {
            "tiles": In(stream.Signature(tiles)),
            "acts": In(stream.Signature(acts)),
            "advance_next": In(1),
            "words": Out(config.pe * config.lanes * config.format.bits),
            "acts_held": Out(config.lanes * config.format.act_bits),
            "issue": Out(1),
            "coarse": Out(1),
            "ends": Out(1),
        }
    )


class Join(Component):
    """One register per input stream, and the rules of tiles: which beat is a residual, which ends a dot product.

    Both ready signals are registers. A register can be refilled in the cycle in which it is used, and whether it
    will be used is known one cycle ahead (`advance_next`), so one entry per stream sustains a beat per cycle.

    Members
    -------
    tiles, acts : In(stream)
        The array's streams.
    advance_next : In(1)
        Whether the consumer will take a beat in the next cycle, if there is one.
    words, acts_held : Out
        Payload of the beat; meaningful while `issue` is 1.
    issue : Out(1)
        A beat is handed over in this cycle.
    coarse : Out(1)
        The beat holds first words.
    ends : Out(1)
        The beat is the last one of a dot product.
    """

    def __init__(self, config: ArrayConfig):
        self._residual_beats = config.format.residual_beats
        super().__init__(join_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tile: Any = Signal(self.tiles.payload.shape(), reset_less=True)
        tile_full = Signal()
        tile_full_next = Signal()
        acts_full = Signal()
        acts_full_next = Signal()
        residual = Signal()
        residual_next = Signal()
        issue = Signal()
        issue_next = Signal()
        two_word_next = Signal()
        # Of numbers without residual words each tile is one beat, and the flag is ignored.
        two_word = self.tiles.payload.two_word if self._residual_beats else Const(0)
        accept_tile = Signal()
        accept_acts = Signal()
        tile_done = Signal()

        m.d.comb += [
            accept_tile.eq(self.tiles.valid & self.tiles.ready),
            accept_acts.eq(self.acts.valid & self.acts.ready),
            # The beat in hand completes its tile, and with it lets go of the activations.
            tile_done.eq(residual | ~tile.two_word),
            residual_next.eq(Mux(issue, ~tile_done, residual)),
            two_word_next.eq(Mux(self.tiles.ready & ~residual_next, two_word, tile.two_word)),
            tile_full_next.eq(accept_tile | (tile_full & ~issue)),
            acts_full_next.eq(accept_acts | (acts_full & ~(issue & tile_done))),
            issue_next.eq(tile_full_next & acts_full_next & self.advance_next),
        ]
        m.d.sync += [
            tile_full.eq(tile_full_next),
            acts_full.eq(acts_full_next),
            residual.eq(residual_next),
            issue.eq(issue_next),
            tile.two_word.eq(two_word_next),
            self.tiles.ready.eq(~tile_full_next | issue_next),
            self.acts.ready.eq(~acts_full_next | (issue_next & (residual_next | ~two_word_next))),
        ]
        # A register that may be filled takes what is there, valid or not: ready enables it without logic between.
        with m.If(self.tiles.ready):
            m.d.sync += tile.words.eq(self.tiles.payload.words)
            # The flags of a residual beat are ignored: those of its tile's first beat stay.
            with m.If(~residual_next):
                m.d.sync += tile.last.eq(self.tiles.payload.last)
        held = Signal(self.acts.payload.shape(), reset_less=True)
        with m.If(self.acts.ready):
            m.d.sync += held.eq(self.acts.payload)

        m.d.comb += [
            self.words.eq(tile.words),
            self.acts_held.eq(held),
            self.issue.eq(issue),
            self.coarse.eq(~residual),
            self.ends.eq(issue & tile_done & tile.last),
        ]
        return m
