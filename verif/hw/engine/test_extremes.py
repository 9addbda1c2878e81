"""Fields at their lowest and highest values, through the engine's Verilog: what it writes, and when."""

from pathlib import Path

import numpy as np

from hw.engine.verilog import engine_verilog
from rtl_gen.compiler.cycles import predict
from rtl_gen.compiler.program import encode
from verif.hw.engine.extremes import CONFIG, LANES, TOP, WHOLE, convolutions, missed, transfers
from verif.hw.engine.runner import run
from verif.rtl_gen.compiler.interpreter import Machine

CODES = [0, 255, 17, 128, 9, 200, 31, 64]


def test_every_field_is_at_its_lowest_and_its_highest_value() -> None:
    assert missed([*transfers(), *convolutions()]) == set()
    assert missed(transfers()) > {("trips_channel", 1023), ("add_terms", 2), ("idle", 255), ("write_step_x", TOP)}


def test_the_engine_does_what_the_program_says(tmp_path: Path) -> None:
    jobs = [*transfers(), *convolutions()]
    machine = Machine(WHOLE, np.zeros((WHOLE.memory_words, LANES), np.int64), list(CODES))
    machine.run(encode(WHOLE, jobs))
    inputs = [sum(code << 8 * at for at, code in enumerate(CODES[first : first + 4])) for first in (0, 4)]
    result = run(CONFIG, engine_verilog(CONFIG), tmp_path, encode(CONFIG, jobs), inputs, limit=100_000)
    expected = [pair for addresses, rows in machine.written for pair in zip(addresses, rows, strict=True)]
    assert len(result.writes) == len(expected)
    for (address, lanes), (right, row) in zip(result.writes, expected, strict=True):
        assert (address, lanes) == (right % CONFIG.memory_words, {lane: row[lane] for lane in lanes})
    assert [word for word, _ in result.outputs] == [sum(c << 8 * at for at, c in enumerate(machine.outputs))]
    starts = [timing.start for timing in predict(CONFIG, jobs)]
    assert [start - result.starts[0] for start in result.starts] == [start - starts[0] for start in starts]
    assert [error for _, error in result.ends] == [0]
