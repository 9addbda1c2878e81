"""What the parts of an engine cost, and whether its memories are memories of the target."""

import re
from collections.abc import Mapping

from rtl_gen.errors import CheckError
from rtl_gen.yosys import Memory

PARTS = {
    "array": ("array",),
    "requantizer": ("requantizer", "writer", "tables"),
    "sequencer and loader": ("sequencer", "addresses", "loader"),
    "memories": ("memory", "weights", "scales", "offsets", "steps"),
    "ports": ("inputs", "outputs"),
}
"""The parts, and the names of their instances in the engine."""
BETWEEN = "between them"
SMALL = 1024
"""Bits of a memory that flip-flops may hold: synthesis takes them where a block would be mostly empty."""


def instances_of(verilog: str, top: str) -> dict[str, str]:
    """The modules that a module instantiates, by the instances' names."""
    body = re.search(rf"^module {top}\b.*?^endmodule", verilog, re.M | re.S)
    assert body is not None
    return {name: module for module, name in re.findall(r"^  (\w+) (\w+) \($", body[0], re.M)}


def cells_by_part(
    modules: Mapping[str, Mapping[str, int]], top: str, instances: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """The cells of each part; an instance that no part has is one of its own."""
    part_of = {name: part for part, names in PARTS.items() for name in names}
    found: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    for name, module in instances.items():
        _add(found.setdefault(part_of.get(name, name), {}), _all_cells(modules, module))
    found[BETWEEN] = {kind: number for kind, number in modules[top].items() if kind not in modules}
    return {part: cells for part, cells in found.items() if cells}


def check_memories(memories: Mapping[str, Memory]) -> None:
    """Raise :class:`CheckError` for a memory, by its name, that became flip-flops."""
    for name, memory in memories.items():
        if memory.made == "" and memory.bits > SMALL:
            raise CheckError(
                f"memory {name} of {memory.bits:,} bits falls apart into flip-flops; a block of memory is right"
            )


def _all_cells(modules: Mapping[str, Mapping[str, int]], module: str) -> dict[str, int]:
    """The cells of a module and of all modules in it."""
    total: dict[str, int] = {}
    for kind, number in modules.get(module, {}).items():
        inner = _all_cells(modules, kind) if kind in modules else {kind: 1}
        _add(total, {cell: number * count for cell, count in inner.items()})
    return total


def _add(total: dict[str, int], cells: Mapping[str, int]) -> None:
    for kind, number in cells.items():
        total[kind] = total.get(kind, 0) + number
