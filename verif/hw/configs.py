"""The configurations that every bench runs on: each end of each parameter's range, and odd shapes between.

Wide arrays are small in the other direction, and depths are such that a dot product of full depth
still simulates in seconds; ``deepest`` reaches the largest depth with its 64 lanes.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from sw_ref.files import write_atomically
from sw_ref.format import StlqFormat

SHARED = "STLQ_TEST_RUN"
"""The variable with the folder that the processes of a test run share."""

_FORMAT_FIELDS = {"bits", "act_bits", "act_signed", "residual_shift"}


def _config(**values: Any) -> ArrayConfig:
    fmt = {name: values.pop(name) for name in _FORMAT_FIELDS & set(values)}
    return ArrayConfig(format=StlqFormat(**fmt), **values)


CONFIGS: dict[str, ArrayConfig] = {
    "default": _config(),
    "smallest": _config(bits=2, act_bits=2, residual_shift=0, pe=1, lanes=1, depth=1),
    "smallest_unsigned": _config(bits=2, act_bits=2, act_signed=False, residual_shift=0, pe=2, lanes=1, depth=3),
    "deepest": _config(bits=5, act_bits=16, act_signed=False, residual_shift=4, pe=1, lanes=64, depth=1 << 20),
    "widest_word": _config(bits=5, act_bits=16, residual_shift=4, pe=2, lanes=3, depth=100),
    "tall": _config(bits=2, act_bits=4, residual_shift=4, pe=64, lanes=1, depth=40),
    "tall_pairs": _config(bits=3, act_bits=3, act_signed=False, residual_shift=1, pe=64, lanes=2, depth=64),
    "wide": _config(bits=4, act_bits=8, act_signed=False, residual_shift=3, pe=1, lanes=64, depth=1000),
    "wide_signed": _config(bits=3, act_bits=6, residual_shift=0, pe=3, lanes=64, depth=640),
    "odd_3x5": _config(residual_shift=1, pe=3, lanes=5, depth=37),
    "odd_7x9": _config(bits=4, act_bits=7, act_signed=False, residual_shift=3, pe=7, lanes=9, depth=100),
    "one_lane": _config(bits=5, act_bits=2, act_signed=False, residual_shift=4, pe=5, lanes=1, depth=50),
    "one_input": _config(bits=4, act_bits=16, residual_shift=2, pe=4, lanes=4, depth=1),
    "two_lanes": _config(bits=5, act_bits=5, residual_shift=0, pe=3, lanes=2, depth=33),
    "one_pe": _config(bits=3, act_bits=16, act_signed=False, residual_shift=0, pe=1, lanes=7, depth=300),
    "paper_tile": _config(bits=3, act_bits=3, act_signed=False, residual_shift=0, pe=16, lanes=16, depth=256),
    "no_registers": _config(residual_shift=1, pe=3, lanes=5, depth=37, pipeline=0),
    "no_registers_one_lane": _config(bits=2, act_bits=5, act_signed=False, pe=2, lanes=1, depth=9, pipeline=0),
    "lane_registers": _config(bits=4, act_bits=6, act_signed=False, pe=2, lanes=8, depth=64, pipeline=1),
    "every_other_register": _config(bits=5, residual_shift=3, pe=2, lanes=11, depth=99, pipeline=2),
    "buffered": _config(pipeline=4, choices=1),
    "buffered_3x5": _config(bits=4, act_bits=5, act_signed=False, pe=3, lanes=5, depth=37, pipeline=4, choices=1),
    "buffered_chains": _config(bits=2, act_bits=3, residual_shift=0, pe=2, lanes=7, depth=9, pipeline=4),
    "multiplexers": _config(bits=4, act_bits=6, pe=2, lanes=6, depth=40, choices=1),
    "two_choices": _config(bits=3, act_bits=5, act_signed=False, pe=2, lanes=5, depth=40, choices=2),
    "two_pixels": _config(bits=3, act_bits=4, pixels=2, pe=2, lanes=5, depth=40),
    "most_pixels": _config(bits=4, act_bits=3, act_signed=False, pixels=8, pe=2, lanes=1, depth=9, pipeline=0),
    "buffered_pixels": _config(bits=5, act_bits=3, pixels=3, pe=3, lanes=2, depth=20, pipeline=4, choices=2),
    "other_name": _config(pe=2, lanes=2, depth=64, name="my_macs"),
}


@cache
def verilog_of(name: str) -> str:
    """The Verilog of a configuration, made once for all tests of a run, in whichever process they are."""
    folder = os.environ.get(SHARED)
    if folder is None:
        return array_verilog(CONFIGS[name])
    path = Path(folder) / f"{name}.v"
    if not path.is_file():
        write_atomically(path, array_verilog(CONFIGS[name]).encode())
    return path.read_text()
