"""Fields at their lowest and highest values, through the engine's Verilog: what it writes, and when."""

from pathlib import Path

import numpy as np

from hw.engine.verilog import engine_verilog
from rtl_gen.compiler.cycles import predict
from rtl_gen.compiler.program import encode
from verif.hw.engine.extremes import CONFIG, LANES, convolutions, missed, transfers
from verif.hw.engine.runner import run
from verif.rtl_gen.compiler.interpreter import Machine

CODES = [0, 255, 17, 128, 9, 200, 31, 64]


def test_every_field_is_at_its_lowest_and_its_highest_value() -> None:
    assert missed([*transfers(), *convolutions()]) == set()
    assert ("trips_kernel_x", 127) in missed(transfers())


def test_the_engine_does_what_the_program_says(tmp_path: Path) -> None:
    """All fields but the trip counts of the longest loops over positions, which would take 40 seconds."""
    jobs = [*transfers(turns=32), *convolutions()]
    assert missed(jobs) == {(f"trips_{loop}", 4095) for loop in ("x", "y", "pool_x", "pool_y", "group")}
    machine = Machine(CONFIG, np.zeros((CONFIG.memory_words, LANES), np.int64), list(CODES))
    words = encode(CONFIG, jobs)
    machine.run(words)
    inputs = [sum(code << 8 * at for at, code in enumerate(CODES[first : first + 4])) for first in (0, 4)]
    result = run(CONFIG, engine_verilog(CONFIG), tmp_path, words, inputs, limit=100_000)
    expected = [pair for addresses, rows in machine.written for pair in zip(addresses, rows, strict=True)]
    assert len(result.writes) == len(expected)
    for (address, lanes), (right, row) in zip(result.writes, expected, strict=True):
        assert (address, lanes) == (right, {lane: row[lane] for lane in lanes})
    assert [word for word, _ in result.outputs] == [sum(c << 8 * at for at, c in enumerate(machine.outputs))]
    starts = [timing.start for timing in predict(CONFIG, jobs)]
    assert [start - result.starts[0] for start in result.starts] == [start - starts[0] for start in starts]
    assert [error for _, error in result.ends] == [0]
