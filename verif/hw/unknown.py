"""The Verilog of an array as a chip is that has no initial values: in simulation its registers begin unknown."""

import re


def without_initial_values(verilog: str) -> str:
    """`verilog` with the initial values of its registers removed.

    Raises ``ValueError`` if it has none.
    """
    text, count = re.subn(r"^(\s*reg (?:\[\d+:0\] )?\S+ ?) = [^;]+;", r"\1;", verilog, flags=re.MULTILINE)
    if not count:
        raise ValueError("the Verilog has no initial values")
    return text
