"""LUTs of a design on a target, or its transistors if that is gates, by Yosys, without DSP blocks."""

import time
from functools import cache
from typing import Any

from benchmarks.array.designs import Design
from rtl_gen.errors import CheckError
from rtl_gen.parts import check_memories
from rtl_gen.synth import transistors
from rtl_gen.targets import TARGETS
from rtl_gen.work import Work
from rtl_gen.yosys import YOSYS, Flow, Mapped, mapped

RESOURCES = ("luts", "carry", "gates", "transistors", "flip_flops")


def synthesized(*, verilog: str, top: str, target: str, flow: str) -> dict[str, Any]:
    """Resources of a module; `memory_luts`: LUTs that are small memories, not among `luts`.

    `flow`: Yosys's passes after the design is read and flat.  `seconds` is how long the synthesis took.
    Raises :class:`CheckError` as :func:`counted` does, and if a memory became flip-flops.
    """
    begin = time.monotonic()
    found = mapped(verilog, top, Flow(passes=flow, stat=TARGETS[target].stat))
    check_memories(found.memories)
    used = counted(found, target, f"{top} for {target}")
    memory_luts = TARGETS[target].count_memory(found.after["num_cells_by_type"])
    return {**used, "memory_luts": memory_luts, "seconds": round(time.monotonic() - begin, 1)}


AREA = Work(
    function=synthesized, sources=("rtl_gen/targets.py", "rtl_gen/yosys.py", "rtl_gen/synth.py"), packages=(YOSYS,)
)


def flow_of(design: Design, target: str) -> str:
    """Yosys's passes after the design is read and flat."""
    synth = TARGETS[target].script(design.config.name)
    return f"{design.prepare}; {synth}" if design.prepare else synth


def unit(design: Design, target: str) -> dict[str, Any]:
    """The arguments that measure a design on a target."""
    return {
        "verilog": verilog_of(design),
        "top": design.config.name,
        "target": target,
        "flow": flow_of(design, target),
    }


def line(design: Design, target: str, found: dict[str, Any]) -> dict[str, Any]:
    """What the results tell of a design on a target."""
    config = design.config
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
        "flow": flow_of(design, target),
        **{name: found[name] for name in (*RESOURCES, "seconds") if name in found},
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
