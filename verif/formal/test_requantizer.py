"""A lane of the requantizer against its formula, proven for all inputs, from any state of its registers."""

from pathlib import Path

import pytest

from hw.component import Modules
from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.encoding import TERM, width
from hw.engine.latency import OFFSET_CYCLES
from hw.engine.requantizer_lane import RequantizerLane
from hw.verilog import verilog
from sw_ref.format import StlqFormat
from verif.formal.sby import prove
from verif.hw.faults import driven

PROOF = Path(__file__).with_name("requantizer_proof.sv").read_text()
PRODUCT, CODE_AFTER = OFFSET_CYCLES, 4  # cycles from a step to its term, and from the sum of all terms to the code
WINDOW = PRODUCT + 1 + CODE_AFTER  # cycles that a code depends on, once the sum before it is known


def config(act_bits: int, *, depth: int) -> EngineConfig:
    """An engine whose lane has codes of `act_bits` and sums of `depth` inputs."""
    fmt = StlqFormat(act_bits=act_bits, act_signed=False)
    return EngineConfig(array=ArrayConfig(format=fmt, pe=1, lanes=1, depth=depth), requant_lanes=1)


# Of the narrow one's sums nothing is left behind the longest shifts.
CONFIGS = {"narrow": config(4, depth=1), "default": config(8, depth=4096)}
FAULTS = {
    "second term with the first one's sign": driven(RequantizerLane, "inverted_late2", lambda was, at: at.negative),
    "the sum before it goes on": driven(RequantizerLane, "begins_late3", lambda was, at: 0),
    "what is above the code is lost": driven(RequantizerLane, "above_near", lambda was, at: 0),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_code_is_that_of_the_formula(name: str, tmp_path: Path) -> None:
    assert prove(tmp_path, sources(CONFIGS[name]), "requantizer_proof", mode="bmc", depth=WINDOW + 1) == "PASS"


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_lane_is_refused(name: str, tmp_path: Path) -> None:
    with FAULTS[name].planted():
        broken = sources(CONFIGS["narrow"])
    assert prove(tmp_path, broken, "requantizer_proof", mode="bmc", depth=WINDOW + 1) == "FAIL"


def sources(of: EngineConfig) -> dict[str, str]:
    modules = Modules()
    modules.add(RequantizerLane, of)
    sizes = {
        "CODE": of.code_bits,
        "WIDE": of.product_bits,
        "ACC": of.core.acc_bits,
        "TERM": width(TERM),
        "PRODUCT": PRODUCT,
        "CODE_AFTER": CODE_AFTER,
        "WINDOW": WINDOW,
    }
    defines = "".join(f"`define {name} {value}\n" for name, value in sizes.items())
    # A struct's last field has its lowest bits.
    fields = "".join(f"  logic [{field.bits - 1}:0] {name};\n" for name, field in reversed(TERM.items()))
    return {"lane.v": verilog(modules), "requantizer_proof.sv": defines + PROOF.replace("  // FIELDS\n", fields)}
