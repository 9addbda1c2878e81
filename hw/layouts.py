"""Payload layouts of the array's three streams: the one place that says which bit means what."""

from amaranth import signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import BaseArrayConfig


def tiles_layout(config: BaseArrayConfig) -> data.StructLayout:
    """`words[p][l]` from bit 0 up, then `two_word`, then `last`."""
    words = data.ArrayLayout(data.ArrayLayout(signed(config.format.bits), config.lanes), config.pe)
    return data.StructLayout({"words": words, "two_word": 1, "last": 1})


def acts_layout(config: BaseArrayConfig, own: int = 0) -> data.ArrayLayout:
    """The activation of lane l of pixel x at index x * lanes + l, the first from bit 0 up.

    Behind them are `own` activations of each PE's own, PE by PE: of the lanes ``config.own_lane``.
    """
    shape = signed if config.format.act_signed else unsigned
    return data.ArrayLayout(shape(config.format.act_bits), config.acts_per_beat + config.pe * own)


def sums_layout(config: BaseArrayConfig) -> data.ArrayLayout:
    """The sum of PE p of pixel x at index x * pe + p, the first from bit 0 up, signed."""
    return data.ArrayLayout(signed(config.acc_bits), config.sums_per_beat)


def array_signature(config: BaseArrayConfig, own: int = 0) -> wiring.Signature:
    """The array's members: its three streams; `own` as of :func:`acts_layout`."""
    return wiring.Signature(
        {
            "tiles": In(stream.Signature(tiles_layout(config))),
            "acts": In(stream.Signature(acts_layout(config, own))),
            "sums": Out(stream.Signature(sums_layout(config))),
        }
    )
