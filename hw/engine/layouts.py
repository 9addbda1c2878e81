"""The program's sections and the engine's streams as Amaranth layouts."""

from collections.abc import Mapping

from amaranth import Shape
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.config import EngineConfig
from hw.engine.encoding import GROUP, JOB, LOOPS, STEP, Field, width


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


def loader_signature(config: EngineConfig) -> wiring.Signature:
    """The members of a :class:`Loader`."""
    return wiring.Signature(
        {
            "program": In(stream.Signature(config.bus_bits)),
            "busy": Out(1),
            "error": Out(4),
            "idle": In(1),
            "job": Out(struct(JOB)),
            "job_valid": Out(1),
            "job_taken": In(1),
            "word": Out(config.bus_bits),
            "step_slot": Out(config.slots(width(STEP))),
            "step_target": Out(range(2 * len(LOOPS))),
            "beat_slot": Out(config.beat_slots),
            "beat_target": Out(range(2 * config.group_beats)),
            "two_word": Out(1),
            "last": Out(1),
            "scale_slot": Out(config.slots(config.scale_bits)),
            "offset_slot": Out(config.slots(config.offset_bits)),
            "chunk_target": Out(range(2 * config.requant_steps)),
            "table_write": Out(1),
            "table_target": Out(config.code_bits + 1),
            "table_free": In(1),
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
