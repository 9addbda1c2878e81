"""SQNR, the signal-to-quantization-noise ratio: one formula and one wording for all reports."""

import math


def relative_error(error: float, signal: float) -> float:
    """Squared error over squared signal: 0 without an error, infinite if there is an error and no signal."""
    return error / signal if signal else (math.inf if error else 0.0)


def decibels(relative: float) -> float | None:
    """SQNR in dB of a relative squared error; None if there is no error, or no signal."""
    return -10 * math.log10(relative) if 0 < relative < math.inf else None


def shown(relative: float) -> str:
    """SQNR in dB for people: "exact" without an error, "-" without a signal."""
    if relative == 0:
        return "exact"
    found = decibels(relative)
    return "-" if found is None else f"{found:.1f}"


def with_unit(relative: float) -> str:
    """The same in a sentence: with its unit, if it has one."""
    return f"{shown(relative)} dB" if decibels(relative) is not None else shown(relative)
