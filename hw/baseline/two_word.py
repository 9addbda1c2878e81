"""Lanes that multiply by both words of a weight at once: two shifters each, every tile one beat."""

from typing import cast

from amaranth import Cat, Module

from hw.adder_tree import Term, add_terms, register
from hw.baseline.pe import RivalPE
from sw_ref.rivals import TwoWordFormat


class TwoWordPE(RivalPE):
    """Adds first words and residual words in a tree each, which stay as narrow as they can, and then both sums."""

    def _operand(self, m: Module) -> Term:
        config, fmt = self._config, cast(TwoWordFormat, self._config.format)
        word = fmt.word
        codes = [self._code(m, lane) for lane in range(config.lanes)]
        # Where a register follows the sums, both are added before it.
        top = config.adder_levels
        coarse, fine = (
            self._sum_of_lanes(
                m,
                word,
                [code.word_select(half, word.bits) for code in codes],
                lambda level: level < top and config.registered(level),
                f"_{half}",
            )
            for half in (0, 1)
        )
        shift = word.residual_shift
        shifted = Cat(coarse.carry.replicate(shift), coarse.value).as_signed()
        scaled = Term(shifted, coarse.carry, coarse.low << shift, ((coarse.high + 1) << shift) - 1)
        operand = add_terms(m, "both", fine, scaled, logic=False)
        if top and config.registered(top):
            return register(m, "operand", operand, advance=self._advance)
        return operand
