"""What the PEs of all rivals share: one beat a tile, so an operand is accumulated or not, but never shifted."""

from typing import Any

from amaranth import Cat, Const, Module, Signal, Value

from hw.array.adder_tree import Term, adder_tree
from hw.array.lane import act_shape
from hw.array.pe import PE, Pixel


class RivalPE(PE):
    """A :class:`PE` of other lanes; accumulator, control and number of registers in a row are the same."""

    def _scaled(self, operand: Term, counted: Value) -> Value:
        return operand.value & counted.replicate(len(operand.value)).as_signed()

    def _weight(self, m: Module, lane: int) -> Any:
        return self._own(m, f"code{lane}", self._code(m, lane))

    def _act(self, m: Module, lane: int, pixel: Pixel) -> Value:
        """The activation of a lane."""
        fmt = self._config.format
        act = self.acts.word_select(pixel.number * self._config.lanes + lane, fmt.act_bits)
        return self._own(m, f"act{lane}{pixel.suffix}", act.as_signed() if act_shape(fmt).signed else act)

    def _tree(self, m: Module, terms: list[Term], pixel: Pixel, *, logic: bool) -> Term:
        """The sum of all lanes' terms, in pairs; `logic`: the second of each pair is a function of registers."""
        registered = self._config.registered
        return adder_tree(m, terms, registered=registered, advance=self._advance, logic=logic, suffix=pixel.suffix)

    def _held(self, m: Module, name: str, value: Value, *, enable: Any = 1) -> Value:
        """`value`, or 0 unless `enable`, behind the registers that follow the lanes, if there are any.

        Clearing a register costs no logic where it is the register's synchronous reset.
        """
        held = Signal(value.shape(), name=name, reset_less=True)
        if not self._config.registered(0):
            with m.If(enable):
                m.d.comb += held.eq(value)
            return held
        with m.If(self._advance):
            m.d.sync += held.eq(value)
        if not isinstance(enable, int):
            clear = Signal(name=f"{name}_clear")
            m.d.comb += clear.eq(self._advance & ~enable)
            with m.If(clear):
                m.d.sync += held.eq(0)
        return held


def with_sign(value: Value) -> Value:
    """The same number, signed."""
    return value if value.shape().signed else Cat(value, Const(0, 1)).as_signed()
