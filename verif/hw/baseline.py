"""The weights of an array that its benches send most."""

from typing import Any

from sw_ref.format import StlqFormat


def extreme_codes(fmt: Any) -> list[int]:
    """Codes of the largest and the smallest weight (for STLQ: word), of 0, and of the one nearest below 0."""
    values = fmt.term if isinstance(fmt, StlqFormat) else fmt.weight
    codes = sorted(fmt.codes, key=values)
    nearest = max((code for code in codes if values(code) < 0), key=values)
    return [codes[-1], codes[0], next(code for code in codes if values(code) == 0), nearest]
