"""In-simulator test of beats that were packed by hand."""

from typing import Any

import cocotb

from verif.hw.bench import Bench
from verif.hw.patterns import ACTS, ENDS, IGNORED, SUMS, SUMS_PAYLOADS, TILES
from verif.hw.scoreboard import MismatchError
from verif.hw.stimulus import Stimulus


@cocotb.test()
async def patterns_written_by_hand(dut: Any) -> None:
    bench = await Bench.start(dut, "patterns_written_by_hand")
    bench.send(Stimulus(TILES, IGNORED, ACTS, SUMS, ENDS))
    await bench.finish()
    found = [transfer.payload for transfer in bench.sums.transfers]
    if found != SUMS_PAYLOADS:
        raise MismatchError(f"mismatch: sums payloads {found}, expected {SUMS_PAYLOADS}")
