"""The Verilog text of a bus top."""

from types import SimpleNamespace
from typing import Any

from hw.bus.config import Bus, BusConfig
from hw.bus.stlq_wishbone import StlqWishbone
from hw.component import Component, Modules
from hw.engine.engine import Engine
from hw.engine.layouts import engine_signature
from hw.verilog import verilog

TOPS: dict[Bus, type[Component]] = {Bus.WISHBONE: StlqWishbone}


class _AroundEngine(Modules):
    """All modules but those of the engine, whose Verilog is a file of its own."""

    def add(self, kind: type[Component], *parameters: Any) -> Any:
        if kind is not Engine:
            return super().add(kind, *parameters)
        (config,) = parameters
        return SimpleNamespace(signature=engine_signature(config), module=config.name, clocked=True)


def bus_verilog(config: BusConfig) -> str:
    """Plain Verilog-2005 of the top and its parts, without the engine, which it instantiates by its name.

    Raises ``RuntimeError`` with what Yosys said, should it refuse.
    """
    modules = _AroundEngine()
    modules.add(TOPS[config.bus], config)
    return verilog(modules)
