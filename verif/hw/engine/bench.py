"""What the tests of the engine's components share."""

from collections.abc import Iterable
from typing import Any

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from sw_ref.format import StlqFormat

LANES = 4
CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=LANES, lanes=LANES),
    requant_lanes=2,
    memory_words=256,
    group_beats=16,
)


def kept(codes: Iterable[int]) -> list[int]:
    """Codes as the memory keeps them: the top bit inverted."""
    return [code ^ 1 << (CONFIG.code_bits - 1) for code in codes]


async def cycles(ctx: Any, count: int) -> None:
    """Let some cycles pass."""
    for _ in range(count):
        await ctx.tick()
