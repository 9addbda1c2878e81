"""One shift unit: word times activation."""

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from sw_ref.format import StlqFormat


def act_shape(fmt: StlqFormat) -> Shape:
    """The shape of one activation."""
    return signed(fmt.act_bits) if fmt.act_signed else unsigned(fmt.act_bits)


def near_shape(fmt: StlqFormat) -> Shape:
    """The shape of an activation that was shifted by all places but the largest: by up to M/2 - 1."""
    return Shape(fmt.act_bits + fmt.levels // 2 - 1, signed=fmt.act_signed)


def lane_signature(fmt: StlqFormat) -> wiring.Signature:
    """The members of a :class:`Lane`."""
    return wiring.Signature(
        {
            "word": In(fmt.bits),
            "act": In(act_shape(fmt)),
            "near": Out(near_shape(fmt)),
            "far": Out(1),
            "zero": Out(1),
            "negative": Out(1),
        }
    )


class Lane(Component):
    """What a word does to an activation, but for the last step: :func:`product` of it is ``term(word) * act``.

    Combinational. The last step, the largest shift and the sign, is left to the adder behind it, whose logic cells
    have room for it where they have six inputs; the zero word is left to the reset of the register between.

    Members
    -------
    word : In(bits)
        Code q, two's complement.
    act : In(act_bits)
    near : Out(near_shape)
        The activation, shifted by all places of the word's but the largest.
    far : Out(1)
        The largest place, M/2, remains to be shifted by.
    zero, negative : Out(1)
        The word is 0 (`far` and `negative` are 0 then); the term is below 0.
    """

    def __init__(self, fmt: StlqFormat):
        super().__init__(lane_signature(fmt))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitude = self.word[:-1]
        m.d.comb += [self.zero.eq(self.word == 0), self.negative.eq(self.word[-1])]

        # A term is 2^(M-|q|); modulo M, M-|q| is q for a negative code and -q for a positive one.
        amount = Signal(len(magnitude))
        m.d.comb += [amount.eq(Mux(self.negative, magnitude, -magnitude)), self.far.eq(amount[-1])]

        shifted = self.act
        for place, enable in enumerate(amount[:-1]):
            moved = Mux(enable, shifted.shift_left(1 << place), shifted)
            shifted = Signal(moved.shape(), name=f"shifted{place}")
            m.d.comb += shifted.eq(moved)
        m.d.comb += self.near.eq(shifted)
        return m


def product(fmt: StlqFormat, near: Value, far: Value, negative: Value) -> Value:
    """The lane's last step: a signed value that falls short of ``term(word) * act`` by `negative`.

    That is the ones' complement of a negative product; the missing 1 is the carry in of some adder behind.
    """
    shifted = Mux(far, near.shift_left(fmt.levels // 2), near)
    if not fmt.act_signed:
        shifted = Cat(shifted, Const(0, 1))
    return (shifted.as_unsigned() ^ negative.replicate(len(shifted))).as_signed()
