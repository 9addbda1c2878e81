"""One shift unit: |word| times activation."""

from amaranth import Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.component import Component
from sw_ref.format import StlqFormat


def act_shape(fmt: StlqFormat) -> Shape:
    """The shape of one activation."""
    return signed(fmt.act_bits) if fmt.act_signed else unsigned(fmt.act_bits)


def product_shape(fmt: StlqFormat) -> Shape:
    """The shape of ``|term(q)| * a``: an activation shifted by up to M-1 places."""
    return Shape(fmt.act_bits + fmt.levels - 1, signed=fmt.act_signed)


def lane_signature(fmt: StlqFormat) -> wiring.Signature:
    """The members of a :class:`Lane`."""
    return wiring.Signature(
        {
            "word": In(fmt.bits),
            "act": In(act_shape(fmt)),
            "shifted": Out(product_shape(fmt)),
            "zero": Out(1),
            "negative": Out(1),
        }
    )


class Lane(Component):
    """A word's shift of an activation: ``term(word) * act`` is 0 if zero, else ``(-1)^negative * shifted``.

    Combinational. Zero and sign are left to the registers and the adder tree behind it, which have them for free.

    Members
    -------
    word : In(bits)
        Code q, two's complement.
    act : In(act_bits)
    shifted : Out(product_shape)
        ``|term(word)| * act``; meaningless for the zero word.
    zero, negative : Out(1)
    """

    def __init__(self, fmt: StlqFormat):
        super().__init__(lane_signature(fmt))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        magnitude = self.word[:-1]
        m.d.comb += [self.zero.eq(self.word == 0), self.negative.eq(self.word[-1])]

        # A term is 2^(M-|q|); modulo M, M-|q| is q for a negative code and -q for a positive one.
        amount = Signal(len(magnitude))
        m.d.comb += amount.eq(Mux(self.negative, magnitude, -magnitude))

        shifted = self.act
        for place, enable in enumerate(amount):
            moved = Mux(enable, shifted.shift_left(1 << place), shifted)
            shifted = Signal(moved.shape(), name=f"shifted{place}")
            m.d.comb += shifted.eq(moved)
        m.d.comb += self.shifted.eq(shifted)
        return m
