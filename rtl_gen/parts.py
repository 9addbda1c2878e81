"""The cost of an engine's parts, and whether its memories are memories of the target."""

import re
from collections.abc import Iterator, Mapping

from rtl_gen.errors import FitError
from rtl_gen.yosys import Memory

PARTS = {
    "array": ("array", "window"),
    "requantizer": ("results",),
    "sequencer and loader": ("sequencer", "columns", "addresses", "loader"),
    "memories": ("memory", "weights", "scales", "offsets", "steps"),
    "ports": ("transfers",),
}
"""The parts, and the names of their instances: each has all that is in it, but for instances of another part."""
BETWEEN = "between them"
SMALL = 1024
"""Bits of a memory that flip-flops may hold: synthesis takes them where a block would be mostly empty."""


def modules_apart(verilog: str, top: str) -> dict[str, str]:
    """The modules where a part begins, each with its part."""
    instances = {
        name: [(label, kind) for kind, label in re.findall(r"^  (\w+) (\w+) \($", body, re.M)]
        for name, body in re.findall(r"^module (\w+)\b(.*?)^endmodule", verilog, re.M | re.S)
    }
    return dict(_begin(instances, top, BETWEEN))


def _begin(instances: Mapping[str, list[tuple[str, str]]], module: str, part: str) -> Iterator[tuple[str, str]]:
    part_of = {label: name for name, labels in PARTS.items() for label in labels}
    for label, kind in instances[module]:
        own = part_of.get(label, part)
        if own != part:
            yield kind, own
        yield from _begin(instances, kind, own)


def cells_by_part(
    modules: Mapping[str, Mapping[str, int]], top: str, apart: Mapping[str, str]
) -> dict[str, dict[str, int]]:
    """The cells of each part; `modules`: the cells of each module, modules among them."""
    found: dict[str, dict[str, int]] = {part: {} for part in (*PARTS, BETWEEN)}

    def visit(module: str, part: str, times: int) -> None:
        for kind, number in modules[module].items():
            if kind in modules:
                visit(kind, apart.get(kind, part), times * number)
            else:
                found[part][kind] = found[part].get(kind, 0) + times * number

    visit(top, BETWEEN, 1)
    return found


def check_memories(memories: Mapping[str, Memory]) -> None:
    """Raise :class:`FitError` for a memory, by its name, that became flip-flops."""
    for name, memory in memories.items():
        if memory.made == "" and memory.bits > SMALL:
            raise FitError(
                f"memory {name} of {memory.bits:,} bits falls apart into flip-flops; a block of memory is right"
            )
