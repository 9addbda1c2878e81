"""What becomes of codes: max pooling, of windows that overlap, stick out, or hold one position; and tables."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import ADDRESS_BITS, Kind
from hw.engine.verilog import engine_verilog
from rtl_gen.compiler.channels import Formula, with_kept_codes
from rtl_gen.compiler.cycles import predict
from rtl_gen.compiler.jobs import make_job
from rtl_gen.compiler.loops import Loop
from rtl_gen.compiler.program import Group, Job, encode
from sw_ref.format import StlqFormat
from verif.hw.engine.runner import Run, run

LANES = 4
CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=LANES, lanes=LANES), requant_lanes=2, memory_words=256
)
TABLES = replace(CONFIG, tables=True)
HEIGHT, WIDTH = 5, 7
SOURCES = HEIGHT * WIDTH * LANES
PAD, SOURCE, TARGET = 0, 1, 100


@pytest.fixture(scope="module")
def verilog() -> str:
    return engine_verilog(CONFIG)


def fill(address: int, code: int) -> Job:
    return make_job("fill", Kind.FILL, {}, [Group(tiles=1)], address=address, low=code, width=1, height=1, wait=1)


def identity() -> Group:
    """A tile of exact words: sums are the codes times 2^residual_shift."""
    shift = CONFIG.array.format.residual_shift
    # term(-M) is -1: the smallest word; its multiplier is -1.
    word = np.zeros((1, LANES, LANES), np.int8)
    word[0] = np.eye(LANES, dtype=np.int8) * CONFIG.array.format.codes[0]
    parameters = Formula(multiplier=-1, shift=shift).parameters()
    scale, offset = with_kept_codes(parameters, -(1 << shift), CONFIG.code_bits)
    # No rounding: the codes are exact.
    offset["offset"] -= (1 << shift) >> 1
    return Group(
        tiles=1,
        idle=CONFIG.requant_steps - 1,
        two_word=np.zeros(1, np.uint8),
        word1=word,
        word2=np.zeros_like(word),
        scales=[scale] * LANES,
        offsets=[offset] * LANES,
    )


def pool(kernel: int, stride: int, padding: int, outputs: tuple[int, int]) -> Job:
    """Windows of kernel x kernel positions; x and y count windows, out of range is read where the code is 0."""
    loops = {
        "pool_x": Loop(trips=kernel, address=1, x=1),
        "pool_y": Loop(trips=kernel, address=WIDTH, y=1),
        "x": Loop(trips=outputs[1], address=stride, x=stride),
        "y": Loop(trips=outputs[0], address=stride * WIDTH, y=stride),
    }
    fields = {
        "wait": 1,
        "address": (SOURCE - padding * (WIDTH + 1)) % (1 << ADDRESS_BITS),
        "x": -padding,
        "y": -padding,
        "width": WIDTH,
        "height": HEIGHT,
        "pad_address": PAD,
        "high": 255,
        "write_address": TARGET,
        "write_step_x": 1,
        "write_step_y": 1,
    }
    return make_job("pool", Kind.CONV, loops, [identity()], **fields)


def before(acts: NDArray[np.int64]) -> tuple[list[Job], list[int]]:
    """The jobs that bring codes (height, width, lanes) into the memory, and the words that they read."""
    codes = {"x": Loop(trips=LANES, x=1), "pool_x": Loop(trips=HEIGHT * WIDTH, address=1)}
    fields = {"address": SOURCE, "width": LANES, "height": 1, "wait": 1, "last": 1}
    values = acts.reshape(-1, LANES).T.reshape(-1, 4).tolist()
    words = [sum(code << (8 * at) for at, code in enumerate(four)) for four in values]
    return [fill(PAD, 0), make_job("in", Kind.INPUT, codes, [Group(tiles=1)], **fields)], words


def check(config: EngineConfig, result: Run, jobs: Sequence[Job], expected: Sequence[NDArray[np.int64]]) -> None:
    """Each job after the first two wrote its codes (positions, lanes) from TARGET on, and started as predicted."""
    written = [(address, [lanes[lane] for lane in range(LANES)]) for address, lanes in result.writes[1 + SOURCES :]]
    assert written == [(TARGET + at, codes) for part in expected for at, codes in enumerate(part.tolist())]
    timings = predict(config, jobs)
    starts = [timing.start - timings[0].start for timing in timings]
    assert [start - result.starts[0] for start in result.starts] == starts
    if timings[-1].written:
        # `busy` falls two cycles after the last word is written.
        assert result.ends == [(timings[-1].written + 2 + result.starts[0] - timings[0].start, 0)]


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 0), (1, 1, 0)])
def test_each_window_gives_its_largest_codes(
    verilog: str, tmp_path: Path, kernel: int, stride: int, padding: int
) -> None:
    acts = np.random.default_rng(kernel).integers(0, 256, (HEIGHT, WIDTH, LANES))
    padded = np.pad(acts, ((padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (0, 1))[::stride, ::stride]
    largest = windows.max((-1, -2))
    jobs, words = before(acts)
    jobs.append(pool(kernel, stride, padding, largest.shape[:2]))
    result = run(CONFIG, verilog, tmp_path, encode(CONFIG, jobs), words)
    check(CONFIG, result, jobs, [largest.reshape(-1, LANES)])


@pytest.mark.parametrize("bus_bits", [16, 32, 512])
def test_codes_go_through_the_table_of_their_job(tmp_path: Path, bus_bits: int) -> None:
    rng = np.random.default_rng(bus_bits)
    acts = rng.integers(0, 256, (HEIGHT, WIDTH, LANES))
    jobs, words = before(acts)
    expected = []
    # Jobs that do not wait for each other; the third one has no table.
    for number in range(5):
        table = rng.integers(0, 256, 256) if number != 2 else np.arange(256)
        job = pool(1, 1, 0, (HEIGHT, WIDTH))
        fields = {**job.fields, "wait": int(not number), "table": int(number != 2)}
        jobs.append(replace(job, fields=fields, table=table.tolist() if number != 2 else ()))
        expected.append(table[acts.reshape(-1, LANES)])
    # A code that is stored is none that goes through the last job's table.
    jobs.append(fill(TARGET, 77))
    expected.append(np.full((1, LANES), 77))
    config = replace(TABLES, bus_bits=bus_bits)
    flat = sum(word << (32 * at) for at, word in enumerate(words))
    words = [(flat >> at) & ((1 << bus_bits) - 1) for at in range(0, 32 * len(words), bus_bits)]
    result = run(config, engine_verilog(config), tmp_path, encode(config, jobs), words)
    check(config, result, jobs, expected)


def test_flags_of_an_earlier_job_do_not_count_before_a_convolution(verilog: str, tmp_path: Path) -> None:
    """A long fill has the half of a group with a two-word tile, and a convolution starts with its last element."""
    acts = np.random.default_rng(6).integers(0, 256, (HEIGHT, WIDTH, LANES))
    jobs, words = before(acts)
    job, count = pool(1, 1, 0, (HEIGHT, WIDTH)), 150
    two = replace(identity(), two_word=np.ones(1, np.uint8))
    long = make_job(
        *("fill", Kind.FILL, {"x": Loop(trips=count, address=1)}, [Group(tiles=1)]),
        **{"address": TARGET, "low": 77, "width": 1, "height": 1, "wait": 1},
    )
    jobs += [replace(job, groups=[two]), fill(TARGET, 5), long, replace(job, fields={**job.fields, "wait": 0})]
    codes = acts.reshape(-1, LANES)
    result = run(CONFIG, verilog, tmp_path, encode(CONFIG, jobs), words, limit=2000)
    check(CONFIG, result, jobs, [codes, np.full((1, LANES), 5), np.full((count, LANES), 77), codes])
    assert result.starts[-1] == result.starts[-2] + count


@pytest.mark.parametrize("cycle", np.random.default_rng(5).integers(2, 340, 8).tolist())
def test_all_starts_again_after_a_reset_at_any_time(verilog: str, tmp_path: Path, cycle: int) -> None:
    acts = np.random.default_rng(cycle).integers(0, 256, (HEIGHT, WIDTH, LANES))
    jobs, words = before(acts)
    jobs.append(pool(1, 1, 0, (HEIGHT, WIDTH)))
    result = run(CONFIG, verilog, tmp_path, encode(CONFIG, jobs), words, reset=cycle, limit=2000)
    check(CONFIG, result, jobs, [acts.reshape(-1, LANES)])


@pytest.mark.parametrize("seed", range(4))
def test_stalls_change_no_code(verilog: str, tmp_path: Path, seed: int) -> None:
    acts = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, LANES))
    jobs, words = before(acts)
    jobs.append(pool(1, 1, 0, (HEIGHT, WIDTH)))
    program = encode(CONFIG, jobs)
    result = run(CONFIG, verilog, tmp_path, program + program, words * 2, stalls=20 + 20 * seed, seed=seed, limit=20000)
    written = [(address, list(lanes.values())) for address, lanes in result.writes]
    half = len(written) // 2
    assert written[:half] == written[half:]
    assert written[1 + SOURCES : half] == [
        (TARGET + at, codes) for at, codes in enumerate(acts.reshape(-1, LANES).tolist())
    ]
    assert [error for _, error in result.ends] == [0, 0]
