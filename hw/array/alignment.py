"""Operand alignment: the input registers, where every tile beat meets the activations that it needs."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.array.beat import BEAT
from hw.array.registers import Registers
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

    def __init__(self, config: BaseArrayConfig, own: int = 0):
        acts = acts_layout(config, own)
        self._residual_beats = config.format.residual_beats
        members = {
            "tiles": In(stream.Signature(tiles_layout(config))),
            "acts": In(stream.Signature(acts)),
            "enable_next": In(1),
            "words": Out(config.words_per_beat * config.format.bits),
            "activations": Out(acts.size),
            "beat": Out(BEAT),
            "beat_next": Out(BEAT),
        }
        super().__init__(members, module=f"{config.name}_alignment")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._hold_payloads(m)
        two_word, two_word_next = state(m, "two_word", reset_less=True)
        last, last_next = state(m, "last", reset_less=True)
        tile_full, tile_full_next = state(m, "tile_full")
        acts_full, acts_full_next = state(m, "acts_full")
        residual, residual_next = state(m, "residual")
        issue, issue_next = state(m, "issue")
        names = ("accept_tile", "accept_acts", "tile_done", "done_next")
        accept_tile, accept_acts, tile_done, done_next = (Signal(name=name) for name in names)
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
            self.tiles.ready.eq(~tile_full_next | issue_next),
            self.acts.ready.eq(~acts_full_next | (issue_next & done_next)),
        ]
        m.d.comb += [
            self.beat.eq(Cat(issue, ~residual, issue & tile_done & last)),
            self.beat_next.eq(Cat(issue_next, ~residual_next, issue_next & done_next & last_next)),
        ]
        return m

    def _hold_payloads(self, m: Module) -> None:
        """A register that may be filled takes what is there, valid or not: ready enables it without logic between."""
        words = Registers(m, self.tiles.ready).register("words", self.tiles.payload.words.as_value())
        acts = Registers(m, self.acts.ready).register("activations", self.acts.payload.as_value())
        m.d.comb += [self.words.eq(words), self.activations.eq(acts)]


def state(m: Module, name: str, *, reset_less: bool = False) -> tuple[Signal, Signal]:
    """A bit of state, and its value in the next cycle, which is to be driven."""
    now, following = Signal(name=name, reset_less=reset_less), Signal(name=f"{name}_next")
    m.d.sync += now.eq(following)
    return now, following
