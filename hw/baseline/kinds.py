"""The rivals by name: a number format, and the PEs that can be had for it."""

from dataclasses import dataclass
from typing import Any, cast

from hw.array.lane import Lane
from hw.baseline.apot import ApotPE
from hw.baseline.integer import ProductPE, RowsPE
from hw.baseline.two_word import TwoWordPE
from hw.component import Component
from hw.config import ArrayConfig
from hw.verilog import PEModules
from sw_ref.baseline import ApotFormat, IntegerFormat, RivalFormat, TwoWordFormat
from sw_ref.format import Format


@dataclass(frozen=True, kw_only=True)
class RivalConfig(ArrayConfig):
    """An array of a rival's numbers: all that :class:`ArrayConfig` says holds, but for its format and its chains.

    Where a lane takes an adder to itself, an adder of a chain has nothing of a lane's to take in, and only a tree is
    left. So it is with all but terms that are one shift each.
    """

    @property
    def chains(self) -> list[range]:
        fmt: Any = self.format
        if isinstance(fmt, TwoWordFormat) or (isinstance(fmt, ApotFormat) and fmt.bits == 3):
            return super().chains
        return [range(lane, lane + 1) for lane in range(self.lanes)]


def rival_config(fmt: RivalFormat, **values: Any) -> ArrayConfig:
    """The array of a rival's numbers."""
    return RivalConfig(format=cast(Any, fmt), **values)


def pe_forms(fmt: Format) -> dict[str, PEModules]:
    """The PEs for a format by name; where there are several, the smallest depends on target and synthesis."""
    if isinstance(fmt, IntegerFormat):
        return {
            "product": lambda config: {f"{config.name}_pe": ProductPE(config)},
            "rows2": lambda config: {f"{config.name}_pe": RowsPE(config, 2)},
            "rows4": lambda config: {f"{config.name}_pe": RowsPE(config, 4)},
        }
    if isinstance(fmt, ApotFormat):
        return {"apot": lambda config: {f"{config.name}_pe": ApotPE(config)}}
    return {"two_word": _two_word}


def _two_word(config: ArrayConfig) -> dict[str, Component]:
    fmt: Any = config.format
    return {f"{config.name}_pe": TwoWordPE(config), f"{config.name}_lane": Lane(fmt.word, config.pixels)}
