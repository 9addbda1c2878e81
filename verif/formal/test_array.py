"""A small array, proven for ever; and the same proof refused to devices that are broken."""

from pathlib import Path

import pytest

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from sw_ref.format import StlqFormat
from verif.formal.sby import prove
from verif.formal.terms import times_term
from verif.hw.mutants import MUTANTS

PROOF = Path(__file__).with_name("array_proof.sv").read_text()
# Of the broken designs that the benches reject, those that can be made of a small array too.
WRONG_SUMS = (
    "residual shift on the wrong word",
    "wrong sign",
    "zero word counts",
    "second word dropped, its flag ignored",
    "sum not cleared for the next",
    "sum survives reset",
)
BROKEN_STREAMS = (
    "two_word read from the second beat",
    "last read from the second beat",
    "activations let go after one word",
    "beat lost under stall",
    "ready whether or not there is room",
    "waiting sum overwritten",
    "valid falls before the transfer",
    "sums repeated",
    "sums never come",
    "nothing is ever worked off",
    "residual state survives reset",
    "ready in reset",
)
SMALL = ArrayConfig(format=StlqFormat(bits=3, act_bits=2, residual_shift=2), pe=1, lanes=2, depth=6)


def sources(verilog: str, *flags: str) -> dict[str, str]:
    """The proof around `verilog`, for the configuration SMALL."""
    fmt = SMALL.format
    constants = {
        "BITS": fmt.bits,
        "TILES": SMALL.pe * SMALL.lanes * fmt.bits + 2,
        "ACTS": SMALL.lanes * fmt.act_bits,
        "PRODUCT": fmt.act_bits + fmt.levels - 1,
        "NEAR": fmt.act_bits + fmt.levels // 2 - 1,
        "FAR": fmt.levels // 2,
        "SUMS": SMALL.pe * SMALL.acc_bits,
        "LATENCY": SMALL.latency_cycles,
        "SHIFT": fmt.residual_shift,
        **dict.fromkeys(flags, 1),
    }
    defines = "".join(f"`define {name} {value}\n" for name, value in constants.items())
    proof = PROOF.replace("endmodule", times_term(fmt, SMALL.acc_bits) + "endmodule")
    return {"array.v": verilog, "array_proof.sv": defines + proof}


def test_streams_and_sums_are_right_for_ever(tmp_path: Path) -> None:
    assert prove(tmp_path, sources(array_verilog(SMALL)), "array_proof", mode="prove", depth=2) == "PASS"


def test_sums_come_in_time_for_ever(tmp_path: Path) -> None:
    depth = SMALL.latency_cycles + 6
    assert (
        prove(tmp_path, sources(array_verilog(SMALL), "PROGRESS"), "array_proof", mode="prove", depth=depth) == "PASS"
    )


@pytest.mark.parametrize("name", WRONG_SUMS)
def test_wrong_sums_are_refused(name: str, tmp_path: Path) -> None:
    broken = MUTANTS[name].apply(array_verilog(SMALL))
    assert prove(tmp_path, sources(broken), "array_proof", mode="bmc", depth=10) == "FAIL"


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_broken_streams_are_refused(name: str, tmp_path: Path) -> None:
    broken = MUTANTS[name].apply(array_verilog(SMALL))
    assert prove(tmp_path, sources(broken, "PROGRESS"), "array_proof", mode="bmc", depth=12) == "FAIL"
