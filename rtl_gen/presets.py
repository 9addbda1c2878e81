"""Presets: what `--for` and `--optimize` choose, so that nobody has to know the parameters behind them."""

import argparse
from typing import Any

from hw.config import ArrayConfig
from rtl_gen.targets import TARGETS, Target

PRESETS = {"array_for": "xilinx", "optimize": "area"}
"""The options that stand for several parameters, with their defaults."""

OPTIMIZE = ("area", "speed")
ARRAYS_FOR = {target.array_for: target for target in TARGETS.values()}
HINT = "an array made with `--for {target}` is smaller there"
FASTER = "; `--optimize speed` makes it faster"
BUFFERED = 4
"""The `pipeline` with registers around each addition."""


def preset(array_for: str, optimize: str) -> dict[str, int]:
    """The parameters of the array for a technology: the smallest one with registers after every adder, or the fastest.

    >>> preset("ecp5", "speed")
    {'pipeline': 4, 'choices': 1}
    """
    pipeline = BUFFERED if optimize == "speed" else ArrayConfig.pipeline
    return {"pipeline": pipeline, "choices": ARRAYS_FOR[array_for].choices}


def add_preset_options(parser: argparse.ArgumentParser) -> None:
    """The options that stand for several parameters."""
    group = parser.add_argument_group("presets (the array's own options win)")
    group.add_argument(
        "--for",
        dest="array_for",
        choices=ARRAYS_FOR,
        help=f"technology: chooses --choices (default: {PRESETS['array_for']})",
    )
    group.add_argument(
        "--optimize",
        choices=OPTIMIZE,
        help=f"smallest or fastest array: chooses --pipeline (default: {PRESETS['optimize']})",
    )


def chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The parameters that presets decide: as given by their own options, else as the presets say."""
    values = preset(**{name: getattr(args, name) or default for name, default in PRESETS.items()})
    return {name: value if getattr(args, name) is None else getattr(args, name) for name, value in values.items()}


def hints(array: ArrayConfig, target: Target, *, is_clocked: bool = False) -> list[str]:
    """A line where an array has the shape of another technology; `is_clocked`: whether its clock is told, too."""
    if not array.pipeline or array.choices == target.choices:
        return []
    faster = FASTER if is_clocked and array.pipeline != BUFFERED else ""
    return [HINT.format(target=target.array_for) + faster]
