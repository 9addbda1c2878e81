"""The part of a position's sums that the requantizer's lanes take in a step."""

from amaranth import Mux, Signal, Value

from hw.array.registers import Registers
from hw.engine.config import EngineConfig


def chosen(config: EngineConfig, data: Registers, sums: Value, chunk: Signal, clear: Value) -> Value:
    """Chunk `chunk` of the sums of all PEs, two cycles later; 0 where `clear` was 1 a cycle after the chunk.

    Each chunk but the last one stays for another cycle. So on LUTs of four inputs a selection of four is one LUT before
    each of two registers: the first one has the upper two chunks, or which one of the lower two it is.
    """
    bits = config.requant_lanes * config.core.acc_bits
    if config.array.choices > 1 or config.requant_steps != 4:
        found: Value = data.register("chosen", sums.word_select(chunk, bits))
    else:
        zero, one, two, three = (sums.word_select(part, bits) for part in range(4))
        late = Mux(chunk[1], Mux(chunk[0], three, two), chunk[0].replicate(bits))
        held, upper = data.register("chosen", late), data.register("upper", chunk[1])
        found = Mux(upper, held, (held & one) | (~held & zero))
    return data.register("sums", found, clear=clear)
