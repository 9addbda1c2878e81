"""The buffers of weights and parameters never lose, repeat or read early: loader and sequencer, each for ever."""

from pathlib import Path
from typing import Any

import pytest

from hw.component import Modules
from hw.engine.config import FRONT_CYCLES
from hw.engine.encoding import GROUP, JOB, width
from hw.engine.groups import GroupLoader
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
    kind = PARTS[name]
    modules.add(kind, CONFIG)
    sizes = {
        "BUS": CONFIG.bus_bits,
        "BEAT_SLOTS": CONFIG.beat_slots,
        "SCALE_SLOTS": CONFIG.slots(CONFIG.scale_bits),
        "OFFSET_SLOTS": CONFIG.slots(CONFIG.offset_bits),
        "BEAT_BITS": (CONFIG.group_beats - 1).bit_length(),
        "CHUNKS": CONFIG.requant_steps,
        "CHUNK_BITS": (CONFIG.requant_steps - 1).bit_length(),
        "IDLE_BITS": GROUP["idle"].bits,
        "LATE": FRONT_CYCLES - 2,
        "JOB": width(JOB),
        "TRIPS": JOB["trips_group"].bits,
        "PLACE": max((CONFIG.group_beats - 1).bit_length(), GROUP["idle"].bits) + 1,
    }
    inside = Inside.of(kind(CONFIG))
    wires = [wire(inside, *pair.split(":")) for pair in WIRES[name].split()]
    proof = Path(__file__).with_name(f"{name}_proof.sv").read_text().replace("  // WIRES\n", "\n".join([*wires, ""]))
    defines = "".join(f"`define {size} {value}\n" for size, value in sizes.items())
    return {"part.v": verilog(modules), "proof.sv": defines + proof}


@pytest.mark.parametrize("name", PARTS)
def test_no_word_is_lost_repeated_or_read_early(name: str, tmp_path: Path) -> None:
    assert prove(tmp_path, sources(name), f"{name}_proof", mode="prove", depth=DEPTH) == "PASS"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_one_is_refused(fault: str, tmp_path: Path) -> None:
    name, broken = FAULTS[fault]
    with broken.planted():
        text = sources(name)
    assert prove(tmp_path, text, f"{name}_proof", mode="bmc", depth=20) == "FAIL"
