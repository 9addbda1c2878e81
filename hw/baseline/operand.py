"""What the operand parts of all baselines share: a code for each lane, held behind the registers that the PE has."""

from typing import Any

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.hdl import ValueLike

from hw.array.adder_tree import AdderTree, pixel_name
from hw.array.operand import acts_of_lane, word_of_lane
from hw.array.registers import Registers
from hw.component import Component
from hw.config import BaseArrayConfig

NO_CARRY = Const(0, 1)


class LaneInputs:
    """The codes and activations of an operand part's lanes, and the registers behind them.

    Where an array has no registers there, what should be held passes in the same cycle.
    """

    def __init__(self, m: Module, operand: Component, config: BaseArrayConfig):
        self.m = m
        self.config = config
        self.registers = Registers(m, operand.enable)
        self._operand = operand

    def code(self, lane: int) -> Any:
        """The code of a lane's weight."""
        code = word_of_lane(self.registers, self._operand.words, self.config, lane)
        return self.registers.delay(f"code{lane}", code, self.config.schedule.decode_stages)

    def acts(self, lane: int) -> list[Value]:
        """The activation of a lane for each pixel."""
        acts = acts_of_lane(self._operand.acts, self.config, lane)
        stages = self.config.schedule.decode_stages
        return [self.registers.delay(pixel_name(f"act{lane}", x), act, stages) for x, act in enumerate(acts)]

    def adders(self) -> AdderTree:
        """The adders behind the lanes."""
        return AdderTree(self.registers, self.config.schedule.registered)

    def held(self, name: str, value: Value, enable: ValueLike | None = None) -> Value:
        """`value`, or 0 unless `enable`, behind the registers that follow the lanes, if there are any.

        Clearing a register costs no logic where it is the register's synchronous reset.
        """
        if not self.config.schedule.registered(0):
            passed = Signal(value.shape(), name=name)
            with self.m.If(1 if enable is None else enable):
                self.m.d.comb += passed.eq(value)
            return passed
        clear = None if enable is None else self.registers.clear(f"{name}_clear", ~Value.cast(enable))
        return self.registers.register(name, value, clear)

    def held_pixels(self, name: str, values: list[Value], enable: ValueLike | None = None) -> list[Value]:
        """A value of each pixel, held."""
        return [self.held(pixel_name(name, x), value, enable) for x, value in enumerate(values)]


def with_sign(value: Value) -> Value:
    """The same number, signed."""
    return value if value.shape().signed else Cat(value, Const(0, 1)).as_signed()
