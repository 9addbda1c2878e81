"""Lanes: word times activation, in the form that suits the registers and adders behind."""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth import Cat, Value

from hw.array.adder_tree import Term, pixel_name
from hw.array.decoder import Decoder, last_shifts, last_step, shift
from hw.array.product import Option, combinational_product, product_limits, registered_product, selected_product
from hw.array.registers import Registers
from hw.component import instantiate
from hw.config import BaseArrayConfig
from sw_ref.format import StlqFormat


class Decoded(NamedTuple):
    """A decoded word, and the activation of each pixel shifted by all that is not left to a selection."""

    shifted: Sequence[Value]
    select: Value
    zero: Value
    negative: Value


class Lane:
    """What all forms of a lane have in common: decoder and shift, up to a selection among `options` registers.

    `fmt` is the format of its words. Where each PE has registers of its own before the last step of the shift, one
    multiplexer of that step is before them if the selection leaves one, and the others are behind.
    """

    options = 1

    def __init__(self, fmt: StlqFormat, config: BaseArrayConfig):
        self._fmt = fmt
        self._name = config.name
        self._stages = config.schedule.decode_stages
        self.limits = product_limits(fmt, fmt.term_max)

    def product(self, registers: Registers, name: str, decoded: Decoded) -> Term:
        """The product of each pixel; `name` ends the names of its signals."""
        raise NotImplementedError

    def decode(self, registers: Registers, platform: object, name: str, word: Value, acts: Sequence[Value]) -> Decoded:
        """Decode `word` and shift `acts`."""
        fmt, step, shifts = self._fmt, last_step(self._fmt), last_shifts(self._fmt)
        decoder = instantiate(registers.m, platform, f"decoder{name}", Decoder, fmt, len(acts), self._name)
        registers.m.d.comb += [decoder.word.eq(word), Cat(decoder.acts).eq(Cat(acts))]
        # Of the multiplexers of the last step so many are before the PE's own registers, and so many in all.
        early, steps = int(self.options < shifts), (shifts // self.options).bit_length() - 1
        select, zero, negative = (
            registers.delay(f"{part}{name}", value, self._stages)
            for part, value in {
                "select": decoder.select[early:],
                "zero": decoder.zero,
                "negative": decoder.negative,
            }.items()
        )
        shifted = []
        for pixel, act in enumerate(decoder.shifted):
            first = shift(act, decoder.select[:early], step, gates=self._stages > 0)
            held = registers.delay(pixel_name(f"shifted{name}", pixel), first, self._stages)
            shifted.append(shift(held, select[: steps - early], step << early))
        return Decoded(shifted, select[steps - early :], zero, negative)


class CombinationalLane(Lane):
    """A lane without registers."""

    def product(self, registers: Registers, name: str, decoded: Decoded) -> Term:
        return combinational_product(self.limits, decoded.shifted, decoded.zero, decoded.negative)


class RegisteredLane(Lane):
    """A lane whose product is complete when it is registered. Latency: 1."""

    def product(self, registers: Registers, name: str, decoded: Decoded) -> Term:
        return registered_product(registers, name, self.limits, decoded.shifted, decoded.zero, decoded.negative)


class SelectedLane(Lane):
    """A lane whose last step is a one-hot selection among registers, behind them. Latency: 1."""

    def __init__(self, fmt: StlqFormat, config: BaseArrayConfig):
        self.options = min(config.choices, last_shifts(fmt))
        super().__init__(fmt, config)

    def product(self, registers: Registers, name: str, decoded: Decoded) -> Term:
        step = self._step_of_selection
        options = [Option(decoded.shifted, step * index) for index in range(self.options)]
        one_hot = registers.named(f"one_hot{name}", (1 << decoded.select)[: len(options)])
        cleared = ~one_hot | decoded.zero.replicate(len(options))
        return selected_product(registers, name, self.limits, options, cleared, decoded.negative)

    @property
    def _step_of_selection(self) -> int:
        return last_step(self._fmt) * last_shifts(self._fmt) // self.options


def make_lane(fmt: StlqFormat, config: BaseArrayConfig, index: int) -> Lane:
    """Lane `index` of a PE. The first one of a chain feeds the carry chain, so its product is complete."""
    if not config.schedule.registered(0):
        return CombinationalLane(fmt, config)
    if config.schedule.first_of_chain(index) or config.choices == 1:
        return RegisteredLane(fmt, config)
    return SelectedLane(fmt, config)
