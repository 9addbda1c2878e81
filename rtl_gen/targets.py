"""The technologies that arrays are made for. Each is declared once, here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Device:
    """One part of an FPGA family: nextpnr's options for it, its name for people, and how many LUTs it has."""

    title: str
    options: tuple[str, ...]
    luts: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """A technology.

    `title`: its name for people. `array_for`: its name in `--for`. `synth`: Yosys's passes, for a module ``{top}``.
    `cells`: how the names of the cells begin that count for a resource; `weights`: cells that count more than once;
    `memory_luts`: LUTs in a memory that is made of them.
    `choices`: the operand select (`--choices`) of the smallest array. `devices`: what nextpnr can place, the default
    first, with its `place_options`; `speeds`: its speed grades.
    """

    name: str
    title: str
    array_for: str
    synth: str
    cells: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, int] = field(default_factory=dict)
    memory_luts: Mapping[str, int] = field(default_factory=dict)
    choices: int
    devices: Mapping[str, Device] = field(default_factory=dict)
    speeds: tuple[int, ...] = ()
    place_options: tuple[str, ...] = ()

    @property
    def is_fpga(self) -> bool:
        """Whether its logic is counted in LUTs; otherwise in gates."""
        return "luts" in self.cells

    @property
    def logic(self) -> str:
        """What its logic is counted in, for people."""
        return "LUTs" if self.is_fpga else "gates"

    @property
    def stat(self) -> str:
        """Yosys's command for the statistics of a netlist; those of gates have an estimate of transistors."""
        return "stat -json" if self.is_fpga else "stat -json -tech cmos"

    def script(self, top: str) -> str:
        """Yosys's passes for the module `top`."""
        return self.synth.format(top=top)

    def count_memory(self, cells: Mapping[str, int]) -> int:
        """LUTs that hold memory; :meth:`count` has them among the memories alone."""
        return sum(number * self.memory_luts.get(cell, 0) for cell, number in cells.items())

    def count(self, cells: Mapping[str, int]) -> dict[str, Any]:
        """Cells by resource; a resource that the target has and the design does not use is 0."""
        found = {"dsp": 0, **dict.fromkeys(self.cells, 0)}
        for cell, number in cells.items():
            names = [name for name, starts in self.cells.items() if cell.startswith(starts)]
            # Generic gates have the most general pattern, after those of the flip-flops.
            for name in names if self.is_fpga else names[:1]:
                found[name] += number * (self.weights.get(cell, 1) if name == "luts" else 1)
        return found


TARGETS = {
    target.name: target
    for target in (
        Target(
            name="xilinx",
            title="AMD 7 series",
            array_for="xilinx",
            synth="synth_xilinx -family xc7 -flatten -nodsp -noiopad -top {top}",
            cells={
                # An inverter of the netlist is a LUT on the device, unless a pin's own inverter takes it.
                "luts": ("LUT", "INV"),
                "carry": ("CARRY4",),
                "flip_flops": ("FD",),
                "memories": ("RAM", "SRL"),
                "dsp": ("DSP48",),
                "muxes": ("MUXF",),
            },
            memory_luts={"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8},
            choices=4,
        ),
        Target(
            name="ice40",
            title="Lattice iCE40",
            array_for="ice40",
            # Large memories with one port become the SPRAM of a UP5K.
            synth="synth_ice40 -spram -top {top}",
            cells={
                "luts": ("SB_LUT4",),
                "carry": ("SB_CARRY",),
                "flip_flops": ("SB_DFF",),
                "memories": ("SB_RAM", "SB_SPRAM"),
                "dsp": ("SB_MAC16",),
            },
            choices=1,
            devices={
                "hx8k": Device(title="HX8K", options=("--hx8k", "--package", "ct256"), luts=7680),
                "up5k": Device(title="UP5K", options=("--up5k", "--package", "sg48"), luts=5280),
            },
            # The default router never comes to an end on these arrays.
            place_options=("--router", "router2"),
        ),
        Target(
            name="ecp5",
            title="Lattice ECP5",
            array_for="ecp5",
            synth="synth_ecp5 -nodsp -top {top}",
            cells={
                "luts": ("LUT4", "CCU2C"),
                "carry": ("CCU2C",),
                "flip_flops": ("TRELLIS_FF",),
                "memories": ("DP16KD", "PDPW16KD", "TRELLIS_DPR16X4"),
                "dsp": ("MULT", "ALU54B"),
                "muxes": ("PFUMX", "L6MUX21"),
            },
            # A carry cell holds two LUTs.
            weights={"CCU2C": 2},
            memory_luts={"TRELLIS_DPR16X4": 4},
            choices=1,
            devices={
                "25k": Device(title="25k", options=("--25k",), luts=24288),
                "85k": Device(title="85k", options=("--85k",), luts=83640),
            },
            speeds=(6, 7, 8),
            place_options=("--out-of-context",),
        ),
        Target(
            name="generic",
            title="gates",
            array_for="gates",
            synth="synth -flatten -top {top}; dfflegalize -cell $_DFF_P_ 01; abc -g cmos2; opt_clean",
            cells={"flip_flops": ("$_DFF", "$_SDFF", "$_DLATCH"), "memories": ("$mem",), "gates": ("$_",)},
            choices=1,
        ),
    )
}
FPGAS = {name: target for name, target in TARGETS.items() if target.is_fpga}
PLACED = {name: target for name, target in TARGETS.items() if target.devices}
