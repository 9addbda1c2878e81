"""Registers in a row."""

from typing import Any

from amaranth import Module, Signal, Value
from amaranth.hdl import ValueLike


def delayed(m: Module, name: str, value: Value, moves: int, *, advance: ValueLike) -> Any:
    """`value` as it was `moves` of `advance` ago; the registers have no value in reset."""
    for index in range(moves):
        late = Signal(value.shape(), name=f"{name}_late{index}", reset_less=True)
        with m.If(advance):
            m.d.sync += late.eq(value)
        value = late
    return value
