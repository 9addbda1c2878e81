"""Data registers: with an enable, without a reset."""

from typing import Any

from amaranth import Module, Signal, Value
from amaranth.hdl import ValueLike


class Registers:
    """Makes registers in the module `m` that load while `enable` is 1. They have no value in reset."""

    def __init__(self, m: Module, enable: ValueLike):
        self.m = m
        self._enable = Value.cast(enable)

    def register(self, name: str, value: Value, clear: Value | None = None) -> Any:
        """`value` one cycle later; 0 if `clear` is 1."""
        held = Signal(value.shape(), name=name, reset_less=True)
        with self.m.If(self._enable):
            self.m.d.sync += held.eq(value)
        if clear is not None:
            with self.m.If(clear):
                self.m.d.sync += held.eq(0)
        return held

    def clear(self, name: str, condition: Value) -> Signal:
        """`condition` while the registers load: the synchronous reset of one, or of several.

        It is a signal of its own, or Yosys makes it anew for every bit.
        """
        return self.named(name, self._enable & condition)

    def named(self, name: str, value: Value) -> Signal:
        """`value` in the same cycle, under a name: what reads the Verilog finds it."""
        signal = Signal(value.shape(), name=name)
        self.m.d.comb += signal.eq(value)
        return signal

    def delay(self, name: str, value: Value, cycles: int) -> Any:
        """`value` as it was `cycles` enabled cycles ago."""
        for index in range(cycles):
            value = self.register(f"{name}_late{index}", value)
        return value
