"""What the masters of all buses have in common: their members towards the core."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.bus.config import BusConfig
from hw.bus.layouts import burst_layout
from hw.bus.registers import Range


def master_members(config: BusConfig) -> dict[str, wiring.Member]:
    """The members of every master, besides its bus.

    Members
    -------
    bursts : In(stream), words : In(stream)
        What to do; the words to write, of which there are enough for every burst that comes.
    read : Out(3), word : Out(bus_bits)
        A word was read; for which range.
    read_failed, write_failed : Out(1)
        An error response.
    quiet : Out(1)
        No burst is under way.
    """
    return {
        "bursts": In(stream.Signature(burst_layout(config))),
        "words": In(stream.Signature(config.bus_bits)),
        "read": Out(len(Range)),
        "word": Out(config.bus_bits),
        **dict.fromkeys(("read_failed", "write_failed", "quiet"), Out(1)),
    }
