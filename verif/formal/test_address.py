"""The address generator against the closed form of its loops, for ever: any jobs, one behind the other."""

from pathlib import Path

import pytest
from amaranth import Cat

from hw.component import Modules
from hw.engine.address import BOUNDS, PLACE, AddressGenerator
from hw.engine.encoding import JOB, LOOPS, POSITION_BITS, STEP, TILE_LOOPS, width
from hw.verilog import verilog
from verif.formal.device import wire
from verif.formal.sby import prove
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven
from verif.hw.inside import Inside

PROOF = Path(__file__).with_name("address_proof.sv").read_text()
TURN_BITS = 12  # of the longest loop
DEPTH = 5
TILES = LOOPS[:TILE_LOOPS]
FAULTS = {
    "a step of the job before": driven(
        AddressGenerator, "step_entry", lambda was, at: Cat(was[:-1], was[-1] | at.kernel_x_end)
    ),
    "the second beat moves on, too": driven(AddressGenerator, "done", lambda was, at: at.issue_2),
    "rows begin where the row before ended": driven(AddressGenerator, "channel_end", lambda was, at: was & ~at.bank),
}


def test_every_address_is_that_of_the_closed_form(tmp_path: Path) -> None:
    assert prove(tmp_path, sources(), "address_proof", mode="prove", depth=DEPTH) == "PASS"


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_one_is_refused(name: str, tmp_path: Path) -> None:
    with FAULTS[name].planted():
        broken = sources()
    assert prove(tmp_path, broken, "address_proof", mode="bmc", depth=12) == "FAIL"


def sources() -> dict[str, str]:
    modules = Modules()
    device = modules.add(AddressGenerator, CONFIG)
    bits = CONFIG.address_bits
    sizes: dict[str, int | str] = {
        "STEP_BITS": width(STEP),
        "ADDRESS": bits,
        "LANE": len(device.lane),
        "STEP": bits + 2 * POSITION_BITS,
    }
    # Of addresses the lowest bits count. So they are packed closer here than in a step.
    for prefix, at in (("", STEP["address"].bits), ("OWN_", bits)):
        for number, name in enumerate("XY"):
            sizes[prefix + name] = f"{at + number * POSITION_BITS} +: {POSITION_BITS}"
    sizes["A"] = f"0 +: {bits}"
    proof = PROOF
    for place, lines in {"JOB": _fields(), "LAST": _last(), "WIRES": _wires(), "LOOPS": _loops()}.items():
        proof = proof.replace(f"// {place}\n", "\n".join(lines).lstrip() + "\n")
    defines = "".join(f"`define {name} {value}\n" for name, value in sizes.items())
    return {"address.v": verilog(modules), "address_proof.sv": defines + proof}


def _fields() -> list[str]:
    """A struct's last field has its lowest bits."""
    return [f"  logic [{field.bits - 1}:0] {name};" for name, field in reversed(JOB.items())]


def _last() -> list[str]:
    trips = [(f"trips_{loop}", TURN_BITS - JOB[f"trips_{loop}"].bits) for loop in reversed(LOOPS)]
    return [
        ",\n".join(f"    {{{zeros}'b0, job_now.{name}}}" if zeros else f"    job_now.{name}" for name, zeros in trips)
    ]


def _wires() -> list[str]:
    inside = Inside.of(AddressGenerator(CONFIG))
    registers = [f"{kind}_{name}" for kind in ("own", "moved") for name in PLACE] + [f"own_{name}" for name in BOUNDS]
    loops = [f"{loop}{part}" for loop in TILES for part in ("", "_end", "_single")]
    lines = [wire(inside, name) for name in ("bank", *registers, *loops)]
    return [*lines, wire(inside, "residual", "dut_residual")]


def _loops() -> list[str]:
    """A counter is one ahead; while no job runs it is at its start."""
    lines = []
    for number, loop in enumerate(TILES):
        turns = f"[12*{number} +: {JOB[f'trips_{loop}'].bits}]"
        lines += [
            f"    assume (job_now.single_{loop} == !job_now.trips_{loop});",
            f"    if (!running_now) assert ({loop} == 1);",
            f"    else assert ({loop}_end == ended[{number}] && {loop}_single == !last{turns});",
            f"    if (running_now) assert ({loop} == turn_now{turns} + {JOB[f'trips_{loop}'].bits}'d1);",
        ]
    return lines
