"""Max pooling on the codes of the engine: of windows that overlap, stick out, or hold one position."""

from pathlib import Path

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import ADDRESS_BITS, Kind
from hw.engine.verilog import engine_verilog
from rtl_gen.compiler.channels import channel_parameters
from rtl_gen.compiler.cycles import predict
from rtl_gen.compiler.jobs import make_job
from rtl_gen.compiler.loops import Loop
from rtl_gen.compiler.program import Group, Job, encode
from sw_ref.format import StlqFormat
from verif.hw.engine.runner import run

LANES = 4
CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=LANES, lanes=LANES), requant_lanes=2, memory_words=256
)
HEIGHT, WIDTH = 5, 7
PAD, SOURCE, TARGET = 0, 1, 100


@pytest.fixture(scope="module")
def verilog() -> str:
    return engine_verilog(CONFIG)


def fill(address: int, code: int) -> Job:
    return make_job("fill", Kind.FILL, {}, [Group(tiles=1)], address=address, fill=code, width=1, height=1, wait=1)


def identity() -> Group:
    """A tile of exact words: sums are the codes times 2^residual_shift."""
    shift = CONFIG.array.format.residual_shift
    # term(-M) is -1: the smallest word; its multiplier is -1.
    word = np.zeros((1, LANES, LANES), np.int8)
    word[0] = np.eye(LANES, dtype=np.int8) * CONFIG.array.format.codes[0]
    scale, offset = channel_parameters(bias=0, multiplier=-1, shift=shift)
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


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 0), (1, 1, 0)])
def test_each_window_gives_its_largest_codes(
    verilog: str, tmp_path: Path, kernel: int, stride: int, padding: int
) -> None:
    rng = np.random.default_rng(kernel)
    acts = rng.integers(0, 256, (HEIGHT, WIDTH, LANES))
    padded = np.pad(acts, ((padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (0, 1))[::stride, ::stride]
    expected = windows.max((-1, -2))
    jobs = [fill(PAD, 0)]
    codes = {"x": Loop(trips=LANES, x=1), "pool_x": Loop(trips=HEIGHT * WIDTH, address=1)}
    jobs.append(
        make_job("in", Kind.INPUT, codes, [Group(tiles=1)], address=SOURCE, width=LANES, height=1, wait=1, last=1)
    )
    jobs.append(pool(kernel, stride, padding, expected.shape[:2]))
    jobs.append(fill(TARGET - 1, 9))
    values = acts.reshape(-1, LANES).T.reshape(-1)
    inputs = [int(sum(int(v) << (8 * at) for at, v in enumerate(values[i : i + 4]))) for i in range(0, len(values), 4)]
    result = run(CONFIG, verilog, tmp_path, encode(CONFIG, jobs), inputs)
    written = [(address, [lanes[lane] for lane in range(LANES)]) for address, lanes in result.writes[1 + len(values) :]]
    assert written[:-1] == [(TARGET + at, codes) for at, codes in enumerate(expected.reshape(-1, LANES).tolist())]
    assert written[-1] == (TARGET - 1, [9] * LANES)
    timings = predict(CONFIG, jobs)
    assert [start - result.starts[0] for start in result.starts] == [
        timing.start - timings[0].start for timing in timings
    ]
