"""The Verilog text of an array."""

import re
from collections import Counter

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]  (unknown to the stubs)

from hw.array.array import Array
from hw.array.operand import Operand, Operands
from hw.component import Modules
from hw.config import BaseArrayConfig
from hw.yosys import run_yosys

ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")


def array_verilog(config: BaseArrayConfig, operand: Operands = Operand) -> str:
    """Plain Verilog-2005 of the whole array; the same configuration gives the same text.

    `operand`: the operand part of its PEs.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = Modules()
    modules.add(Array, config, operand)
    return verilog(modules)


def verilog(modules: Modules) -> str:
    """Plain Verilog-2005 of components and all that they instantiate.

    Raises ``ValueError`` if two of them have the same name, ``RuntimeError`` with what Yosys said, should it refuse.
    """
    design = "\n".join(
        rtlil.convert(component, name=component.module, platform=modules, emit_src=False) for component in modules
    )
    design = bare_memories(design)
    for name, count in Counter(component.module for component in modules).items():
        if count > 1:
            raise ValueError(f"{count} different components are named {name}; allowed: one")
    remove = " ".join(f"-remove {name}" for name in ATTRIBUTES)
    script = [
        f"read_rtlil <<rtlil\n{design}\nrtlil",
        "proc -norom",
        "opt",
        "opt_clean -purge",
        f"attrmap {remove}",
        f"attrmap -modattr {remove}",
        "write_verilog",
    ]
    text = run_yosys("\n".join(script))
    # What a memory is to be made of is for whoever reads the Verilog; all else Yosys notes for itself.
    text = re.sub(r"^ *\(\* (?!ram_style).* \*\)\n|\(\* (?!ram_style)[^*]* \*\) ", "", text, flags=re.MULTILINE)
    # A simulator's registers hold a value from the start; those of a block RAM need not.
    text = re.sub(r"^ *initial .*\n", r"`ifndef SYNTHESIS\n\g<0>`endif\n", text, flags=re.MULTILINE)
    for component in modules:
        if component.keep_hierarchy:
            header = f"module {component.module}("
            text = text.replace(header, f"(* keep_hierarchy *)\n{header}")
    return text


def bare_memories(design: str) -> str:
    """The design, in RTLIL, whose memories promise no more than block RAM does; Amaranth has no words for it.

    They have no initial contents. A word that is read while it is written is anything.
    """
    design = re.sub(r"^  cell \$meminit_v2 [\s\S]*?^  end\n", "", design, flags=re.MULTILINE)
    return re.sub(r"^  cell \$memrd_v2 [\s\S]*?^  end\n", _bare_read, design, flags=re.MULTILINE)


def _bare_read(port: re.Match[str]) -> str:
    if r"\CLK_ENABLE 1" not in port[0]:
        return port[0]
    text = re.sub(r"(?<=\\COLLISION_X_MASK )(\d+)'0+", lambda mask: f"{mask[1]}'{'1' * int(mask[1])}", port[0])
    return re.sub(r"(?<=\\INIT_VALUE )(\d+)'x+", lambda value: f"{value[1]}'{'0' * int(value[1])}", text)
