"""The program's sections and the engine's streams as Amaranth layouts."""

from collections.abc import Mapping

from amaranth import Shape
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.config import EngineConfig
from hw.engine.encoding import GROUP, Field


def struct(layout: Mapping[str, Field]) -> data.StructLayout:
    """A section as a structure, first field from bit 0 up."""
    return data.StructLayout({name: Shape(field.bits, signed=field.signed) for name, field in layout.items()})


def outputs_layout(config: EngineConfig) -> data.StructLayout:
    """`codes` from bit 0 up, then `last`."""
    return data.StructLayout({"codes": config.bus_bits, "last": 1})


def engine_signature(config: EngineConfig) -> wiring.Signature:
    """The engine's members."""
    return wiring.Signature(
        {
            "program": In(stream.Signature(config.bus_bits)),
            "inputs": In(stream.Signature(config.bus_bits)),
            "outputs": Out(stream.Signature(outputs_layout(config))),
            "busy": Out(1),
            "error": Out(4),
        }
    )


def fill_signature(config: EngineConfig, bits: int, depth: int) -> wiring.Signature:
    """What fills a store of `depth` entries of `bits` bits: each slot whose bit is 1 takes `word` at entry `target`."""
    return wiring.Signature(
        {"word": Out(config.bus_bits), "slot": Out(config.slots(bits)), "target": Out(range(depth))}
    )


def buffers_signature(config: EngineConfig) -> wiring.Signature:
    """What is loaded of groups, into one half of each store while the other half is used.

    `beats`, `two_word`, `last`: a beat and its flags; `scales`, `offsets`: of channels; see :class:`Store`. `full`: the
    half holds a whole group, whose last bus word may be written in this cycle; `ends`: the index of its last element;
    `idles`: its idle cycles before each position. `front_frees`, `back_frees`: the half's beats, its channel parameters
    are no longer needed.
    """
    return wiring.Signature(
        {
            "beats": Out(fill_signature(config, config.beat_bits, 2 * config.group_beats)),
            "two_word": Out(1),
            "last": Out(1),
            "scales": Out(fill_signature(config, config.scale_bits, config.scale_entries)),
            "offsets": Out(fill_signature(config, config.offset_bits, config.offset_entries)),
            "full": Out(2),
            "ends": Out(data.ArrayLayout(range(config.group_beats), 2)),
            "idles": Out(data.ArrayLayout(GROUP["idle"].bits, 2)),
            "front_frees": In(2),
            "back_frees": In(2),
        }
    )


EVENT = data.StructLayout({"pool": 1, "x": 1, "y": 1, "group": 1, "ends": 1, "half": 1})
"""How a position ends: the next one is in the same window of a pooling (`pool`), the same row (`x`), the next row (`y`)
or the next group; `ends`: the job; `half`: where its parameters are."""

CODES = data.StructLayout({"valid": 1, "chunk": 6, "done": 1, "event": EVENT})
"""What goes with codes: there are some; which of the position's; they are its last ones; how it ends."""
