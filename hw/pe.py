"""A processing element: lanes, adder tree, accumulator; one output channel."""

from typing import Any

from amaranth import Cat, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.adder_tree import Term, add, adder_tree, register
from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place
from hw.lane import lane_signature, near_shape, product
from sw_ref.format import StlqFormat


def pe_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`PE`; words and activations are packed as in the streams' payloads."""
    return wiring.Signature(
        {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.lanes * config.format.act_bits),
            "advance_next": In(1),
            "coarse_next": In(1),
            "fine_next": In(1),
            "finish": In(1),
            "sum": Out(signed(config.acc_bits)),
        }
    )


class PE(Component):
    """Sums ``term(words[l]) * acts[l]`` over lanes and beats.

    A beat's *operand* (the sum over its lanes) leaves the adder tree ``config.stages`` moves of `advance` after it
    entered, and is accumulated after `coarse_next` or `fine_next` was 1.

    Members
    -------
    words, acts : In
        One beat.
    advance_next : In(1)
        Lanes and tree move in the next cycle.
    coarse_next, fine_next : In(1)
        In the next cycle accumulate the operand: it is of first words, and counts 2^residual_shift times, or of
        residual words. Never both; if neither, nothing is added.
    finish : In(1)
        The dot product is complete: `sum` gets it, and the accumulator starts at 0 again.
    sum : Out(signed(acc_bits))
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        super().__init__(pe_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Of each PE's own, as they drive logic all over it: one for all PEs would be the array's slowest net.
        self._advance = Signal(name="advance", init=1)
        self._coarse, self._fine = Signal(name="coarse"), Signal(name="fine")
        m.d.sync += [
            self._advance.eq(self.advance_next),
            self._coarse.eq(self.coarse_next),
            self._fine.eq(self.fine_next),
        ]

        operand = self._operand(m)

        # Two registers load the same total: a separate accumulator can be cleared by its synchronous reset
        # when a dot product ends, so that no logic is needed to start the next one from zero.
        accumulator = Signal(signed(self._config.acc_bits), reset_less=True)
        total = Signal(signed(self._config.acc_bits))
        result = Signal(signed(self._config.acc_bits), reset_less=True)
        m.d.comb += [
            total.eq(add(accumulator, *self._scaled(operand), self._config.acc_bits, logic=True)),
            self.sum.eq(result),
        ]
        m.d.sync += accumulator.eq(total)
        with m.If(self.finish | ResetSignal()):
            m.d.sync += accumulator.eq(0)
        with m.If(self.finish):
            m.d.sync += result.eq(total)
        return m

    def _operand(self, m: Module) -> Term:
        """The sum over the lanes, `config.stages` moves of `advance` after its words and activations."""
        fmt = self._config.format
        words = [self.words.word_select(index, fmt.bits) for index in range(self._config.lanes)]
        terms = [self._term(m, fmt, str(index), word, index) for index, word in enumerate(words)]
        return adder_tree(m, terms, registered=self._config.registered, advance=self._advance)

    def _scaled(self, operand: Term) -> tuple[Any, Any]:
        """What is accumulated: the operand at its place, or 0, and its carry."""
        # Shifted before the carry is added, so the places that become free are filled with it: 2^k * (v + c) is
        # 2^k * v + (2^k - 1) * c + c.
        coarse = Cat(operand.carry.replicate(self._config.format.residual_shift), operand.value).as_signed()
        fine = operand.value
        width = len(coarse)
        scaled = (coarse & self._coarse.replicate(width).as_signed()) | (fine & self._fine.replicate(width).as_signed())
        return scaled, operand.carry & (self._coarse | self._fine)

    def _term(self, m: Module, fmt: StlqFormat, name: str, word: Value, index: int) -> Term:
        """The product of lane `index`; `name` ends those of its signals.

        Of each pair that the tree adds, the first is complete when it is registered, and feeds the carry chain; the
        last step of the second is taken in the adder.
        """
        lane = place(m, f"lane{name}", f"{self._config.name}_lane", lane_signature(fmt), clocked=False)
        m.d.comb += [
            lane.word.eq(word),
            lane.act.eq(self.acts.word_select(index, fmt.act_bits)),
        ]
        # A negative product is one below in ones' complement.
        extremes = [fmt.act_min * fmt.term_max, fmt.act_max * fmt.term_max]
        low, high = (limit(*extremes, *(~extreme for extreme in extremes)) for limit in (min, max))
        if not self._config.registered(0):
            near = Mux(lane.zero, 0, lane.near)
            return Term(product(fmt, near, lane.far, lane.negative), lane.negative, low, high)
        clear = Signal(name=f"clear{name}")
        m.d.comb += clear.eq(self._advance & lane.zero)
        if index % 2 == 0:
            complete = Term(product(fmt, lane.near, lane.far, lane.negative), lane.negative, low, high)
            return register(m, f"product{name}", complete, advance=self._advance, zero=clear)
        near = Signal(near_shape(fmt), name=f"near{name}", reset_less=True)
        far = Signal(name=f"far{name}", reset_less=True)
        negative = Signal(name=f"negative{name}", reset_less=True)
        with m.If(self._advance):
            m.d.sync += [near.eq(lane.near), far.eq(lane.far), negative.eq(lane.negative)]
        with m.If(clear):
            m.d.sync += near.eq(0)
        return Term(product(fmt, near, far, negative), negative, low, high)
