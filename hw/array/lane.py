"""One shift unit: word times activation."""

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.adder_tree import resize
from hw.component import Component
from sw_ref.format import StlqFormat


def act_shape(fmt: StlqFormat) -> Shape:
    """The shape of one activation."""
    return signed(fmt.act_bits) if fmt.act_signed else unsigned(fmt.act_bits)


def last_places(fmt: StlqFormat) -> int:
    """How many places the last step of a lane's shift can be by: four, as far as there are as many."""
    return min(fmt.levels, 4)


def near_shape(fmt: StlqFormat) -> Shape:
    """The shape of an activation that was shifted by less than M / `last_places`."""
    return Shape(fmt.act_bits + fmt.levels // last_places(fmt) - 1, signed=fmt.act_signed)


def lane_signature(fmt: StlqFormat, pixels: int) -> wiring.Signature:
    """The members of a :class:`Lane`."""
    return wiring.Signature(
        {
            "word": In(fmt.bits),
            "acts": In(data.ArrayLayout(act_shape(fmt), pixels)),
            "near": Out(data.ArrayLayout(near_shape(fmt), pixels)),
            "choice": Out(range(last_places(fmt))),
            "zero": Out(1),
            "negative": Out(1),
        }
    )


class Lane(Component):
    """What a word does to its activations, but for the last step: :func:`product` of that is ``term(word) * act``.

    Combinational. The last step, the largest shifts and the sign, is left to what follows: the input of a register, or
    registers of which one is chosen, and an adder behind them whose logic cells have room for it if they have six
    inputs. The zero word is left to the reset of the registers.

    Members
    -------
    word : In(bits)
        Code q, two's complement.
    acts : In(array of act_shape)
        One activation for each pixel.
    near : Out(array of near_shape)
        The activations, shifted by the places of the word's modulo M / `last_places`.
    choice : Out(range(last_places))
        How many times M / `last_places` places remain to be shifted by.
    zero, negative : Out(1)
        The word is 0 (`choice` and `negative` are 0 then); the term is below 0.
    """

    def __init__(self, fmt: StlqFormat, pixels: int):
        self._step = fmt.levels // last_places(fmt)
        super().__init__(lane_signature(fmt, pixels))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitude = self.word[:-1]
        m.d.comb += [self.zero.eq(self.word == 0), self.negative.eq(self.word[-1])]

        # A term is 2^(M-|q|); modulo M, M-|q| is q for a negative code and -q for a positive one.
        amount = Signal(len(magnitude))
        m.d.comb += amount.eq(Mux(self.negative, magnitude, -magnitude))
        near_bits = self._step.bit_length() - 1
        m.d.comb += self.choice.eq(amount[near_bits:])
        for act, near in zip(self.acts, self.near, strict=True):
            m.d.comb += near.eq(shifted(act, amount[:near_bits], 1))
        return m


def shifted(value: Value, amount: Value, step: int, *, gates: bool = False) -> Value:
    """``value * 2^(step * amount)``, by one multiplexer for each bit of `amount`.

    `gates`: a gate where that would be with a constant 0. Of such a multiplexer before a register with an enable Yosys
    makes a reset of the register: one more LUT, and a net that is one of the longest.
    """
    for place, enable in enumerate(amount):
        places = step << place
        if gates:
            low = resize(value, places) & ~enable.replicate(places)
            wider = Cat(low, Mux(enable, value, value >> places))
            value = wider.as_signed() if value.shape().signed else wider
        else:
            value = Mux(enable, value.shift_left(places), value)
    return value


def product(fmt: StlqFormat, magnitude: Value, negative: Value) -> Value:
    """The product whose magnitude is ``abs(term(word)) * act``, as a signed value that falls short of it by `negative`.

    That is the ones' complement of a negative product; the missing 1 is the carry in of some adder behind.
    """
    if not fmt.act_signed:
        magnitude = Cat(magnitude, Const(0, 1))
    return (magnitude.as_unsigned() ^ negative.replicate(len(magnitude))).as_signed()
