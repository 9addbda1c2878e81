"""What helps a build that does not fit."""

from collections.abc import Sequence

from hw.config import ArrayConfig
from rtl_gen.design import Design
from rtl_gen.engine_build import EngineBuild
from rtl_gen.targets import Target

SPRAM = ("up5k",)
"""Devices with large memories of one port."""


def smaller(build: Design, target: Target, device: str, larger: Sequence[str]) -> str:
    """What helps a build that does not fit a device: options of the command that made it, or `larger` ones by option.

    Options that cost no speed come first.
    """
    array, options = build.array, list[str]()
    if array.choices != target.choices:
        options.append(f"--for {target.array_for}")
    if array.pipeline > ArrayConfig.pipeline:
        options.append("--optimize area")
    if isinstance(build, EngineBuild):
        if device in SPRAM and build.config.memory_ports > 1:
            options.append("--memory-ports 1")
        if build.config.requant_lanes > 1:
            options.append("--requant-lanes 1")
    if array.pe > 1:
        options.append("a smaller --pe")
    command = "compile" if isinstance(build, EngineBuild) else "generate"
    helps = [f"`stlq {command}` makes it smaller with {_or(options)}"] if options else []
    helps += [f"{_or(larger)} has more"] if larger else []
    return "; ".join(helps) or "no option makes it smaller"


def _or(options: Sequence[str]) -> str:
    *others, last = options
    return f"{', '.join(others)} or {last}" if others else last
