"""Transistors that switch in a netlist of gates: counted in the waves of a simulation.

A transistor switches when its gate does. So each change of a net counts the transistors that hang on it:

- An input of an inverter, a NAND or a NOR drives 2 transistors.
- A flip-flop has Yosys's 16: 8 of its transmission gates hang on the clock, 4 of its inverters follow D, 4 follow Q.

Every gate has the same small delay, so glitches count. Wires, drivers of the clock and leakage do not.
"""

from collections.abc import Iterable
from typing import NamedTuple

CELLS = """
`timescale 1ns / 1ps
module \\$_NOT_ (input A, output Y); assign #0.01 Y = ~A; endmodule
module \\$_NAND_ (input A, input B, output Y); assign #0.01 Y = ~(A & B); endmodule
module \\$_NOR_ (input A, input B, output Y); assign #0.01 Y = ~(A | B); endmodule
module \\$_DFF_P_ (input C, input D, output reg Q); always @(posedge C) Q <= #0.01 D; endmodule
"""
"""Models of the cells of the target `generic`, for Icarus Verilog."""
PINS = {"A": 2, "B": 2, "D": 4, "Q": 4}
"""Transistors that a change of a pin switches; the clock's are counted without a simulation."""
CLOCK_SWITCHES = 2 * 8
"""Of each flip-flop in each cycle: both edges of the clock."""
PERIOD = 10_000
"""Of the bench's clock, in the waves' unit of time (ps)."""


class Switched(NamedTuple):
    """Transistors that switched in logic and at data pins of flip-flops: `all`, and `settled`, without glitches."""

    all: int
    settled: int
    flip_flops: int


def count(waves: Iterable[str]) -> Switched:
    """Of a value change dump.  Changes from and to unknown values do not count."""
    lines = iter(waves)
    weights, flip_flops = _declared(lines)
    value: dict[str, str] = {}
    odd: set[str] = set()
    total = settled = cycle = 0
    for line in lines:
        if line[0] in "01":
            net = line[1:].rstrip()
            weight = weights.get(net)
            if weight is None:
                continue
            before = value.get(net)
            if before is not None and before != line[0]:
                total += weight
                odd ^= {net}
            value[net] = line[0]
        elif line[0] == "x":
            value.pop(line[1:].rstrip(), None)
        elif line[0] == "#" and int(line[1:]) // PERIOD != cycle:
            cycle = int(line[1:]) // PERIOD
            settled += sum(weights[net] for net in odd)
            odd.clear()
    return Switched(total, settled + sum(weights[net] for net in odd), flip_flops)


def _declared(lines: Iterable[str]) -> tuple[dict[str, int], int]:
    """Transistors on each net, by its name in the dump, and the number of flip-flops."""
    found: dict[str, int] = {}
    flip_flops = 0
    for line in lines:
        words = line.split()
        if words[:1] == ["$enddefinitions"]:
            break
        if words[:1] == ["$var"] and words[4] in PINS:
            found[words[3]] = found.get(words[3], 0) + PINS[words[4]]
            flip_flops += words[4] == "D"
    return found, flip_flops
