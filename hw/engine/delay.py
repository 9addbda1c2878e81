"""Values some cycles later.

Here registers always load, and are 0 in reset, as bits that say what happens must be. Data that may be anything in
reset are delayed by :class:`hw.array.registers.Registers`.
"""

from amaranth import Module, Signal, Value
from amaranth.hdl import ValueLike


def later(m: Module, name: str, value: ValueLike, cycles: int) -> Value:
    """`value` as it was `cycles` cycles ago; 0 before that."""
    late = Value.cast(value)
    for cycle in range(1, cycles + 1):
        held = Signal(late.shape(), name=f"{name}_{cycle}")
        m.d.sync += held.eq(late)
        late = held
    return late
