"""Lanes that multiply by both words of a weight at once: two shifters each, every tile one beat."""

from typing import Any, cast

from amaranth import Cat, Module

from hw.array.adder_tree import Term, add_terms, register
from hw.array.pe import Pixel
from hw.baseline.pe import RivalPE
from sw_ref.baseline import TwoWordFormat


class TwoWordPE(RivalPE):
    """Adds first words and residual words in a tree each, which stay as narrow as they can, and then both sums."""

    def _weight(self, m: Module, lane: int) -> Any:
        word, code = cast(TwoWordFormat, self._config.format).word, self._code(m, lane)
        return [self._decoded(m, word, code.word_select(half, word.bits), lane, f"_{half}") for half in (0, 1)]

    def _operand(self, m: Module, weights: list[Any], pixel: Pixel) -> Term:
        config, fmt = self._config, cast(TwoWordFormat, self._config.format)
        word = fmt.word
        # Where a register follows the sums, both are added before it.
        top = config.adder_levels
        coarse, fine = (
            self._sum_of_lanes(
                m,
                word,
                [weight[half] for weight in weights],
                lambda level: level < top and config.registered(level),
                pixel._replace(suffix=f"{pixel.suffix}_{half}"),
            )
            for half in (0, 1)
        )
        shift = word.residual_shift
        shifted = Cat(coarse.carry.replicate(shift), coarse.value).as_signed()
        scaled = Term(shifted, coarse.carry, coarse.low << shift, ((coarse.high + 1) << shift) - 1)
        operand = add_terms(m, f"both{pixel.suffix}", fine, scaled, logic=False)
        if top and config.registered(top):
            return register(m, f"operand{pixel.suffix}", operand, advance=self._advance)
        return operand
