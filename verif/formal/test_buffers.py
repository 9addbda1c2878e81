"""The buffers of weights and parameters never lose, repeat or read early: loader and sequencer, each for ever."""

from pathlib import Path
from typing import Any

import pytest
from amaranth import Value
from amaranth.lib.wiring import In, Out

from hw.component import Modules
from hw.engine.encoding import GROUP
from hw.engine.groups import GroupLoader
from hw.engine.latency import FRONT_CYCLES
from hw.engine.sequencer import Sequencer
from hw.verilog import verilog
from verif.formal.device import wire
from verif.formal.sby import prove
from verif.hw.engine.bench import CONFIG
from verif.hw.faults import driven
from verif.hw.inside import Inside

DEPTH = 4
PARTS: dict[str, Any] = {"groups": GroupLoader, "sequencer": Sequencer}
# Names of signals inside, and under which the proof knows them.
WIRES = {
    "groups": "fsm_state half:dut_half kept:dut_kept occupied half_occupied half_kept slot:dut_slot entry "
    "term:dut_term "
    "tiles.beat:tile_beat",
    "sequencer": "running holding place:dut_place left:dut_left",
}
FAULTS = {
    "a half is filled while its last words are read": (
        "groups",
        driven(GroupLoader, "occupied", lambda was, at: was & ~at.buffers__front_frees),
    ),
    "parameters are overwritten": ("groups", driven(GroupLoader, "half_kept", lambda was, at: was & at.half)),
    "a half is freed twice": ("groups", driven(GroupLoader, "buffers__full", lambda was, at: was | at.kept)),
    "a group that is not there": ("sequencer", driven(Sequencer, "running", lambda was, at: was | at.holding)),
    "an element again": ("sequencer", driven(Sequencer, "left", lambda was, at: was - at.start)),
}


def sources(name: str) -> dict[str, str]:
    modules = Modules()
    part: Any = modules.add(PARTS[name], CONFIG)
    sizes = {
        "BEAT_SLOTS": CONFIG.beat_slots,
        "SCALE_SLOTS": CONFIG.slots(CONFIG.scale_bits),
        "OFFSET_SLOTS": CONFIG.slots(CONFIG.offset_bits),
        "BEAT_BITS": (CONFIG.group_beats - 1).bit_length(),
        "CHUNKS": CONFIG.requant_steps,
        "CHUNK_BITS": (CONFIG.requant_steps - 1).bit_length(),
        "IDLE_BITS": GROUP["idle"].bits,
        "LATE": FRONT_CYCLES - 2,
        "PLACE": max((CONFIG.group_beats - 1).bit_length(), GROUP["idle"].bits) + 1,
    }
    inside = Inside.of(PARTS[name](CONFIG))
    inputs, device = ports(part)
    lines = {
        "INPUTS": inputs,
        "DEVICE": device,
        "WIRES": [wire(inside, *pair.split(":")) for pair in WIRES[name].split()],
    }
    proof = Path(__file__).with_name(f"{name}_proof.sv").read_text()
    for place, text in lines.items():
        proof = proof.replace(f"  // {place}\n", "\n".join([*text, ""]))
    defines = "".join(f"`define {size} {value}\n" for size, value in sizes.items())
    return {"part.v": verilog(modules), "proof.sv": defines + proof}


def ports(part: Any) -> tuple[list[str], list[str]]:
    """Inputs of the proof for those of the part, which may be anything; wires for its outputs, and the part itself."""
    found: dict[Any, list[str]] = {In: [], Out: []}
    names = ["clk", "rst"]
    for path, member, value in part.signature.flatten(part):
        names.append("__".join(map(str, path)))
        found[member.flow].append(f"[{len(Value.cast(value)) - 1}:0] \\{names[-1]} ")
    connected = ", ".join(f".\\{name} (\\{name} )" for name in names)
    inputs = ",\n".join(f"  input {port}" for port in ("clk", "rst", *found[In]))
    return [inputs], [*(f"  wire {port};" for port in found[Out]), f"  {part.module} dut ({connected});"]


@pytest.mark.parametrize("name", PARTS)
def test_no_word_is_lost_repeated_or_read_early(name: str, tmp_path: Path) -> None:
    assert prove(tmp_path, sources(name), f"{name}_proof", mode="prove", depth=DEPTH) == "PASS"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_one_is_refused(fault: str, tmp_path: Path) -> None:
    name, broken = FAULTS[fault]
    with broken.planted():
        text = sources(name)
    assert prove(tmp_path, text, f"{name}_proof", mode="bmc", depth=20) == "FAIL"
