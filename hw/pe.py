"""A processing element: lanes, adder tree, accumulator; one output channel."""

from amaranth import Module, Mux, ResetSignal, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.adder_tree import Signed, add_or_subtract, adder_tree
from hw.component import Component
from hw.config import ArrayConfig
from hw.instance import place
from hw.lane import lane_signature, product_shape


def pe_signature(config: ArrayConfig) -> wiring.Signature:
    """The members of a :class:`PE`; words and activations are packed as in the streams' payloads."""
    return wiring.Signature(
        {
            "words": In(config.lanes * config.format.bits),
            "acts": In(config.lanes * config.format.act_bits),
            "advance": In(1),
            "coarse": In(1),
            "take": In(1),
            "finish": In(1),
            "sum": Out(signed(config.acc_bits)),
        }
    )


class PE(Component):
    """Sums ``term(words[l]) * acts[l]`` over lanes and beats.

    A beat's *operand* (the sum over its lanes) leaves the adder tree 1 + ``tree_levels`` moves of `advance`
    after it entered.  An operand that could not be taken while the tree moved on is kept in a spill register
    and is taken from there later.

    Members
    -------
    words, acts : In
        One beat.
    advance : In(1)
        Lanes and tree move, and the operand is the tree's. If 0, they stand, and the operand is the spill register's.
    coarse : In(1)
        The operand is of first words: it counts 2^residual_shift times.
    take : In(1)
        Accumulate the operand.
    finish : In(1)
        As `take`, and the dot product is complete: `sum` gets it, and the accumulator starts at 0 again.
    sum : Out(signed(acc_bits))
    """

    def __init__(self, config: ArrayConfig):
        self._config = config
        super().__init__(pe_signature(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        operand = self._spill(m, adder_tree(m, self._terms(m), advance=self.advance))

        # The operand's sign is applied here, where the accumulator's adder has it for free.
        scaled = Mux(self.coarse, operand.magnitude.shift_left(self._config.format.residual_shift), operand.magnitude)

        # Two registers load the same total: a separate accumulator can be cleared by its synchronous reset
        # when a dot product ends, so that no logic is needed to start the next one from zero.
        accumulator = Signal(signed(self._config.acc_bits), reset_less=True)
        total = Signal(signed(self._config.acc_bits))
        result = Signal(signed(self._config.acc_bits), reset_less=True)
        m.d.comb += [
            total.eq(add_or_subtract(accumulator, scaled, operand.negative, self._config.acc_bits)),
            self.sum.eq(result),
        ]
        with m.If(self.finish):
            m.d.sync += result.eq(total)
        with m.If(self.finish | ResetSignal()):
            m.d.sync += accumulator.eq(0)
        with m.Elif(self.take):
            m.d.sync += accumulator.eq(total)
        return m

    def _terms(self, m: Module) -> list[Signed]:
        fmt = self._config.format
        terms = []
        for index in range(self._config.lanes):
            lane = place(m, f"lane{index}", f"{self._config.name}_lane", lane_signature(fmt), clocked=False)
            m.d.comb += [
                lane.word.eq(self.words.word_select(index, fmt.bits)),
                lane.act.eq(self.acts.word_select(index, fmt.act_bits)),
            ]
            product = Signal(product_shape(fmt), name=f"product{index}", reset_less=True)
            negative = Signal(name=f"product{index}_negative", reset_less=True)
            with m.If(self.advance):
                m.d.sync += [product.eq(lane.shifted), negative.eq(lane.negative)]
                # The zero word clears the register instead of masking its input: a synchronous reset costs no logic.
                with m.If(lane.zero):
                    m.d.sync += product.eq(0)
            terms.append(Signed(product, negative, fmt.act_min * fmt.term_max, fmt.act_max * fmt.term_max))
        return terms

    def _spill(self, m: Module, operand: Signed) -> Signed:
        """The operand, or the copy of the one before that could not be taken."""
        magnitude = Signal.like(operand.magnitude, name="spill", reset_less=True)
        negative = Signal.like(operand.negative, name="spill_negative", reset_less=True)
        with m.If(self.advance):
            m.d.sync += [magnitude.eq(operand.magnitude), negative.eq(operand.negative)]
        chosen = Signal.like(operand.magnitude, name="operand")
        sign = Signal(name="operand_negative")
        m.d.comb += [
            chosen.eq(Mux(self.advance, operand.magnitude, magnitude)),
            sign.eq(Mux(self.advance, operand.negative, negative)),
        ]
        return Signed(chosen, sign, operand.low, operand.high)
