"""Memories become block RAM: none falls apart into flip-flops, none takes logic."""

from dataclasses import replace
from typing import Any

import pytest

from hw.component import Modules
from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from hw.engine.memory import ActivationMemory
from hw.engine.store import Store
from hw.verilog import verilog
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import Flow, mapped
from sw_ref.format import StlqFormat

CONFIG = EngineConfig(
    array=ArrayConfig(format=StlqFormat(act_signed=False), pe=4, lanes=4), requant_lanes=2, memory_words=2048
)
MEMORY = (ActivationMemory, CONFIG)
BEATS = (Store, CONFIG, "beats", CONFIG.beat_bits, 2 * CONFIG.group_beats)


def cells_of(modules: Modules, top: str, target: str) -> dict[str, int]:
    """What `top` takes of a target, but for registers, a clock buffer and constants."""
    technology = TARGETS[target]
    after = mapped(verilog(modules), top, Flow(passes=technology.script(top))).after
    others = (*technology.cells["flip_flops"], "BUFG", "GND", "VCC")
    return {name: count for name, count in after["num_cells_by_type"].items() if not name.startswith(others)}


@pytest.mark.parametrize(
    ("target", "kind", "blocks"),
    [
        # Four memories of 2,048 codes: true dual-port, one block each; twice four blocks each where there is no such.
        ("xilinx", MEMORY, {"RAMB18E1": 4}),
        ("ecp5", MEMORY, {"DP16KD": 4}),
        ("ice40", MEMORY, {"SB_RAM40_4K": 4 * 4 * 2}),
        # 48 bits of 512 beats, in slots of 32 and 16.
        ("xilinx", BEATS, {"RAMB18E1": 2}),
        ("ecp5", BEATS, {"DP16KD": 2}),
        ("ice40", BEATS, {"SB_RAM40_4K": 6}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_memory_is_block_ram_alone(target: str, kind: tuple[Any, ...], blocks: dict[str, int]) -> None:
    modules = Modules()
    top = modules.add(*kind).module
    assert cells_of(modules, top, target) == blocks


def test_a_large_memory_with_one_port_is_spram() -> None:
    """16,384 words of 32 bits: two blocks, and no more logic than selects the address and the enables."""
    modules = Modules()
    top = modules.add(ActivationMemory, replace(CONFIG, memory_ports=1, memory_words=1 << 14)).module
    cells = cells_of(modules, top, "ice40")
    assert cells.pop("SB_SPRAM256KA") == 2
    assert cells.pop("SB_LUT4") <= 14 + 4 + 2
    assert not cells
