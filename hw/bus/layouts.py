"""What the parts of a bus top tell each other, as Amaranth layouts."""

from amaranth.lib import data

from hw.bus.config import BusConfig
from hw.bus.registers import Part, Range

LOAD = data.StructLayout({"range": range(len(Range)), "part": len(Part), "value": 32})
"""A register of a range is written: `part` has one bit for each :class:`Part`; all 0: none is."""


def burst_layout(config: BusConfig) -> data.StructLayout:
    """Neighbouring bus words: `range`, the `address` of the first one in bus words, how many `more` follow.

    A burst never crosses a multiple of `burst_words`, so it never crosses one of 4 KiB.
    """
    return data.StructLayout(
        {"range": range(len(Range)), "address": config.word_address_bits, "more": range(config.burst_words)}
    )
