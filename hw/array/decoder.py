"""The decoder of a word, with the first step of its shift."""

from amaranth import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import resize
from hw.component import Component
from sw_ref.format import StlqFormat


def act_shape(act_bits: int, act_signed: bool) -> Shape:
    """The shape of one activation."""
    return signed(act_bits) if act_signed else unsigned(act_bits)


def last_shifts(fmt: StlqFormat) -> int:
    """By how many amounts the last step of a shift can be: four, as far as there are as many."""
    return min(fmt.levels, 4)


def last_step(fmt: StlqFormat) -> int:
    """The difference between two such amounts."""
    return fmt.levels // last_shifts(fmt)


def shifted_shape(fmt: StlqFormat) -> Shape:
    """The shape of an activation after the first step of its shift."""
    return Shape(fmt.act_bits + last_step(fmt) - 1, signed=fmt.act_signed)


class Decoder(Component):
    """What a word does to the activations of all pixels, up to the last step of the shift.

    ``term(word) * acts[x]`` is ``shifted[x] * 2^(last_step * select)``, negated if `negative`, or 0 if `zero`.
    The last step, the largest shifts and the sign, is left to what follows: registers of which one is selected, or an
    adder whose logic cells have room for it.

    Latency: 0 (no registers).

    Members
    -------
    word : In(bits)
        Code q, two's complement.
    acts : In(array of act_shape)
        One activation for each pixel.
    shifted : Out(array of shifted_shape)
        The activations, shifted by less than `last_step`.
    select : Out(range(last_shifts))
        How many times `last_step` remains to be shifted by.
    zero, negative : Out(1)
        The word is 0 (`select` and `negative` are 0 then); the term is below 0.
    """

    def __init__(self, fmt: StlqFormat, pixels: int, name: str):
        self._step = last_step(fmt)
        acts = data.ArrayLayout(act_shape(fmt.act_bits, fmt.act_signed), pixels)
        members = {
            "word": In(fmt.bits),
            "acts": In(acts),
            "shifted": Out(data.ArrayLayout(shifted_shape(fmt), pixels)),
            "select": Out(range(last_shifts(fmt))),
            "zero": Out(1),
            "negative": Out(1),
        }
        super().__init__(members, module=f"{name}_decoder", clocked=False)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitude = self.word[:-1]
        m.d.comb += [self.zero.eq(self.word == 0), self.negative.eq(self.word[-1])]

        # A term is 2^(M-|q|); modulo M, M-|q| is q for a negative code and -q for a positive one.
        amount = Signal(len(magnitude))
        m.d.comb += amount.eq(Mux(self.negative, magnitude, -magnitude))
        first_bits = self._step.bit_length() - 1
        m.d.comb += self.select.eq(amount[first_bits:])
        for act, shifted in zip(self.acts, self.shifted, strict=True):
            m.d.comb += shifted.eq(shift(act, amount[:first_bits], 1))
        return m


def shift(value: Value, amount: Value, step: int, *, gates: bool = False) -> Value:
    """``value * 2^(step * amount)``, by one multiplexer for each bit of `amount`.

    `gates`: a gate where that would be with a constant 0. Of such a multiplexer before a register with an enable Yosys
    makes a reset of the register: one more LUT, and a net that is one of the longest.
    """
    for place, enable in enumerate(amount):
        bits = step << place
        if gates:
            low = resize(value, bits) & ~enable.replicate(bits)
            wider = Cat(low, Mux(enable, value, value >> bits))
            value = wider.as_signed() if value.shape().signed else wider
        else:
            value = Mux(enable, value.shift_left(bits), value)
    return value
