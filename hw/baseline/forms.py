"""The operand parts that can be had for a baseline's number format."""

from hw.array.operand import Operands
from hw.baseline.apot import OneTermOperand, TwoTermOperand
from hw.baseline.integer import BoothOperand, DigitOperand, ProductOperand, RowsOperand
from hw.baseline.two_word import TwoWordOperand
from sw_ref.baseline import AnyBaseline, ApotFormat, IntegerFormat


def operand_forms(fmt: AnyBaseline) -> dict[str, Operands]:
    """The operand parts for a format by name; where there are several, the smallest depends on target and synthesis."""
    if isinstance(fmt, IntegerFormat):
        rows4 = DigitOperand if fmt.bits == 2 else BoothOperand
        return {"product": ProductOperand, "rows2": RowsOperand, "rows4": rows4}
    if isinstance(fmt, ApotFormat):
        return {"apot": OneTermOperand if fmt.bits == 3 else TwoTermOperand}
    return {"two_word": TwoWordOperand}
