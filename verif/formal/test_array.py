"""The streams' rules of a small array, proven for ever; and that the proof notices a device that breaks them."""

from pathlib import Path

from hw.config import ArrayConfig
from hw.verilog import array_verilog
from sw_ref.format import StlqFormat
from verif.formal.sby import prove
from verif.formal.terms import times_term

HERE = Path(__file__).parent
SMALL = ArrayConfig(format=StlqFormat(bits=2, act_bits=2, residual_shift=1), pe=1, lanes=2, depth=6)


def sources(module: str, verilog: str) -> dict[str, str]:
    """The module of assertions around `verilog`, for the configuration SMALL."""
    constants = {
        "TILES": SMALL.pe * SMALL.lanes * SMALL.format.bits + 2,
        "ACTS": SMALL.lanes * SMALL.format.act_bits,
        "SUMS": SMALL.pe * SMALL.acc_bits,
        "LATENCY": SMALL.latency_cycles,
        "SHIFT": SMALL.format.residual_shift,
    }
    defines = "".join(f"`define {name} {value}\n" for name, value in constants.items())
    text = (
        (HERE / f"{module}.sv").read_text().replace("endmodule", times_term(SMALL.format, SMALL.acc_bits) + "endmodule")
    )
    return {"array.v": verilog, f"{module}.sv": defines + text}


def test_stream_rules_hold_for_ever(tmp_path: Path) -> None:
    assert prove(tmp_path, sources("array_rules", array_verilog(SMALL)), "array_rules", mode="prove", depth=9) == "PASS"


def test_sums_equal_the_naive_model(tmp_path: Path) -> None:
    assert prove(tmp_path, sources("array_sums", array_verilog(SMALL)), "array_sums", mode="bmc", depth=10) == "PASS"
