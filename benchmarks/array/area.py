"""LUTs of a design on a target, or its transistors if that is gates, by Yosys, without DSP blocks."""

import time
from functools import cache
from importlib import metadata
from typing import Any

from benchmarks.array.cache import Cache
from benchmarks.array.designs import Design
from rtl_gen.errors import CheckError
from rtl_gen.synth import transistors
from rtl_gen.targets import TARGETS
from rtl_gen.yosys import YOSYS, Flow, Mapped, mapped

RESOURCES = ("luts", "carry", "gates", "transistors", "flip_flops")


def flow_of(design: Design, target: str) -> str:
    """Yosys's passes after the design is read and flat."""
    synth = TARGETS[target].script(design.config.name)
    return f"{design.prepare}; {synth}" if design.prepare else synth


def measure(kept: Cache, design: Design, target: str) -> dict[str, Any] | None:
    """Resources of a design on a target.  `seconds` is how long the synthesis took."""
    flow, verilog, config = flow_of(design, target), verilog_of(design), design.config

    def synthesize() -> dict[str, Any]:
        begin = time.monotonic()
        found = mapped(verilog, config.name, Flow(passes=flow, stat=TARGETS[target].stat))
        used = counted(found, target, design.label)
        resources = {key: used[key] for key in RESOURCES if key in used}
        return {**resources, "seconds": round(time.monotonic() - begin, 1)}

    found = kept.get([verilog, flow, YOSYS, metadata.version(YOSYS)], synthesize)
    if found is None:
        return None
    return {
        "kind": design.kind,
        "form": design.form,
        "target": target,
        "pe": config.pe,
        "lanes": config.lanes,
        "pixels": config.pixels,
        "act_bits": config.format.act_bits,
        "acc_bits": config.acc_bits,
        "residual_beats": config.format.residual_beats,
        "flow": flow,
        **found,
    }


def counted(found: Mapped, target: str, label: str) -> dict[str, int]:
    """The resources of what Yosys mapped.  Raises :class:`CheckError` if a DSP block is among them, or no logic."""
    technology = TARGETS[target]
    used = technology.count(found.after["num_cells_by_type"])
    logic, name = ("luts", "LUTs") if technology.is_fpga else ("gates", "gates")
    if used["dsp"] or not used[logic]:
        raise CheckError(f"{label}: {used[logic]} {name} and {used['dsp']} DSP; DSP must be 0")
    return used if technology.is_fpga else used | {"transistors": transistors(found.after)}


@cache
def verilog_of(design: Design) -> str:
    """The Verilog of a design, made once for all targets."""
    return design.verilog()
