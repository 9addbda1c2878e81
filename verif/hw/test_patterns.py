"""Beats written by hand, against the software's packing, the hardware's layouts, and the Verilog."""

from pathlib import Path

import numpy as np

from hw.layouts import acts_layout, sums_layout, tiles_layout
from hw.verilog import array_verilog
from sw_ref.integer import dot
from sw_ref.stream import act_beats, pack_fields, tile_stream
from verif.hw import simulator as sim
from verif.hw.patterns import ACTS, CONFIG, SUMS, SUMS_PAYLOADS, TILES
from verif.hw.scoreboard import unpack_signed
from verif.hw.stimulus import make_job

FIRST = make_job(
    CONFIG,
    np.array([[1, -1], [-4, 0]]),
    np.array([[2, 0], [3, -2]]),
    two_word=np.array([True]),
    acts=np.array([-8, 7]),
)
SECOND = make_job(
    CONFIG,
    np.array([[0, 3], [-3, 1]]),
    np.zeros((2, 2)),
    two_word=np.array([False]),
    acts=np.array([1, -1]),
)
JOBS = (FIRST, SECOND)


def test_verilog(simulator: str, seed: int, tmp_path: Path) -> None:
    sim.build(simulator, CONFIG, array_verilog(CONFIG), tmp_path)
    result = sim.run(simulator, CONFIG, tmp_path, "verif.hw.tb_patterns", seed=seed)
    assert result == sim.Result(("patterns_written_by_hand",), {})


def test_software_packing() -> None:
    fmt = CONFIG.format
    assert [beat for job in JOBS for beat in tile_stream(job.tensor).payloads(fmt.bits)] == TILES
    beats = [beat for job in JOBS for beats in act_beats(job.tensor, job.acts, CONFIG.pixels) for beat in beats]
    assert [pack_fields(beat, fmt.act_bits) for beat in beats] == ACTS
    assert [dot(job.tensor, job.acts).tolist() for job in JOBS] == [[sums] for sums in SUMS]
    assert [unpack_signed(payload, CONFIG.pe, CONFIG.acc_bits) for payload in SUMS_PAYLOADS] == SUMS


def test_hardware_layouts() -> None:
    tiles = tiles_layout(CONFIG).const({"words": [[1, -1], [-4, 0]], "two_word": 1, "last": 1})
    assert (tiles.as_bits(), tiles_layout(CONFIG).size) == (TILES[0], 14)
    assert (acts_layout(CONFIG).const([-8, 7]).as_bits(), acts_layout(CONFIG).size) == (ACTS[0], 8)
    assert (sums_layout(CONFIG).const(SUMS[0]).as_bits(), sums_layout(CONFIG).size) == (SUMS_PAYLOADS[0], 20)
